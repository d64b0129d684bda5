"""One at a time among all processes on a data directory: who collects, and who purges."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PATIENCE = 60.0  # seconds: how long one on request waits for the one that is running


@contextmanager
def alone(path: Path, patience: float) -> Iterator[bool]:
    """Hold a lock that one of all processes has. False: another has it for longer than `patience`, in seconds."""
    lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        deadline = time.monotonic() + patience
        while not (mine := _locked(lock)) and time.monotonic() < deadline:
            time.sleep(0.02)  # nothing can be waited for: flock has no timeout
        yield mine
    finally:
        os.close(lock)


def _locked(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # guard: one-collector
    except BlockingIOError:
        return False
    return True
