"""A path as it came, decoded once, and the names in it."""

from collections.abc import Mapping, Sequence
from urllib.parse import unquote_to_bytes

from refloat.core.errors import NameInvalid
from refloat.core.names import RepositoryName, printable

STATE = "?_state=open"
"""Ends the address of an upload: clients made for distribution append `&digest=` to it. What it says is not read."""


def decode(raw: bytes) -> str:
    """Return a raw path decoded once. Raises NameInvalid for what could be read in two ways."""
    if b"%" in raw:
        if b"%2f" in raw.lower():
            raise NameInvalid("an encoded slash is not a separator", {"path": printable(raw.decode("latin-1"))})
        raw = unquote_to_bytes(raw)
    try:
        path = raw.decode("ascii")
    except UnicodeDecodeError:
        raise NameInvalid("names are ASCII", {"path": printable(raw.decode("latin-1"))}) from None
    if not path.isprintable():
        raise NameInvalid("names have no control characters", {"path": printable(path)})
    return path


def digest_in(query: Mapping[str, Sequence[str]]) -> str:
    """Return the digest that a query names, also one that was appended as `?digest=` to an upload's address."""
    said = query.get("digest") or [query.get("_state", [""])[0].partition("?digest=")[2]]
    return said[0]


def name_in(text: str, reserved: str) -> RepositoryName:
    """Return the repository's name in a path; none begins with the reserved first part. Raises NameInvalid."""
    name = RepositoryName.parse(text)
    if name.startswith(reserved + "/"):
        raise NameInvalid(f"names under {reserved}/ are reserved for pulls from the past", {"name": name})
    return name
