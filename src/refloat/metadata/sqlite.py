"""Connections to SQLite, each with the guarantees asserted that the protocol rests on."""

import logging
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from refloat import durable
from refloat.core.errors import Unavailable

BUSY_TIMEOUT_MS = 30_000
LOG_KEPT = 4 << 20  # bytes that the log's file keeps once what it held is in the database
STEPS_AT_ONCE = 100_000
log = logging.getLogger("refloat.metadata")
_UNSAFE = "REFLOAT_UNSAFE_FOREIGN_KEYS"  # set to "off" only to show what the foreign keys are for


Access = Literal["shared", "alone"]
Absent = Literal["refused", "made"]


def connect(database: Path, absent: Absent = "refused") -> sqlite3.Connection:
    """Open the database in WAL mode, every commit durable, every reference checked.

    One that is `absent` is only made where that was said: beside the images of a lost one an empty one would pass for
    theirs. It is its owner's alone, and so are the files that SQLite makes beside it. Raises sqlite3.OperationalError
    where it is absent, Unavailable if SQLite does not grant what was asked.
    """
    return _connect(database, "shared", absent)


def connect_alone(database: Path) -> sqlite3.Connection:
    """The same, so that nobody else can have it: that needs no room on the disk for an index that is shared."""
    return _connect(database, "alone", "refused")


def _connect(database: Path, access: Access, absent: Absent) -> sqlite3.Connection:
    mode = "rwc" if absent == "made" else "rw"  # guard: no-database-made-by-opening-it
    if absent == "made" and not os.path.lexists(database):  # one that is there only SQLite may open
        with suppress(OSError):  # SQLite says what is wrong
            os.close(durable.create(database))
    is_new = absent == "made" and database.exists() and not database.stat().st_size
    connection = sqlite3.connect(
        f"{database.absolute().as_uri()}?mode={mode}",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=512,
        timeout=BUSY_TIMEOUT_MS / 1000,
    )
    try:
        if is_new:  # afterwards it is too late: only a database that is written anew would change
            connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
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
    connection.execute(f"PRAGMA journal_size_limit = {LOG_KEPT}")
    for name, value in wanted.items():
        (granted,) = connection.execute(f"PRAGMA {name}").fetchone()
        if granted != value:
            raise Unavailable(f"SQLite answers {name} = {granted} where {value} is needed")


def look(database: Path) -> sqlite3.Connection:
    """Open a database for reading alone: no file is made, changed or removed, and a server may have it open.

    Where no log lies beside it nobody has it open, and only then may SQLite be told that nothing changes: it would
    make a log to read by, and leave it there.
    """
    still = "" if database.with_name(f"{database.name}-wal").exists() else "&immutable=1"
    return sqlite3.connect(
        f"{database.absolute().as_uri()}?mode=ro{still}",
        uri=True,
        isolation_level=None,
        timeout=BUSY_TIMEOUT_MS / 1000,
    )


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
