"""The bytes of one upload session, locked from a request's first byte to its answer."""

import fcntl
import hashlib
import os
from collections import OrderedDict
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from refloat import durable
from refloat.blobs.room import full_as_condition
from refloat.core.errors import BlobUploadUnknown, UploadOutOfOrder
from refloat.core.names import ALGORITHMS, Digest
from refloat.core.records import Upload

if TYPE_CHECKING:
    from hashlib import _Hash

CHUNK = 1024 * 1024
MOST_HASHES = 256
Mark = tuple[str, int, int]  # session, version, size: the bytes a running hash belongs to


class RunningHashes:
    """Hashes under way, each good only for exactly the session, version and size it was kept for."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Mark, _Hash] = OrderedDict()

    def keep(self, mark: Mark, running: "_Hash") -> None:
        """Keep a hash; the one that was not asked for longest goes."""
        self._kept[mark] = running
        if len(self._kept) > MOST_HASHES:
            self._kept.popitem(last=False)

    def take(self, mark: Mark) -> "_Hash | None":
        """Return the hash of exactly these bytes, if this process has it."""
        return self._kept.pop(mark, None)


class SessionFile:
    """`ports.UploadFile` on a file, exclusively locked against every process."""

    def __init__(self, path: Path, sealed: Path, upload: Upload, hashes: RunningHashes) -> None:
        self._upload = upload
        self._hashes = hashes
        self._file = _open(path, sealed)
        try:
            _lock(self._file, upload)
        except UploadOutOfOrder:
            os.close(self._file)
            raise
        self._size = upload.size
        self._running = hashes.take((upload.id, upload.version, upload.size))
        if upload.size == 0:
            self._running = hashlib.sha256()

    @property
    def size(self) -> int:
        """How many bytes there are: what was recorded, and what was appended since."""
        return self._size

    def cut(self, size: int) -> None:
        if os.fstat(self._file).st_size != size:
            durable.truncate(self._file, size)
        os.lseek(self._file, size, os.SEEK_SET)
        self._size = size

    def append(self, data: bytes) -> None:
        with full_as_condition():
            durable.write(self._file, data)
        self._size += len(data)
        if self._running is not None:
            self._running.update(data)

    def digest(self, algorithm: str) -> Digest:
        running = self._running if self._running is not None and self._running.name == algorithm else None
        if running is None:
            running = self._read(algorithm)
        return Digest(f"{algorithm}:{running.hexdigest()}")

    def keep_hash(self, recorded: Upload) -> None:
        """Keep the running hash for the next request of this session, which recorded these bytes."""
        if self._running is not None and recorded.size == self._size:
            self._hashes.keep((recorded.id, recorded.version, recorded.size), self._running)

    def _read(self, algorithm: str) -> "_Hash":
        running = hashlib.new(algorithm)
        buffer = memoryview(bytearray(CHUNK))
        offset = 0
        while offset < self._size and (count := os.preadv(self._file, [buffer], offset)):
            running.update(buffer[: min(count, self._size - offset)])
            offset += count
        if algorithm in ALGORITHMS and algorithm == "sha256":
            self._running = running
        return running

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._file)


def _open(path: Path, sealed: Path) -> int:
    """Open a session's file; after a crash between sealing and recording it lies under its final name."""
    for candidate in (path, sealed):
        try:
            return os.open(candidate, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        except FileNotFoundError:
            continue
    raise BlobUploadUnknown("the upload's bytes are gone; begin again")


def _lock(file: int, upload: Upload) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # guard: one-writer-a-session
    except BlockingIOError:
        raise UploadOutOfOrder("another request is writing to this upload", {"offset": upload.size}) from None
