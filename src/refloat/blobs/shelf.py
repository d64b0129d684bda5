"""The files of a directory, for who looks at all of them."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from refloat import durable
from refloat.blobs.layout import Layout
from refloat.blobs.locked import READ
from refloat.core.names import Digest


class FileShelf:
    """`ports.BlobShelf` over a directory that may have a server: opening it makes nothing and starts nothing."""

    def __init__(self, directory: Path) -> None:
        self._layout = Layout(directory)

    def size(self, key: str) -> int | None:
        """Return how many bytes lie under a live key; None: no file."""
        try:
            return os.stat(self._layout.whole(key)).st_size
        except FileNotFoundError:
            return None

    def keys(self) -> Iterator[str]:
        """Yield every name that has bytes, arriving or whole; for looks at what lies about."""
        yield from os.listdir(self._layout.incoming)
        with os.scandir(self._layout.objects) as days:
            for day in days:
                yield from os.listdir(day) if day.is_dir() else (day.name,)

    def digest_of(self, key: str, algorithm: str) -> Digest:
        """Read the whole bytes of a key and return their digest. Raises Unavailable, FileNotFoundError."""
        running = hashlib.new(algorithm)
        with open(self._layout.whole(key), "rb", buffering=0) as file, durable.disk():
            while data := file.read(READ):
                running.update(data)
        return Digest(f"{algorithm}:{running.hexdigest()}")

    def set_aside(self, key: str) -> bool:
        """Move whatever lies under a key to quarantine, where nothing removes it. False: there is nothing."""
        quarantine = self._layout.directory / "quarantine"
        with durable.disk():
            durable.make_directory(quarantine)
            for path in (self._layout.arriving(key), self._layout.whole(key)):
                with suppress(FileNotFoundError):
                    durable.rename(path, quarantine / key)
                    durable.fsync_directory(quarantine)
                    return True
        return False
