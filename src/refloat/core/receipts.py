"""What a purge leaves behind in writing. One line each, in a file that a restored database cannot take back."""

from typing import TypeVar

import msgspec

from refloat.core.errors import Unavailable
from refloat.core.names import Digest, RepositoryName

T = TypeVar("T")


class Receipt(msgspec.Struct, frozen=True, kw_only=True, tag_field="note", tag="purge"):
    """What ended, where, and by whom.

    `image` is how it was named in `repository`, `names` are the digests of the bytes named so, by each algorithm.
    `at` is in microseconds, `size` in bytes of the blobs that ended.
    """

    id: str
    at: int
    repository: RepositoryName
    image: str
    digest: Digest
    names: tuple[Digest, ...]
    repositories: tuple[RepositoryName, ...] = ()
    manifests: tuple[Digest, ...] = ()
    blobs: tuple[Digest, ...] = ()
    blocked: tuple[Digest, ...] = ()
    size: int = 0
    address: str | None = None
    client: str | None = None
    reason: str | None = None


class Lifted(msgspec.Struct, frozen=True, kw_only=True, tag_field="note", tag="unblock"):
    """The blocks of a purge that were lifted."""

    id: str
    at: int
    purge: str
    digests: tuple[Digest, ...]
    address: str | None = None
    client: str | None = None
    reason: str | None = None


Note = Receipt | Lifted


def line_of(note: Note) -> bytes:
    """Return a note as a line of JSON, without its end."""
    return msgspec.json.encode(note, enc_hook=str)


def read_line(line: bytes) -> Note:
    """Return the note a line holds. Raises Unavailable."""
    try:
        note: Note = msgspec.json.decode(line, type=Receipt | Lifted, dec_hook=_named)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
        raise Unavailable(f"a receipt of a purge cannot be read: {problem}") from None
    return note


def _named(kind: type[T], value: object) -> T:
    return kind(value)  # type: ignore[call-arg]  # a digest or a name, of the text it is
