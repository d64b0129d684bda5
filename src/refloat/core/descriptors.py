"""What stored bodies say about what they name, for people: `manifest.parse` was strict, this takes what it finds."""

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress

import msgspec

from refloat.core.errors import DigestInvalid
from refloat.core.names import Digest

LARGEST_CONFIG = 1 << 20  # bytes; a config beyond this is not opened for people


def document_in(body: bytes) -> dict[str, object]:
    """Return a JSON object; of anything else, an empty one."""
    try:
        document = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return {}
    return document if isinstance(document, dict) else {}


def entries_in(document: Mapping[str, object], name: str) -> list[dict[str, object]]:
    """Return the descriptors of a list such as `layers`."""
    entries = document.get(name)
    return [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []


def descriptors_in(body: bytes) -> dict[str, dict[str, object]]:
    """Return what the body of a manifest says about each digest it names."""
    document = document_in(body)
    config = document.get("config")
    found = [config] if isinstance(config, dict) else []
    return {
        str(entry.get("digest")): entry
        for entry in (*found, *entries_in(document, "layers"), *entries_in(document, "manifests"))
    }


class _Image(msgspec.Struct):
    """What of an image's body names blobs. The rest is passed over, which is a twentieth of the time for an index."""

    config: object = None
    layers: object = None


def blobs_in(body: bytes) -> tuple[Digest, ...]:
    """Return the blobs a body would require if it were an image's, each once; of what is none, an empty tuple."""
    try:
        said = msgspec.json.decode(body, type=_Image)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        said = _leniently(body)
    layers = said.layers if isinstance(said.layers, list) else []
    return tuple(dict.fromkeys(_digests((said.config, *layers))))


def _leniently(body: bytes) -> _Image:
    """Read what `manifest.parse` may yet take, though it is not quite JSON; that refuses what it does not."""
    try:
        document = json.loads(body.decode(errors="replace"))
    except (ValueError, RecursionError):
        document = None
    return _Image(document.get("config"), document.get("layers")) if isinstance(document, dict) else _Image()


def _digests(descriptors: tuple[object, ...]) -> Iterator[Digest]:
    for descriptor in descriptors:
        if isinstance(descriptor, dict) and not descriptor.get("urls"):
            with suppress(DigestInvalid):
                yield Digest.parse(str(descriptor.get("digest")))


def platform_of(said: object) -> str | None:
    """Read `os`, `architecture` and `variant`; attestations call themselves unknown and are no platform."""
    if not isinstance(said, dict):
        return None
    names = [said.get(part) for part in ("os", "architecture", "variant")]
    if names[0] in (None, "", "unknown") or names[1] in (None, "", "unknown"):
        return None
    return "/".join(str(name) for name in names if name)
