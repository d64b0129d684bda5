"""`purges.jsonl`: what was purged and unblocked, a line each, beside the database and never rewritten.

A database that is put back from a copy is read beside this file, so that it revives nothing.
"""

import os
from collections.abc import Sequence
from pathlib import Path

from refloat import durable
from refloat.core.errors import Unavailable
from refloat.core.receipts import Note, line_of, read_line


class Notes:
    """The file, appended to by one process at a time (who purges holds the collector's lock)."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> list[Note]:
        """Return all notes, oldest first. Raises Unavailable where a whole line cannot be read."""
        with durable.disk():
            text = self._path.read_bytes() if self._path.exists() else b""
        lines = text.split(b"\n")[:-1]  # what has no end was never whole
        try:
            return [read_line(line) for line in lines]
        except Unavailable as problem:
            raise Unavailable(f"{self._path}: {problem.message}") from None

    def append(self, notes: Sequence[Note]) -> None:
        """Add notes at the end, durably. Raises StorageFull, Unavailable."""
        with durable.disk():
            is_new = not self._path.exists()
            file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            try:
                whole = os.pread(file, os.fstat(file).st_size, 0).rfind(b"\n") + 1
                durable.truncate(file, whole)  # a line that a crash cut off is written again
                os.lseek(file, whole, os.SEEK_SET)
                durable.write(file, b"".join(line_of(note) + b"\n" for note in notes))
                durable.fsync(file)
            finally:
                os.close(file)
            if is_new:
                durable.fsync_directory(self._path.parent)
