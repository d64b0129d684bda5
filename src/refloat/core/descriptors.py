"""What stored bodies say about what they name, for people: `manifest.parse` was strict, this takes what it finds."""

from collections.abc import Iterator, Mapping
from contextlib import suppress

import msgspec

from refloat.core.document import read
from refloat.core.errors import DigestInvalid, ManifestInvalid
from refloat.core.names import OTHER_DIGEST, Digest

LARGEST_SIZE = (1 << 63) - 1  # bytes, as the image specification writes sizes: int64
LARGEST_CONFIG = 1 << 20  # bytes; a config beyond this is not opened for people


def document_in(body: bytes) -> dict[str, object]:
    """Return a JSON object; of anything else, an empty one."""
    try:
        return read(body)
    except ManifestInvalid:
        return {}


def entries_in(document: Mapping[str, object], name: str) -> list[dict[str, object]]:
    """Return the descriptors of a list such as `layers`: what has a digest."""
    entries = document.get(name)
    return [entry for entry in entries if _is_descriptor(entry)] if isinstance(entries, list) else []


def _is_descriptor(entry: object) -> bool:
    return isinstance(entry, dict) and isinstance(entry.get("digest"), str)


def descriptors_in(body: bytes) -> dict[str, dict[str, object]]:
    """Return what the body of a manifest says about each digest it names."""
    document = document_in(body)
    found = entries_in({"config": [document.get("config")]}, "config")
    entries = (*found, *entries_in(document, "layers"), *entries_in(document, "manifests"))
    return {str(entry["digest"]): entry for entry in entries}


def size_in(descriptor: Mapping[str, object]) -> int:
    """Return the size a descriptor says in bytes; 0 where it says none that could be one."""
    size = descriptor.get("size")
    return size if isinstance(size, int) and not isinstance(size, bool) and 0 <= size <= LARGEST_SIZE else 0


def is_zero(descriptor: object) -> bool:
    """Is this what Go writes for a descriptor that nobody filled in: `{"mediaType":"","digest":"","size":0}`?"""
    return isinstance(descriptor, dict) and "digest" in descriptor and not any(descriptor.values())


def is_foreign(descriptor: object) -> bool:
    """Does this name its content by an algorithm that nothing is kept by here? OCI Image 1.1 "Digests"."""
    digest = descriptor.get("digest") if isinstance(descriptor, dict) else None
    return isinstance(digest, str) and OTHER_DIGEST.fullmatch(digest) is not None


class _Image(msgspec.Struct):
    """What of an image's body names blobs. The rest is passed over, which is a twentieth of the time for an index."""

    config: object = None
    layers: object = None


def blobs_in(body: bytes) -> tuple[Digest, ...]:
    """Return the blobs a body would require if it were an image's, each once; of what is none, an empty tuple."""
    try:
        said = msgspec.json.decode(body, type=_Image)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        document = document_in(body)  # `manifest.parse` may yet take what is not quite JSON
        said = _Image(document.get("config"), document.get("layers"))
    layers = said.layers if isinstance(said.layers, list) else []
    return tuple(dict.fromkeys(_digests((said.config, *layers))))


def _digests(descriptors: tuple[object, ...]) -> Iterator[Digest]:
    for descriptor in descriptors:
        if isinstance(descriptor, dict) and not descriptor.get("urls"):
            with suppress(DigestInvalid):
                yield Digest.parse(str(descriptor.get("digest")))


def platform_of(said: object) -> str | None:
    """Read `os`, `architecture` and `variant`; attestations call themselves unknown and are no platform."""
    if not isinstance(said, dict):
        return None
    names = [name if isinstance(name := said.get(part), str) else "" for part in ("os", "architecture", "variant")]
    if names[0] in ("", "unknown") or names[1] in ("", "unknown"):
        return None
    return "/".join(name for name in names if name)
