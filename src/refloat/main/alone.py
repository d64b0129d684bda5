"""One at a time among all processes on a data directory: who collects, and who purges."""

import fcntl
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from refloat import durable

PATIENCE = 60.0  # seconds: how long one on request waits for the one that is running


class _Held(threading.local):
    """The locks of one thread."""

    def __init__(self) -> None:
        self.paths: set[Path] = set()


_held = _Held()


@contextmanager
def alone(path: Path, patience: float) -> Iterator[bool]:
    """Hold a lock that one of all processes has. False: another has it for longer than `patience`, in seconds.

    A thread that has it may ask again: whoever is alone already is.
    """
    if path in _held.paths:
        yield True
        return
    lock = durable.open_plain(path, os.O_RDWR | os.O_CREAT)
    try:
        deadline = time.monotonic() + patience
        while not (mine := _locked(lock)) and time.monotonic() < deadline:
            time.sleep(0.02)  # nothing can be waited for: flock has no timeout
        if mine:
            _held.paths.add(path)
        yield mine
    finally:
        _held.paths.discard(path)
        os.close(lock)


def _locked(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # guard: one-collector
    except BlockingIOError:
        return False
    return True
