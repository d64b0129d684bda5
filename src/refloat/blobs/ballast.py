"""64 MiB kept back, so that a disk run full can still take the deletes that empty it."""

import os
from contextlib import suppress
from pathlib import Path

from refloat import durable

SIZE = 64 << 20


class Ballast:
    """The file ROOT/refloat/ballast."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def give_up(self) -> bool:
        """Give its room to the database. True: there was some to give."""
        if not self._path.exists():
            return False
        durable.unlink(self._path)
        return True

    def restore(self, free: int) -> None:
        """Take the room back when `free` bytes beyond the reserve are plenty for it, and the disk lets us."""
        if free < 2 * SIZE or self._is_whole():
            return
        with suppress(OSError):
            file = self._open()
            try:
                durable.preallocate(file, SIZE)
            except OSError:
                durable.unlink(self._path)
            finally:
                os.close(file)

    def _is_whole(self) -> bool:
        """A process may have ended between making the file and filling it."""
        try:
            return self._path.stat().st_size >= SIZE
        except FileNotFoundError:
            return False

    def _open(self) -> int:
        try:
            return durable.create(self._path)
        except FileExistsError:
            return os.open(self._path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
