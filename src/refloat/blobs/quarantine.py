"""Further copies of bytes that end: half uploads, files nobody explains, and what was set aside."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from refloat import durable
from refloat.blobs.layout import Layout
from refloat.blobs.locked import READ


class Copies:
    """Compares files with the bytes under a key, which have to be there still."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout

    def begins(self, key: str, whole: str) -> bool:
        """Are the bytes under `key`, finished or not, the first of those under the key `whole`?

        Nothing begins none, and the same file is no copy. Raises Unavailable.
        """
        paths = map(Path, (self._layout.arriving(key), self._layout.whole(key)))
        return key != whole and any(_begins(path, Path(self._layout.whole(whole))) for path in paths)

    def reap_quarantined(self, whole: str) -> int:
        """Remove what was set aside and begins the bytes under the key `whole`. Returns how many files."""
        removed = 0
        with durable.disk():
            for path in self._set_aside():
                if _begins(path, Path(self._layout.whole(whole))):
                    durable.unlink(path)
                    removed += 1
        return removed

    def _set_aside(self) -> Iterator[Path]:
        with suppress(FileNotFoundError):
            yield from sorted((self._layout.directory / "quarantine").iterdir())


def _begins(path: Path, whole: Path) -> bool:
    with durable.disk(), suppress(FileNotFoundError), _opened(path) as part, _opened(whole) as file:
        size = os.fstat(part.fileno()).st_size
        if not 0 < size <= os.fstat(file.fileno()).st_size:
            return False
        while data := part.read(READ):
            if file.read(len(data)) != data:
                return False
        return True
    return False


def _opened(path: Path) -> BinaryIO:
    return open(durable.open_plain(path, os.O_RDONLY), "rb")
