"""What stored bodies say about what they name, for people: `manifest.parse` was strict, this takes what it finds."""

from collections.abc import Mapping

import msgspec

LARGEST_CONFIG = 1 << 20  # bytes; a config beyond this is not opened for people


def document_in(body: bytes) -> dict[str, object]:
    """Return a JSON object; of anything else, an empty one."""
    try:
        document = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return {}
    return document if isinstance(document, dict) else {}


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


def platform_of(said: object) -> str | None:
    """Read `os`, `architecture` and `variant`; attestations call themselves unknown and are no platform."""
    if not isinstance(said, dict):
        return None
    names = [name if isinstance(name := said.get(part), str) else "" for part in ("os", "architecture", "variant")]
    if names[0] in ("", "unknown") or names[1] in ("", "unknown"):
        return None
    return "/".join(name for name in names if name)
