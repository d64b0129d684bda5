"""What SQLite says when it cannot, as conditions."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from refloat import durable
from refloat.core.errors import StorageFull, Unavailable


@contextmanager
def database() -> Iterator[None]:
    """Turn errors of SQLite and of its files into conditions. Raises StorageFull, Unavailable."""
    try:
        with durable.disk():
            yield
    except sqlite3.Error as problem:
        if code_of(problem) == sqlite3.SQLITE_FULL:
            raise StorageFull("the disk is full: nothing was stored; pulls, deletes and undo still work") from problem
        raise Unavailable(f"the database failed: {problem}") from problem


def code_of(problem: BaseException) -> int | None:
    """Return SQLite's code without its extension: there are several ways to be busy."""
    return problem.sqlite_errorcode & 0xFF if isinstance(problem, sqlite3.OperationalError) else None
