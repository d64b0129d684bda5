"""Blobs as files under ROOT/refloat. Safe with any number of processes; needs no repair after a crash."""

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from refloat import durable
from refloat.blobs.ballast import ballast_of
from refloat.blobs.hashes import RunningHashes
from refloat.blobs.locked import LockedFile
from refloat.blobs.quarantine import Copies
from refloat.blobs.reserve import Reserve, nothing
from refloat.blobs.sealer import OnBroken, Sealer
from refloat.blobs.shelf import FileShelf
from refloat.core import room
from refloat.core.errors import BlobUploadUnknown, StorageFull
from refloat.core.records import Upload
from refloat.durable import condition_of, disk

log = logging.getLogger("refloat.blobs")


class FileBlobs(FileShelf):
    """`ports.BlobStore` and `reaping.StrayReaper` over a directory.

    `reserve` is the fraction of a disk that pushes leave free. `on_broken` is told why, on any thread, when
    nothing is sealed here any more. `database` is the file of the rows: what is kept back lies on its disk. `owed`
    says by how many bytes it will grow without another push. Made after a fork: it has threads.
    """

    def __init__(
        self,
        directory: Path,
        reserve: float,
        on_broken: OnBroken = log.error,
        database: Path | None = None,
        owed: Callable[[], int] = nothing,
    ) -> None:
        super().__init__(directory)
        self._hashes = RunningHashes()
        with disk():
            durable.make_directory(directory)
            durable.make_directory(Path(self._layout.incoming))
            durable.make_directory(Path(self._layout.objects))
            durable.fsync_directory(directory)  # also where a process died between making a name and syncing it
        rows = database or directory / "refloat.db"
        self._ballast = ballast_of(directory, rows)
        log_of_rows = rows.with_name(f"{rows.name}-wal")
        self._rows = Reserve(rows.parent, reserve, log_of_rows, owed, lambda: self._ballast.lent)
        is_apart = os.stat(rows.parent).st_dev != os.stat(directory).st_dev
        self._bytes = Reserve(directory, reserve) if is_apart else self._rows
        self.keep_back()
        self._sealer = Sealer(self._layout, on_broken)

    def create(self, key: str) -> None:
        """Make the empty file of an upload. Raises StorageFull, Unavailable."""
        try:
            os.close(durable.create(self._layout.arriving(key)))
        except OSError as problem:
            raise condition_of(problem) from problem

    def open_upload(self, upload: Upload) -> LockedFile:
        """Lock and open an upload's bytes. The session has to be read again under the lock.

        Raises UploadOutOfOrder when another request has them, BlobUploadUnknown when there are none, Unavailable.
        """
        for path in (self._layout.arriving(upload.key), self._layout.whole(upload.key)):
            try:
                file = durable.open_plain(path, os.O_RDWR)
            except FileNotFoundError:
                continue
            except OSError as problem:
                raise condition_of(problem) from problem
            return LockedFile(file, upload, self._hashes)
        raise BlobUploadUnknown("the bytes of this upload are gone; begin it again", {"upload": upload.id})

    async def seal(self, key: str) -> None:
        """Make an upload's bytes durable under their final name; once more is fine.

        Raises BlobUploadUnknown where there are none, StorageFull, Unavailable.
        """
        await self._sealer.seal(key)

    def path(self, key: str) -> Path:
        """Return where the whole bytes of a live key lie."""
        return Path(self._layout.whole(key))

    def has_room(self, length: int) -> bool:
        """Would `length` more bytes leave the reserve free?"""
        return self._bytes.allows(length)  # guard: the-reserve-stays-free

    def check_room(self, length: int) -> None:
        """Raise StorageFull where `length` more bytes of a blob, or their rows, would not leave the reserve free."""
        if not self.has_room(length):
            raise StorageFull(room.refusal(self._bytes.free(), self._ballast.size))
        if self._rows is not self._bytes:
            self._check_rows(0)

    @contextmanager
    def entering(self, length: int) -> Iterator[Callable[[], None]]:
        """Hold room for `length` bytes of rows while they are written. Raises StorageFull as `check_room` does.

        Yields what is to be asked once more in the transaction: other processes hold theirs for themselves.
        """
        self._check_rows(length)
        self._rows.promised += length
        try:
            yield partial(self._check_rows, 0)
        finally:
            self._rows.promised -= length

    def _check_rows(self, length: int) -> None:
        if not self._rows.allows(length):  # guard: manifests-leave-the-reserve
            raise StorageFull(room.refusal(self._rows.free(), self._ballast.size))

    def make_room(self) -> bool:
        """Give up the ballast for a database that found the disk full. True: there was some."""
        return self._ballast.give_up()

    def keep_back(self) -> None:
        """Take the ballast's room back where there is plenty again."""
        self._ballast.restore(self._rows.beyond())

    def reap(self, key: str) -> bool:
        """Remove whatever lies under a key, finished or not; as often as needed. True: confirmed absent.

        One that the disk does not let go of is logged, and holds up no other.
        """
        paths = (Path(self._layout.arriving(key)), Path(self._layout.whole(key)))
        try:
            for path in paths:
                if path.exists():
                    durable.unlink(path)
            is_absent = not any(path.exists() for path in paths)
        except OSError as problem:
            log.warning("the bytes of %s cannot be removed now: %s", key, problem)
            return False
        self.keep_back()
        return is_absent

    def bytes_of(self, key: str) -> int:
        """Return how many bytes lie under a key, finished or not. Raises Unavailable."""
        with disk():
            return sum(map(_size, (self._layout.arriving(key), self._layout.whole(key))))

    def begins(self, key: str, whole: str) -> bool:
        """Are the bytes under `key`, finished or not, the first of those under the key `whole`? Raises Unavailable."""
        return Copies(self._layout).begins(key, whole)

    def reap_quarantined(self, whole: str) -> int:
        """Remove what was set aside and begins the bytes under the key `whole`. Returns how many files."""
        return Copies(self._layout).reap_quarantined(whole)

    def close(self) -> None:
        """Finish what is being sealed."""
        self._sealer.close()


def _size(path: str) -> int:
    try:
        return os.lstat(path).st_size
    except FileNotFoundError:
        return 0
