"""64 MiB kept back, so that a disk run full can still take the deletes that empty it."""

import logging
import os
from contextlib import suppress
from pathlib import Path

from refloat import durable

SIZE = 64 << 20
log = logging.getLogger("refloat.blobs")


class Ballast:
    """A file on the database's disk. Pushes never have its room; what makes room does, when the disk is full."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def size(self) -> int:
        """How many bytes are kept back now."""
        try:
            return self._path.lstat().st_size
        except OSError:
            return 0

    def give_up(self) -> bool:
        """Give its room to the database. True: there was some to give."""
        if not os.path.lexists(self._path):
            return False
        durable.unlink(self._path)
        log.warning("the disk is full: the %d MiB kept back are given up, for deletes, undo and collection", SIZE >> 20)
        return True

    def restore(self, free: int) -> None:
        """Take the room back when `free` bytes beyond the reserve are plenty for it, and the disk lets us."""
        if free < 2 * SIZE or self.size >= SIZE:  # less: a process ended between making the file and filling it
            return
        with suppress(OSError):
            file = self._open()
            try:
                durable.preallocate(file, SIZE)
            except OSError:
                durable.unlink(self._path)
            finally:
                os.close(file)

    def _open(self) -> int:
        try:
            return durable.create(self._path)
        except FileExistsError:
            return durable.open_plain(self._path, os.O_RDWR)


def ballast_of(directory: Path, database: Path) -> Ballast:
    """Return what is kept back for a database: in the directory of the blobs, or beside it where that is another disk.

    Raises OSError.
    """
    if os.stat(database.parent).st_dev == os.stat(directory).st_dev:
        return Ballast(directory / "ballast")
    return Ballast(database.with_name(f"{database.name}-ballast"))
