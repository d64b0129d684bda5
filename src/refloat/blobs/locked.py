"""The bytes of one upload, under a lock that the kernel ends with the process."""

import asyncio
import fcntl
import hashlib
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Self

from refloat import durable
from refloat.blobs import writeback
from refloat.blobs.hashes import ALGORITHM, RunningHashes
from refloat.core.errors import BlobUploadUnknown, UploadOutOfOrder
from refloat.core.names import Digest
from refloat.core.records import Upload
from refloat.durable import disk

READ = 1 << 20
SMALL = 128 * 1024  # bytes that are hashed sooner than a thread is woken
_threads = ThreadPoolExecutor(4, thread_name_prefix="hash")  # a large piece is hashed while it is written
_again = ThreadPoolExecutor(4, thread_name_prefix="hash-again")


class LockedFile:
    """`ports.UploadFile` on a descriptor, which it owns."""

    def __init__(self, file: int, upload: Upload, hashes: RunningHashes) -> None:
        self._file = file
        self._upload = upload
        self._hashes = hashes
        self._size = upload.size
        self._hinted = upload.size
        self._running: hashlib._Hash | None = None
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # guard: one-writer
        except BlockingIOError:
            os.close(file)
            raise UploadOutOfOrder("another request is writing to this upload", {"offset": upload.size}) from None
        self._running = hashes.take(upload)

    def cut(self, size: int) -> None:
        """Drop what lies beyond `size`, the recorded length.

        Raises BlobUploadUnknown if bytes are lost, Unavailable.
        """
        there = os.fstat(self._file).st_size
        if there < size:
            raise BlobUploadUnknown("bytes of this upload were lost; begin it again", {"upload": self._upload.id})
        if there > size:
            with disk():
                durable.truncate(self._file, size)  # guard: cut-to-the-recorded-size
        os.lseek(self._file, size, os.SEEK_SET)

    def append(self, *chunks: bytes | bytearray) -> None:
        """Write all of `chunks` at the end, in order. Raises StorageFull, Unavailable."""
        length = sum(map(len, chunks))
        # A hash counts again when all of its bytes are in the file.
        running, self._running = self._running, None  # guard: hash-of-what-was-written
        hashing = _threads.submit(_update, running, chunks) if length > SMALL else None
        with disk():
            for chunk in chunks:
                durable.write(self._file, chunk)
        if hashing is None:
            _update(running, chunks)
        else:
            hashing.result()
        self._running = running
        self._size += length
        if self._size - self._hinted >= writeback.STEP:
            writeback.begin(self._file, self._hinted, self._size)
            self._hinted = self._size

    @property
    def size(self) -> int:
        """How many bytes there are: what was recorded, and what was appended since."""
        return self._size

    async def digest(self, algorithm: str) -> Digest:
        """Return the digest of all bytes in the file; it may have to read them all. Raises Unavailable."""
        if algorithm == ALGORITHM and self._running is not None:
            return Digest(f"{ALGORITHM}:{self._running.hexdigest()}")
        again = await asyncio.get_running_loop().run_in_executor(_again, self._hash_again, algorithm)
        return Digest(f"{algorithm}:{again.hexdigest()}")

    def recorded(self, upload: Upload) -> None:
        """Keep the running hash for `upload`, the session as it is recorded now."""
        self._upload = upload

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._running is not None and self._upload.size == self._size:
            self._hashes.keep(self._upload, self._running)
        os.close(self._file)

    def _hash_again(self, algorithm: str) -> "hashlib._Hash":
        fresh, offset = hashlib.new(algorithm), 0
        with disk():
            while data := os.pread(self._file, READ, offset):
                fresh.update(data)
                offset += len(data)
        return fresh


def _update(running: "hashlib._Hash | None", chunks: Sequence[bytes | bytearray]) -> None:
    if running is not None:
        for chunk in chunks:
            running.update(chunk)
