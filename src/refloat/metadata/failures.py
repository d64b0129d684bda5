"""What SQLite says when it cannot, as conditions."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from refloat import durable
from refloat.core import room
from refloat.core.errors import StorageFull, Unavailable

_GROWING = frozenset({sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_SHMSIZE, sqlite3.SQLITE_CANTOPEN})
"""How SQLite tells of a quota, and of a shared index or a file of it that cannot grow: as of a broken disk."""


@contextmanager
def database() -> Iterator[None]:
    """Turn errors of SQLite and of its files into conditions. Raises StorageFull, Unavailable."""
    try:
        with durable.disk():
            yield
    except sqlite3.Error as problem:
        if code_of(problem) == sqlite3.SQLITE_FULL:
            raise StorageFull(room.FULL) from problem
        raise Unavailable(f"the database failed: {problem}") from problem


def code_of(problem: BaseException) -> int | None:
    """Return SQLite's code without its extension: there are several ways to be busy."""
    return problem.sqlite_errorcode & 0xFF if isinstance(problem, sqlite3.OperationalError) else None


def is_malformed(problem: BaseException) -> bool:
    """Is what SQLite read no whole database? Only then may a copy of it be better than it is."""
    code = getattr(problem, "sqlite_errorcode", None)
    return code is not None and code & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def is_for_want_of_room(problem: BaseException, free: int, needed: int) -> bool:
    """Did SQLite fail because the disk has `free` bytes where `needed` are?

    It says that the disk is full only of what it writes; of the files that it maps, or has to make, it says that
    they failed.
    """
    code = code_of(problem)
    return code == sqlite3.SQLITE_FULL or (
        code in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN) and free < needed
    )


def is_full(problem: BaseException, path: Path) -> bool:
    """Did the database at `path` fail because its disk takes no more? Where SQLite does not say, the disk is asked."""
    if not isinstance(problem, sqlite3.OperationalError):
        return False
    if code_of(problem) == sqlite3.SQLITE_FULL:
        return True
    return problem.sqlite_errorcode in _GROWING and durable.shortage(path.parent) is not None


def with_room(work: Callable[[], None], make_room: Callable[[], bool]) -> None:
    """Write to a file beside the database, again each time that room was made for it. Raises StorageFull, Unavailable.

    `work` may be run again where it failed.
    """
    while True:
        try:
            with durable.disk():
                work()
            return
        except StorageFull as full:
            if not make_room():
                raise StorageFull(room.NOTHING_LEFT) from full
