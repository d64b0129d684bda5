"""The share of a disk that pushes leave free."""

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

PLENTY = 8 << 30  # bytes beyond the reserve: more than may be lent and owed together


def nothing() -> int:
    """No byte is owed."""
    return 0


class Reserve:
    """What pushes may take of the disk a directory lies on. For one event loop: what is promised is counted here.

    `log` is a database's log there: what it has the database's file will take as well, when it is brought into it, and
    `owed` says how many bytes that will be. `lent` says how many more are left free than the share.
    """

    def __init__(
        self,
        directory: Path,
        share: float,
        log: Path | None = None,
        owed: Callable[[], int] = nothing,
        lent: Callable[[], int] = nothing,
    ) -> None:
        self._directory = directory
        self._share = share
        self._log = log
        self._owed = owed
        self._lent = lent
        self.promised = 0  # bytes that pushes under way were told they may take, and may not have taken yet

    def allows(self, length: int) -> bool:
        """Would `length` more bytes leave the reserve free? No file is looked at where that is plain."""
        beyond = self.beyond() - self.promised - length
        if beyond >= PLENTY:
            return True
        beyond -= self._lent()  # guard: what-is-given-up-is-not-for-pushes
        return beyond >= self._in_log() or beyond >= self._owed()

    def beyond(self) -> int:
        """Return how many bytes the disk has beyond the reserve; less than 0 where that is touched."""
        disk = os.statvfs(self._directory)
        return int(disk.f_bavail * disk.f_frsize - self._share * disk.f_blocks * disk.f_frsize)

    def free(self) -> int:
        """Return how many bytes the disk has, the reserve included."""
        disk = os.statvfs(self._directory)
        return disk.f_bavail * disk.f_frsize

    def _in_log(self) -> int:
        """Return what is owed at most."""
        with suppress(OSError):
            return self._log.stat().st_size if self._log is not None else 0
        return 0
