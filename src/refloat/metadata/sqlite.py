"""Connections to SQLite, each with the guarantees asserted that the protocol rests on."""

import logging
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from refloat.core.errors import Unavailable

BUSY_TIMEOUT_MS = 30_000
STEPS_AT_ONCE = 100_000
log = logging.getLogger("refloat.metadata")
_UNSAFE = "REFLOAT_UNSAFE_FOREIGN_KEYS"  # set to "off" only to show what the foreign keys are for


def connect(database: Path) -> sqlite3.Connection:
    """Open the database in WAL mode, every commit durable, every reference checked.

    Raises Unavailable if SQLite does not grant what was asked.
    """
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
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")  # guard: every-commit-durable
    connection.execute(f"PRAGMA foreign_keys = {foreign_keys}")  # guard: foreign-keys
    connection.execute("PRAGMA secure_delete = ON")
    connection.execute("PRAGMA temp_store = MEMORY")
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


@dataclass(slots=True)
class Steps:
    """How many steps of SQLite's machine were taken, in hundred thousands."""

    taken: int = 0

    def count(self) -> None:
        """Count what was taken since the last call."""
        self.taken += STEPS_AT_ONCE


@contextmanager
def counted_steps(connection: sqlite3.Connection) -> Iterator[Steps]:
    """Count the steps of a connection's statements for as long as the block lasts: their price, whoever made it."""
    steps = Steps()
    connection.set_progress_handler(steps.count, STEPS_AT_ONCE)
    try:
        yield steps
    finally:
        connection.set_progress_handler(None, STEPS_AT_ONCE)
