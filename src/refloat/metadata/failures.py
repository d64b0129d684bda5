"""What the disk and SQLite say when they cannot, as conditions."""

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from refloat.core.errors import StorageFull, Unavailable

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


@contextmanager
def disk() -> Iterator[None]:
    """Turn errors of files and of SQLite into conditions. Raises StorageFull, Unavailable."""
    try:
        yield
    except OSError as problem:
        if problem.errno in _FULL:
            raise StorageFull("the disk is full; pulls, deletes and undo still work") from problem
        raise Unavailable(f"the disk failed: {problem.strerror}") from problem
    except sqlite3.Error as problem:
        if code_of(problem) == sqlite3.SQLITE_FULL:
            raise StorageFull("the disk is full; pulls, deletes and undo still work") from problem
        raise Unavailable(f"the database failed: {problem}") from problem


def code_of(problem: BaseException) -> int | None:
    """Return SQLite's code without its extension: there are several ways to be busy."""
    return problem.sqlite_errorcode & 0xFF if isinstance(problem, sqlite3.OperationalError) else None
