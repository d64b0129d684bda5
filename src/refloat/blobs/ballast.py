"""64 MiB kept back, so that a disk run full can still take the deletes that empty it."""

import os
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
        """Take the room back when `free` bytes beyond the reserve are plenty for it."""
        if free < 2 * SIZE or self._path.exists():
            return
        try:
            file = durable.create(self._path)
        except FileExistsError:
            return  # another process was faster
        try:
            durable.preallocate(file, SIZE)
        except OSError:
            durable.unlink(self._path)
        finally:
            os.close(file)
