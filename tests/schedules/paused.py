"""The ports of the real stores, with a step before everything that others can see or that decides something."""

from collections.abc import Callable
from types import TracebackType
from typing import Any, Self, TypeVar

from refloat.blobs.filesystem import FileBlobs
from refloat.blobs.locked import LockedFile
from refloat.core.records import Upload
from refloat.metadata.store import SqliteMetadata
from refloat.metadata.transaction import SqliteTransaction
from refloat.ports import Room

T = TypeVar("T")
Step = Callable[[str], None]
SILENT = frozenset({"path", "check_room", "entering", "close", "epoch", "last_backup", "tags", "referrers"})


class Paused:
    """Anything, with a step before each of its methods; those in SILENT decide nothing."""

    def __init__(self, real: object, name: str, step: Step) -> None:
        self._real = real
        self._name = name
        self._step = step

    def __getattr__(self, method: str) -> Any:
        found = getattr(self._real, method)
        if method in SILENT:
            return found

        def stepping(*arguments: Any, **keywords: Any) -> Any:
            self._step(f"{self._name}{method}")
            return found(*arguments, **keywords)

        return stepping


class PausedFile:
    """An upload's bytes under their lock; letting go of the lock is a step too."""

    def __init__(self, file: LockedFile, step: Step) -> None:
        self._file = file
        self._step = step

    @property
    def size(self) -> int:
        return self._file.size

    def cut(self, size: int) -> None:
        self._step("cut")
        self._file.cut(size)

    def append(self, *chunks: bytes | bytearray) -> None:
        self._step("append")
        self._file.append(*chunks)

    async def digest(self, algorithm: str) -> str:
        return await self._file.digest(algorithm)

    def recorded(self, upload: Upload) -> None:
        self._file.recorded(upload)

    def __enter__(self) -> Self:
        self._file.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._step("unlock")
        finally:
            self._file.__exit__(kind, error, trace)


class PausedBlobs(Paused):
    """`ports.BlobStore` and `reaping.BlobReaper` with steps."""

    def __init__(self, blobs: FileBlobs, step: Step) -> None:
        super().__init__(blobs, "", step)
        self._blobs = blobs

    def open_upload(self, upload: Upload) -> PausedFile:
        self._step("open_upload")
        return PausedFile(self._blobs.open_upload(upload), self._step)


class PausedMetadata(Paused):
    """`ports.Metadata` with steps. A transaction is one step: SQLite puts them in a row.

    Each goes alone through the writer and not in a batch: batches only join what could be in a row.
    """

    def __init__(self, metadata: SqliteMetadata, step: Step, committed: Callable[[], None]) -> None:
        super().__init__(metadata, "", step)
        self._metadata = metadata
        self._committed = committed

    @property
    def read(self) -> Paused:
        return Paused(self._metadata.read, "read.", self._step)

    @property
    def listing(self) -> Paused:
        return Paused(self._metadata.listing, "listing.", self._step)

    @property
    def verifying(self) -> Paused:
        return Paused(self._metadata.verifying, "verifying.", self._step)

    @property
    def notes(self) -> Paused:
        return Paused(self._metadata.notes, "notes.", self._step)

    async def write(
        self,
        work: Callable[[SqliteTransaction], T],
        rows: int | None = None,
        ahead: Callable[[], object] | None = None,
        *,
        room: Room = "spare",
    ) -> T:
        if ahead is not None:
            self._step("ahead")
            ahead()
        self._step("write")
        done = self._metadata.write_now(work, room=room)
        self._committed()
        return done

    write_brief = write
    note = write
