"""The bytes, beside the database."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from refloat.core.names import Digest
from refloat.core.records import (
    Upload,
)


class UploadFile(Protocol):
    """The bytes of one session, locked against every other writer in every process until closed."""

    @property
    def size(self) -> int:
        """How many bytes there are: what was recorded, and what was appended since."""

    def cut(self, size: int) -> None:
        """Drop what lies beyond `size`, the recorded length."""

    def append(self, *chunks: bytes | bytearray) -> None:
        """Write all of `chunks` at the end, in order. Raises StorageFull."""

    async def digest(self, algorithm: str) -> Digest:
        """Return the digest of all bytes in the file, from a running hash where it belongs to them."""

    def recorded(self, upload: Upload) -> None:
        """Keep the running hash for `upload`, the session as it is recorded now."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class BlobStore(Protocol):
    """Bytes under keys. It can add and read; removing is `reaping.BlobReaper`, which few may import."""

    def create(self, key: str) -> None:
        """Make the empty file of an upload."""

    def open_upload(self, upload: Upload) -> UploadFile:
        """Lock and open an upload's bytes. The session has to be read again under the lock.

        Raises UploadOutOfOrder when another request has them, BlobUploadUnknown when they are gone.
        """

    async def seal(self, key: str) -> None:
        """Make an upload's bytes durable under their final name. Raises StorageFull, Unavailable."""

    def path(self, key: str) -> Path:
        """Return where the whole bytes of a live key lie."""

    def size(self, key: str) -> int | None:
        """Return how many bytes lie under a live key; None: no file."""

    def has_room(self, length: int) -> bool:
        """Would `length` more bytes leave the reserve free?"""

    def check_room(self, length: int) -> None:
        """Raise StorageFull where `length` more bytes of a blob, or their rows, would not leave the reserve free."""

    def entering(self, length: int) -> AbstractContextManager[Callable[[], None]]:
        """Hold room for `length` bytes of rows while they are written. Raises StorageFull as `check_room` does.

        Yields what is to be asked once more in the transaction: other processes hold theirs for themselves.
        """


class BlobShelf(Protocol):
    """Bytes under keys, for who looks at all of them."""

    def keys(self) -> Iterator[str]:
        """Yield every name that has bytes, arriving or whole. Raises Unavailable."""

    def files(self) -> Iterator[tuple[str, int]]:
        """Yield the name and size of every file, arriving or whole. Raises Unavailable."""

    def quarantined(self) -> int:
        """Return how many bytes lie in quarantine. Raises Unavailable."""

    def size(self, key: str) -> int | None:
        """Return how many bytes lie under a live key; None: no file. Raises Unavailable."""

    def digest_of(self, key: str, algorithm: str) -> Digest:
        """Read the whole bytes of a key and return their digest. Raises Unavailable."""

    def set_aside(self, key: str) -> int:
        """Move what lies under a key to quarantine, where nothing removes or replaces it. Returns how many files."""
