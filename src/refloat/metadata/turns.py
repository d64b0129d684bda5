"""Turns among processes: SQLite gives its lock to whoever happens to look when it is free.

What writes much goes one at a time in all processes, and leaves a gap behind it in which the little writes of others
are done: whoever waits for SQLite's lock looks several times in each gap.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

LOOK_AGAIN = 0.002  # seconds between two looks at a lock that somebody has
LONG = 0.02  # seconds of writing after which a gap is due
GAP = 0.02  # seconds that a large write leaves to little ones
SMALL_GAP = 0.005  # seconds that work in small steps leaves to them
PATIENCE = 30.0  # seconds: a process that stands still holds nobody up for longer


class Turns:
    """The file that a process has locked while it writes much."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: int | None = None
        self._written = 0.0

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Hold the turn that one of all processes has.

        It is a courtesy: who does not get it goes on without, as SQLite's own lock is what keeps order.
        """
        held = self._wait()
        try:
            yield
        finally:
            if held is not None:
                fcntl.flock(held, fcntl.LOCK_UN)

    def leave_gap(self, seconds: float) -> None:
        """Leave a gap after a write that took so long, before the turn is given up."""
        if seconds > LONG:
            time.sleep(GAP)

    def leave_small_gap(self, seconds: float) -> None:
        """Leave a gap where one is due, in work of many steps, of which one took so long."""
        self._written += seconds
        if self._written > LONG:
            self._written = 0.0
            time.sleep(SMALL_GAP)

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            os.close(self._file)

    def _wait(self) -> int | None:
        with suppress(OSError):  # on a full disk the file may not be there yet
            if self._file is None:
                self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            deadline = time.monotonic() + PATIENCE
            while not _locked(self._file) and time.monotonic() < deadline:
                time.sleep(LOOK_AGAIN)  # nothing can be waited for: flock has no timeout
        return self._file


def _locked(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
