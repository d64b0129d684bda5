"""Connections to SQLite, each with the guarantees asserted that the protocol rests on."""

import logging
import os
import sqlite3
from contextlib import closing
from pathlib import Path

from refloat.core.errors import Unavailable

BUSY_TIMEOUT_MS = 30_000
LOG_KEPT = 4 << 20  # bytes that the log's file keeps once what it held is in the database
log = logging.getLogger("refloat.metadata")
_UNSAFE = "REFLOAT_UNSAFE_FOREIGN_KEYS"  # set to "off" only to show what the foreign keys are for


def connect(database: Path) -> sqlite3.Connection:
    """Open the database in WAL mode, every commit durable, every reference checked.

    Raises Unavailable if SQLite does not grant what was asked.
    """
    is_new = not database.exists() or not database.stat().st_size
    connection = sqlite3.connect(
        database,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=512,
        timeout=BUSY_TIMEOUT_MS / 1000,
    )
    foreign_keys = 0 if os.environ.get(_UNSAFE) == "off" else 1
    if not foreign_keys:
        log.error("%s=off: the foreign keys are off, and this registry WILL LOSE IMAGES", _UNSAFE)
    wanted: dict[str, str | int] = {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": foreign_keys,
        "secure_delete": 1,
    }
    if is_new:  # afterwards it is too late: only a database that is written anew would change
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")  # guard: every-commit-durable
    connection.execute(f"PRAGMA foreign_keys = {foreign_keys}")  # guard: foreign-keys
    connection.execute("PRAGMA secure_delete = ON")
    connection.execute("PRAGMA temp_store = MEMORY")
    connection.execute(f"PRAGMA journal_size_limit = {LOG_KEPT}")
    for name, value in wanted.items():
        (granted,) = connection.execute(f"PRAGMA {name}").fetchone()
        if granted != value:
            connection.close()
            raise Unavailable(f"SQLite answers {name} = {granted} where {value} is needed")
    return connection


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
