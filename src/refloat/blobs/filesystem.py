"""Blobs as files under ROOT/refloat. Safe with any number of processes; needs no repair after a crash."""

import logging
import os
from pathlib import Path

from refloat import durable
from refloat.blobs.ballast import Ballast
from refloat.blobs.hashes import RunningHashes
from refloat.blobs.locked import LockedFile
from refloat.blobs.quarantine import Copies
from refloat.blobs.sealer import OnBroken, Sealer
from refloat.blobs.shelf import FileShelf
from refloat.core.errors import BlobUploadUnknown
from refloat.core.records import Upload
from refloat.durable import condition_of, disk

log = logging.getLogger("refloat.blobs")


class FileBlobs(FileShelf):
    """`ports.BlobStore` and `reaping.StrayReaper` over a directory.

    `reserve` is the fraction of the disk that uploads leave free. `on_broken` is told why, on any thread, when
    nothing is sealed here any more. Made after a fork: it has threads.
    """

    def __init__(self, directory: Path, reserve: float, on_broken: OnBroken = log.error) -> None:
        super().__init__(directory)
        self._reserve = reserve
        self._hashes = RunningHashes()
        with disk():
            durable.make_directory(directory)
            durable.make_directory(Path(self._layout.incoming))
            durable.make_directory(Path(self._layout.objects))
            durable.fsync_directory(directory)  # also where a process died between making a name and syncing it
        self._ballast = Ballast(directory / "ballast")
        self._ballast.restore(self._free())
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
                file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
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
        return length <= self._free()  # guard: the-reserve-stays-free

    def make_room(self) -> bool:
        """Give up the ballast for a database that found the disk full. True: there was some."""
        return self._ballast.give_up()

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
        self._ballast.restore(self._free())
        return is_absent

    def begins(self, key: str, whole: str) -> bool:
        """Are the bytes under `key`, finished or not, the first of those under the key `whole`? Raises Unavailable."""
        return Copies(self._layout).begins(key, whole)

    def reap_quarantined(self, whole: str) -> int:
        """Remove what was set aside and begins the bytes under the key `whole`. Returns how many files."""
        return Copies(self._layout).reap_quarantined(whole)

    def close(self) -> None:
        """Finish what is being sealed."""
        self._sealer.close()

    def _free(self) -> int:
        """Return how many bytes uploads may still take."""
        disk_now = os.statvfs(self._layout.directory)
        return int(disk_now.f_bavail * disk_now.f_frsize - self._reserve * disk_now.f_blocks * disk_now.f_frsize)
