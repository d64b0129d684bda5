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
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from refloat.core import room
from refloat.core.errors import RefloatError, StorageFull, Unavailable
from refloat.core.scarcity import exhausted

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_PIECE = bytes(64 << 10)  # more than one step of the database's files
_numbers = itertools.count(1)
PRIVATE_FILE, PRIVATE_DIRECTORY = 0o600, 0o700
MOST_READ = 1 << 30  # bytes of a file that is read whole
_crash_at = int(os.environ.get("REFLOAT_CRASH_AT", "0"))


def _step() -> None:
    if _crash_at and next(_numbers) == _crash_at:
        os.kill(os.getpid(), signal.SIGKILL)


def create(path: Path | str) -> int:
    """Make a new file and return it open for reading and writing. Raises FileExistsError."""
    _step()
    return os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW, PRIVATE_FILE)


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
    file = open_plain(path, os.O_RDONLY)
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
    """Make a directory that only its owner may enter, durable under its name; one that is there already is fine.

    Raises OSError with ELOOP where the name is a link: what is made here is not put where somebody else points.
    """
    if path.is_dir():
        refuse_link(path)
        return
    _step()
    private_directory(path)
    fsync_directory(path.parent)


def private_directory(path: Path) -> None:
    """Make a directory, and those above it that are missing, for their owner alone whatever the umask."""
    for missing in reversed([each for each in (path, *path.parents) if not os.path.lexists(each)]):
        with suppress(FileExistsError):
            missing.mkdir(PRIVATE_DIRECTORY)
            missing.chmod(PRIVATE_DIRECTORY)
    path.mkdir(exist_ok=True)


def refuse_link(path: Path | str) -> None:
    """Raise OSError with ELOOP where a name is a symbolic link."""
    if os.path.islink(path):
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))


def open_plain(path: Path | str, flags: int) -> int:
    """Open a file. A symbolic link is not followed, what is made is its owner's alone, and no pipe is waited for.

    Raises OSError, with ELOOP for a link.
    """
    return os.open(path, flags | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK, PRIVATE_FILE)


def read_plain(path: Path | str, most: int = MOST_READ) -> bytes:
    """Return what a file has, up to `most` bytes. Raises OSError, with EINVAL for what is no file."""
    with open(open_plain(path, os.O_RDONLY), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EINVAL, "this is no file", str(path))
        return file.read(most)


def commit(connection: sqlite3.Connection) -> None:
    """Commit a transaction; with synchronous=FULL it is durable on return."""
    _step()
    connection.execute("COMMIT")


def shortage(directory: Path | str) -> int | None:
    """Return the errno with which a disk or a quota refuses 64 KiB more in a directory; None: there is room.

    A database says that a write failed, and not always why.
    """
    try:
        file = os.open(directory, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, PRIVATE_FILE)
    except OSError as problem:
        return problem.errno if problem.errno in _FULL else None
    try:
        written = 0
        while written < len(_PIECE):
            written += os.pwrite(file, _PIECE[written:], written)
    except OSError as problem:
        return problem.errno if problem.errno in _FULL else None
    finally:
        os.close(file)
    return None


def condition_of(problem: OSError) -> RefloatError:
    """Return the condition an error of the disk is for a client."""
    if problem.errno in _FULL:
        return StorageFull(room.FULL)
    if problem.errno == errno.EFBIG:
        return StorageFull(room.TOO_LARGE)
    if problem.errno == errno.ELOOP:
        return Unavailable(f"{problem.filename} is a symbolic link, and none is followed here")
    return exhausted(problem) or Unavailable(f"the disk failed: {problem.strerror}")


@contextmanager
def disk() -> Iterator[None]:
    """Turn errors of the disk into conditions. Raises StorageFull, Unavailable."""
    try:
        yield
    except OSError as problem:
        raise condition_of(problem) from problem
