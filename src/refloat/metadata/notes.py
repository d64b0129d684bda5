"""`purges.jsonl`: what was purged and unblocked, a line each, beside the database and never rewritten.

A database that is put back from a copy is read beside this file, so that it revives nothing.
"""

import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from refloat import durable
from refloat.core.errors import Unavailable
from refloat.core.receipts import Note, line_of, read_line
from refloat.metadata.failures import with_room


class Notes:
    """The file, appended to by one process at a time (who purges holds the collector's lock)."""

    def __init__(self, path: Path, make_room: Callable[[], bool]) -> None:
        self._path = path
        self._make_room = make_room

    def read(self) -> list[Note]:
        """Return all notes, oldest first. Raises Unavailable where a whole line cannot be read."""
        with durable.disk():
            text = durable.read_plain(self._path) if os.path.lexists(self._path) else b""
        lines = text.split(b"\n")[:-1]  # what has no end was never whole
        try:
            return [read_line(line) for line in lines]
        except Unavailable as problem:
            raise Unavailable(f"{self._path}: {problem.message}") from None

    def append(self, notes: Sequence[Note]) -> None:
        """Add notes at the end, durably. Raises StorageFull, Unavailable."""
        lines = b"".join(line_of(note) + b"\n" for note in notes)
        is_new = not self._path.exists()
        with_room(partial(self._append, lines), self._make_room)
        if is_new:
            with durable.disk():
                durable.fsync_directory(self._path.parent)

    def _append(self, lines: bytes) -> None:
        file = durable.open_plain(self._path, os.O_RDWR | os.O_CREAT)
        try:
            whole = os.pread(file, os.fstat(file).st_size, 0).rfind(b"\n") + 1
            durable.truncate(file, whole)  # a line that a crash cut off is written again
            os.lseek(file, whole, os.SEEK_SET)
            try:
                durable.write(file, lines)
                durable.fsync(file)
            except OSError:  # of some lines that are written all again, none may be there already
                durable.truncate(file, whole)
                raise
        finally:
            os.close(file)
