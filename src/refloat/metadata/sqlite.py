"""Connections to SQLite, each with the guarantees asserted that the protocol rests on."""

import logging
import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from typing import Literal

from refloat import durable
from refloat.core.errors import Unavailable

BUSY_TIMEOUT_MS = 30_000
log = logging.getLogger("refloat.metadata")
_UNSAFE = "REFLOAT_UNSAFE_FOREIGN_KEYS"  # set to "off" only to show what the foreign keys are for


Access = Literal["shared", "alone"]


def connect(database: Path) -> sqlite3.Connection:
    """Open the database in WAL mode, every commit durable, every reference checked.

    A database that is made here is its owner's alone, and so are the files that SQLite makes beside it. Raises
    Unavailable if SQLite does not grant what was asked.
    """
    return _connect(database, "shared")


def connect_alone(database: Path) -> sqlite3.Connection:
    """The same, so that nobody else can have it: that needs no room on the disk for an index that is shared."""
    return _connect(database, "alone")


def _connect(database: Path, access: Access) -> sqlite3.Connection:
    if not os.path.lexists(database):  # one that is there is never opened but by SQLite: that would end its locks
        with suppress(OSError):  # SQLite says what is wrong
            os.close(durable.create(database))
    connection = sqlite3.connect(
        database,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=512,
        timeout=BUSY_TIMEOUT_MS / 1000,
    )
    try:
        _insist(connection, access)
    except BaseException:  # who opens it again, alone, must not find this one in the way
        connection.close()
        raise
    return connection


def _insist(connection: sqlite3.Connection, access: Access) -> None:
    """Set what the protocol rests on, and see that it was granted. Raises Unavailable."""
    foreign_keys = 0 if os.environ.get(_UNSAFE) == "off" else 1
    if not foreign_keys:
        log.error("%s=off: the foreign keys are off, and this registry WILL LOSE IMAGES", _UNSAFE)
    wanted: dict[str, str | int] = {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": foreign_keys,
        "secure_delete": 1,
    }
    if access == "alone":
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")  # guard: every-commit-durable
    connection.execute(f"PRAGMA foreign_keys = {foreign_keys}")  # guard: foreign-keys
    connection.execute("PRAGMA secure_delete = ON")
    connection.execute("PRAGMA temp_store = MEMORY")
    for name, value in wanted.items():
        (granted,) = connection.execute(f"PRAGMA {name}").fetchone()
        if granted != value:
            raise Unavailable(f"SQLite answers {name} = {granted} where {value} is needed")


def takes_commits(database: Path) -> bool:
    """Does the database take a commit again, on a fresh connection? It is one that changes nothing.

    The log is emptied into the database too: after an fsync that failed the kernel may hold pages of the log
    for written that are not, and a power cut would lose whatever was appended behind them.
    """
    try:
        with closing(connect(database)) as connection:
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            connection.execute(f"PRAGMA user_version = {version}")  # writes its page, and syncs
            (is_busy, *_) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    except (sqlite3.Error, Unavailable):
        return False
    return not is_busy
