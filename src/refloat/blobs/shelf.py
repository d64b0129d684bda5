"""The files of a directory, for who looks at all of them."""

import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from refloat import durable
from refloat.blobs.layout import Layout
from refloat.blobs.locked import READ
from refloat.core.names import Digest

MOST_OF_A_NAME = 1_000_000  # more files of one name are somebody's joke


class FileShelf:
    """`ports.BlobShelf` over a directory that may have a server: opening it makes nothing and starts nothing."""

    def __init__(self, directory: Path) -> None:
        self._layout = Layout(directory)

    def size(self, key: str) -> int | None:
        """Return how many bytes lie under a live key; None: no file. Raises Unavailable."""
        try:
            facts = os.lstat(self._layout.whole(key))
        except FileNotFoundError:
            return None
        except OSError as problem:
            raise durable.condition_of(problem) from problem
        return facts.st_size if stat.S_ISREG(facts.st_mode) else None

    def keys(self) -> Iterator[str]:
        """Yield every name that has bytes, arriving or whole; for looks at what lies about. Raises Unavailable."""
        with durable.disk():
            yield from os.listdir(self._layout.incoming)
            with os.scandir(self._layout.objects) as days:
                for day in days:
                    yield from os.listdir(day) if day.is_dir(follow_symlinks=False) else (day.name,)

    def files(self) -> Iterator[tuple[str, int]]:
        """Yield the name and size of every file, arriving or whole. Raises Unavailable."""
        with durable.disk():
            yield from _sizes(self._layout.incoming)
            with os.scandir(self._layout.objects) as days:
                for day in days:
                    yield from (
                        _sizes(day.path)
                        if day.is_dir(follow_symlinks=False)
                        else ((day.name, day.stat(follow_symlinks=False).st_size),)
                    )

    def quarantined(self) -> int:
        """Return how many bytes lie in quarantine. Raises Unavailable."""
        with durable.disk(), suppress(FileNotFoundError):
            return sum(size for _, size in _sizes(f"{self._layout.directory}/quarantine"))
        return 0

    def digest_of(self, key: str, algorithm: str) -> Digest:
        """Read the whole bytes of a key and return their digest. Raises Unavailable."""
        running = hashlib.new(algorithm)
        with durable.disk(), open(durable.open_plain(self._layout.whole(key), os.O_RDONLY), "rb", buffering=0) as file:
            while data := file.read(READ):
                running.update(data)
        return Digest(f"{algorithm}:{running.hexdigest()}")

    def set_aside(self, key: str) -> int:
        """Move what lies under a key to quarantine, where nothing removes or replaces it. Returns how many files."""
        quarantine, moved = self._layout.directory / "quarantine", 0
        with durable.disk():
            durable.make_directory(quarantine)
            for path in (self._layout.arriving(key), self._layout.whole(key)):
                with suppress(FileNotFoundError):
                    durable.rename(path, _unused(quarantine, key))
                    durable.fsync_directory(quarantine)
                    moved += 1
        return moved


def _unused(directory: Path, name: str) -> Path:
    """Return a path nothing has: what was set aside under this name before stays."""
    names = (name, *(f"{name}.{number}" for number in range(1, MOST_OF_A_NAME)))
    return next(path for path in map(directory.joinpath, names) if not os.path.lexists(path))


def _sizes(directory: str) -> Iterator[tuple[str, int]]:
    with os.scandir(directory) as entries:
        for entry in entries:
            with suppress(FileNotFoundError):  # it was finished or removed meanwhile
                yield entry.name, entry.stat(follow_symlinks=False).st_size
