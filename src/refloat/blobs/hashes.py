"""Running hashes of uploads between two requests. hashlib's state cannot be stored, so this is per process."""

import hashlib
import threading

from refloat.core.records import Upload

ALGORITHM = "sha256"  # what nearly every client asks for at the end; for others the file is read again
MOST = 1024  # sessions; about 300 bytes each

_Place = tuple[int, int]  # version, size


class RunningHashes:
    """Keeps the hash of a session's bytes for exactly one version and size of it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[str, tuple[_Place, hashlib._Hash]] = {}

    def take(self, upload: Upload) -> "hashlib._Hash | None":
        """Remove and return the hash of all `upload.size` bytes; None: the file has to be read."""
        with self._lock:
            kept = self._kept.pop(upload.id, None)
        if kept is not None and kept[0] == (upload.version, upload.size):  # guard: hash-of-these-bytes
            return kept[1]
        return None if upload.size else hashlib.new(ALGORITHM)

    def keep(self, upload: Upload, running: "hashlib._Hash") -> None:
        """Keep the hash of a session's bytes as they are recorded now."""
        with self._lock:
            if len(self._kept) >= MOST:
                del self._kept[next(iter(self._kept))]
            self._kept[upload.id] = ((upload.version, upload.size), running)
