"""64 MiB kept back, so that a disk run full can still take the deletes that empty it."""

import logging
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from refloat import durable

SIZE = 64 << 20
log = logging.getLogger("refloat.blobs")


class Ballast:
    """A file on the database's disk. Pushes never have its room; what makes room does, when the disk is full.

    Empty, it says what was given up: pushes leave that free until it is kept back again.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def size(self) -> int:
        """How many bytes are kept back now."""
        try:
            return self._path.lstat().st_size
        except OSError:
            return 0

    @property
    def lent(self) -> int:
        """How many bytes were given up and are not kept back again; 0 where there never was room to keep any back."""
        try:
            return SIZE - min(SIZE, self._path.lstat().st_size)
        except OSError:
            return 0

    def give_up(self) -> bool:
        """Give its room to the database. True: there was some to give. Raises OSError."""
        if not self.size:
            return False
        file = durable.open_plain(self._path, os.O_RDWR)
        try:
            durable.truncate(file, 0)
        finally:
            os.close(file)
        log.warning("the disk is full: the %d MiB kept back are given up, for deletes, undo and collection", SIZE >> 20)
        return True

    def restore(self, free: int) -> None:
        """Keep the room back, again or for the first time, if `free` bytes beyond the reserve are enough for that."""
        with suppress(OSError):
            if 0 < self.lent <= free:
                _fill(durable.open_plain(self._path, os.O_RDWR), lambda file: durable.truncate(file, 0))
            elif free >= 2 * SIZE and not os.path.lexists(self._path):
                _fill(durable.create(self._path), lambda _: durable.unlink(self._path))


def _fill(file: int, leave: Callable[[int], None]) -> None:
    """Take the room for a file and close it. Where the disk does not let us, it is left as it was."""
    try:
        durable.preallocate(file, SIZE)
    except OSError:
        leave(file)
    finally:
        os.close(file)


def ballast_of(directory: Path, database: Path) -> Ballast:
    """Return what is kept back for a database: in the directory of the blobs, or beside it where that is another disk.

    Raises OSError.
    """
    if os.stat(database.parent).st_dev == os.stat(directory).st_dev:
        return Ballast(directory / "ballast")
    return Ballast(database.with_name(f"{database.name}-ballast"))
