"""Every operation that makes something durable or removes it, numbered.

`REFLOAT_CRASH_AT=N` kills the process just before its N-th operation. Crash tests count N up until a
scenario is left untouched; nothing else depends on the numbers. An fsync that failed is never tried
again: the kernel may have dropped the data it complains about. `disk` says what failed as a condition.
"""

import errno
import itertools
import os
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from refloat.core.errors import RefloatError, StorageFull, Unavailable
from refloat.core.scarcity import exhausted

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_numbers = itertools.count(1)
_crash_at = int(os.environ.get("REFLOAT_CRASH_AT", "0"))


def _step() -> None:
    if _crash_at and next(_numbers) == _crash_at:
        os.kill(os.getpid(), signal.SIGKILL)


def create(path: Path | str) -> int:
    """Make a new file and return it open for reading and writing. Raises FileExistsError."""
    _step()
    return os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)


def write(file: int, data: bytes | bytearray | memoryview) -> None:
    """Write all of `data` at the file's position."""
    _step()
    view = memoryview(data)
    while view:
        view = view[os.write(file, view) :]


def truncate(file: int, size: int) -> None:
    """Cut a file to `size` bytes."""
    _step()
    os.ftruncate(file, size)


def preallocate(file: int, size: int) -> None:
    """Take `size` bytes of the disk for a file. Raises OSError with ENOSPC where there are none."""
    _step()
    os.posix_fallocate(file, 0, size)


def fsync(file: int) -> None:
    """Make a file's bytes durable."""
    _step()
    os.fsync(file)  # guard: bytes-before-row


def fsync_file(path: Path) -> None:
    """Make the bytes of a file durable."""
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fsync(file)
    finally:
        os.close(file)


def fsync_directory(path: Path | str) -> None:
    """Make the names in a directory durable."""
    _step()
    directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(directory)  # guard: names-before-row
    finally:
        os.close(directory)


def rename(source: Path | str, target: Path | str) -> None:
    """Give a file its final name."""
    _step()
    os.rename(source, target)


def unlink(path: Path) -> None:
    """Remove a file; one that is gone already is fine."""
    _step()
    path.unlink(missing_ok=True)


def make_directory(path: Path) -> None:
    """Make a directory, durable under its name; one that is there already is fine."""
    if path.is_dir():
        return
    _step()
    path.mkdir(parents=True, exist_ok=True)
    fsync_directory(path.parent)


def commit(connection: sqlite3.Connection) -> None:
    """Commit a transaction; with synchronous=FULL it is durable on return."""
    _step()
    connection.execute("COMMIT")


def condition_of(problem: OSError) -> RefloatError:
    """Return the condition an error of the disk is for a client."""
    if problem.errno in _FULL:
        return StorageFull("the disk is full: nothing was stored; pulls, deletes and undo still work")
    return exhausted(problem) or Unavailable(f"the disk failed: {problem.strerror}")


@contextmanager
def disk() -> Iterator[None]:
    """Turn errors of the disk into conditions. Raises StorageFull, Unavailable."""
    try:
        yield
    except OSError as problem:
        raise condition_of(problem) from problem
