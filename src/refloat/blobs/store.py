"""Blobs as files: `incoming/KEY` while they come, `objects/DAY/KEY` when they are whole."""

import os
from datetime import UTC, datetime
from pathlib import Path

from refloat import durable
from refloat.blobs.room import Room, full_as_condition
from refloat.blobs.sealing import Sealer
from refloat.blobs.session import RunningHashes, SessionFile
from refloat.core.identity import instant_of
from refloat.core.records import Upload


class FileBlobs:
    """`ports.BlobStore` and `reaping.BlobReaper` in one directory of one filesystem.

    `reserve` is the fraction of the disk that uploads leave free.
    """

    def __init__(self, directory: Path, reserve: float) -> None:
        self._incoming = directory / "incoming"
        self._objects = directory / "objects"
        for part in (self._incoming, self._objects):
            durable.make_directory(part)
        self._room = Room(directory, reserve)
        self._room.restore()
        self._sealer = Sealer()
        self._hashes = RunningHashes()

    def create(self, key: str) -> None:
        with full_as_condition():
            os.close(durable.create(self._incoming / key))

    def open_upload(self, upload: Upload) -> SessionFile:
        return SessionFile(self._incoming / upload.key, self.path(upload.key), upload, self._hashes)

    async def seal(self, key: str) -> None:
        await self._sealer.seal(self._incoming / key, self.path(key))

    def path(self, key: str) -> Path:
        return self._objects / day_of(key) / key

    def size(self, key: str) -> int | None:
        try:
            return os.stat(f"{self._objects}/{day_of(key)}/{key}").st_size
        except FileNotFoundError:
            return None

    def has_room(self, length: int) -> bool:
        return self._room.has(length)

    def make_room(self) -> bool:
        """Give the ballast up when the database finds the disk full. False: it is gone already."""
        return self._room.make()

    def restore_ballast(self) -> None:
        """Lay the ballast down again when there is room."""
        self._room.restore()

    def reap(self, key: str) -> bool:
        for path in (self.path(key), self._incoming / key):
            durable.unlink(path)  # guard: only-the-reaper-removes
        return not self.path(key).exists()

    def close(self) -> None:
        """Finish what waits, then stop."""
        self._sealer.close()


_days: dict[str, str] = {}


def day_of(key: str) -> str:
    """Return the directory of a key, from the time in it: YYYYMMDD, UTC."""
    hours = key[:12]
    day = _days.get(hours)
    if day is None:
        day = datetime.fromtimestamp(instant_of(key) / 1_000_000, UTC).strftime("%Y%m%d")
        if len(_days) > 4096:
            _days.clear()
        _days[hours] = day
    return day
