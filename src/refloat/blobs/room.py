"""Room on the disk: the reserve below which uploads are refused, and the ballast that is given up when it is full."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from refloat.core.errors import StorageFull

BALLAST = 64 * 1024 * 1024  # bytes
_FULL = {errno.ENOSPC, errno.EDQUOT}


@contextmanager
def full_as_condition() -> Iterator[None]:
    """Turn a full disk into StorageFull."""
    try:
        yield
    except OSError as problem:
        if problem.errno in _FULL:
            raise StorageFull("the disk is full; deletes, undo and pulls still work") from None
        raise


class Room:
    """What is free where the blobs lie. `reserve` is the fraction of the disk that stays free."""

    def __init__(self, directory: Path, reserve: float) -> None:
        self._directory = directory
        self._reserve = reserve
        self._ballast = directory / "ballast"

    def has(self, length: int) -> bool:
        """Would `length` more bytes leave the reserve free?"""
        disk = os.statvfs(self._directory)
        return disk.f_bavail * disk.f_frsize - length >= disk.f_blocks * disk.f_frsize * self._reserve

    def make(self) -> bool:
        """Give the ballast up, so that the database can go on. False: it is gone already."""
        try:
            self._ballast.unlink()
        except FileNotFoundError:
            return False
        return True

    def restore(self) -> None:
        """Lay the ballast down again where there is room for it; without it everything else still works."""
        if self._ballast.exists() or not self.has(2 * BALLAST):
            return
        with suppress(OSError), self._ballast.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, BALLAST)
