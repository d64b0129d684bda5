"""Turns, within a process and among processes: a lock goes to whoever happens to look when it is free.

Within a process who has little to write has the next turn. Among processes what writes much goes one at a time, and
leaves a gap behind it in which the little writes of others are done: who waits for SQLite's lock looks several times in
each gap.
"""

import fcntl
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

LOOK_AGAIN = 0.002  # seconds between two looks at a lock that somebody has
LONG = 0.02  # seconds of writing, in one piece or in several, after which a gap is due
LARGE = 0.05  # seconds of writing in one piece
GAP = 0.02  # seconds that such a piece leaves to little ones
SMALL_GAP = 0.005  # seconds that smaller ones leave
MOST_PASSED = 8  # times that little goes before much
PATIENCE = 30.0  # seconds: a process that stands still holds nobody up for longer


class Turn:
    """A lock. Who waits for it to write little gets it next, but what writes much is passed over so often at most."""

    def __init__(self) -> None:
        self._free = threading.Condition(threading.Lock())
        self._is_taken = False
        self._little = 0
        self._much = 0
        self._passed = 0

    def take_at_once(self) -> bool:
        """Take it for little, if that needs no waiting."""
        with self._free:
            if self._is_taken or self._little or self._is_much_due():
                return False
            self._take_for_little()
            return True

    @contextmanager
    def taken_for_little(self) -> Iterator[None]:
        """Hold it to write little."""
        with self._free:
            self._little += 1
            self._free.wait_for(lambda: not self._is_taken and not self._is_much_due())
            self._little -= 1
            self._take_for_little()
        try:
            yield
        finally:
            self.release()

    @contextmanager
    def taken_for_much(self) -> Iterator[None]:
        """Hold it to write much, or nobody knows how much."""
        with self._free:
            self._much += 1
            self._free.wait_for(lambda: not self._is_taken and (not self._little or self._is_much_due()))
            self._much -= 1
            self._passed, self._is_taken = 0, True
        try:
            yield
        finally:
            self.release()

    def release(self) -> None:
        """Let the next one have it."""
        with self._free:
            self._is_taken = False
            self._free.notify_all()

    def _take_for_little(self) -> None:
        self._is_taken = True
        self._passed += bool(self._much)

    def _is_much_due(self) -> bool:
        return bool(self._much) and self._passed >= MOST_PASSED


class Turns:
    """The file that a process has locked while it writes much; None: no other process writes, and nothing is done."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._file: int | None = None
        self._written = 0.0

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Hold the turn that one of all processes has.

        It is a courtesy: who does not get it goes on without, as SQLite's own lock is what keeps order.
        """
        held = self._wait_at(self._path) if self._path is not None else None
        try:
            yield
        finally:
            if held is not None:
                fcntl.flock(held, fcntl.LOCK_UN)

    def leave_gap(self, seconds: float) -> None:
        """Leave a gap where one is due after a write that took so long, before the turn is given up."""
        self._written += seconds
        if self._written > LONG and self._path is not None:
            self._written = 0.0
            time.sleep(GAP if seconds > LARGE else SMALL_GAP)

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            os.close(self._file)

    def _wait_at(self, path: Path) -> int | None:
        with suppress(OSError):  # on a full disk the file may not be there yet
            if self._file is None:
                self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
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
