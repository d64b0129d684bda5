"""Bring the schema up to date, all of it or nothing, and refuse one that is newer than this program."""

import logging
import shutil
import sqlite3
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from refloat import durable
from refloat.core.errors import RefloatError, StorageFull, Unavailable
from refloat.metadata.failures import is_for_want_of_room
from refloat.metadata.migrations import NEEDS, STEPS
from refloat.metadata.sqlite import connect, look

LEAST_ROOM = 2_000_000  # bytes: what a database without a row takes, twice, and a server's first files beside it
log = logging.getLogger("refloat.metadata")


@dataclass(frozen=True, slots=True)
class Update:
    """Bringing a database up to date: from which schema on, 0 where there is none yet, and the bytes that needs."""

    database: Path
    found: int
    needs: int

    def __str__(self) -> str:
        if not self.found:
            return f"a new database at {self.database}"
        return f"bringing {self.database} up to date, from schema {self.found} to {len(STEPS)},"

    @property
    def afterwards(self) -> str:
        """What is left where it could not be made."""
        if not self.found:
            return "nothing was made"
        return f"nothing was changed, and the refloat that knows schema {self.found} still serves it"


def migrate(database: Path) -> None:
    """Apply the steps a database lacks, making it if it is not there.

    All of them and their record are one transaction: whatever ends it, the program that served the database before
    still does. Raises Unavailable on a schema this program does not know, StorageFull where the disk has no room for
    it, before it begins if that can be seen, sqlite3.Error where the database cannot be used.
    """
    found = version_of(database)
    if found > len(STEPS):
        raise Unavailable(f"{database} has schema {found}; this refloat knows {len(STEPS)} and is too old for it")
    if found == len(STEPS):
        return
    durable.private_directory(database.parent)
    update = Update(database, found, _needs(database, found))
    if _free(database) < update.needs:
        _give_back_log(database)
    free = _free(database)
    if free < update.needs:
        raise _no_room(update, free)
    if found:
        log.info("%s needs about %s of the disk, and minutes where it is large", update, _megabytes(update.needs))
    try:
        with closing(connect(database, "made")) as connection:
            _apply(connection)
    except sqlite3.OperationalError as problem:
        free = _free(database)
        if is_for_want_of_room(problem, free, update.needs):
            raise _no_room(update, free) from problem
        raise


def version_of(database: Path) -> int:
    """Return the number of a database's schema, 0 where there is none; nothing is made or changed.

    Raises sqlite3.Error where it cannot be read.
    """
    if not database.exists():
        return 0
    with closing(look(database)) as connection:
        tables = connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'schema_version'").fetchone()
        return _version(connection) if tables[0] else 0


def _version(connection: sqlite3.Connection) -> int:
    (version,) = connection.execute("SELECT coalesce(max(version), 0) FROM schema_version").fetchone()
    return int(version)


def _apply(connection: sqlite3.Connection) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.execute("CREATE TABLE IF NOT EXISTS schema_version (version INTEGER NOT NULL)")
        for number in range(_version(connection) + 1, len(STEPS) + 1):  # another process may have been here first
            for statement in STEPS[number - 1]:
                connection.execute(statement)
            connection.execute("INSERT INTO schema_version VALUES (?)", (number,))
        durable.commit(connection)
    except BaseException:
        with suppress(sqlite3.Error):  # SQLite may have done so itself, as on a full disk
            connection.execute("ROLLBACK")  # the log is given back when it is closed
        raise


def _needs(database: Path, found: int) -> int:
    """Return about how many bytes of the disk the steps beyond `found` need while they are made."""
    if not found:
        return LEAST_ROOM
    with closing(look(database)) as connection:
        (pages,), (free,), (size,) = (
            connection.execute(f"PRAGMA {what}").fetchone() for what in ("page_count", "freelist_count", "page_size")
        )
    return int((pages - free) * size * sum(NEEDS[found:])) + LEAST_ROOM


def _give_back_log(database: Path) -> None:
    """Let go of the log that a killed process left: what was committed goes into the database, and the rest nowhere."""
    if database.with_name(f"{database.name}-wal").exists():
        with suppress(sqlite3.Error, RefloatError), closing(connect(database)) as connection:
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()  # the last to close it removes the log


def _free(database: Path) -> int:
    return shutil.disk_usage(database.parent).free


def _no_room(update: Update, free: int) -> RefloatError:
    """Say what it needs and what there is. What was tried and filled the disk needs more than was there."""
    needed = f"more than {_megabytes(free)}"
    if free < update.needs:
        needed = f"about {_megabytes(update.needs)}, {_megabytes(update.needs - free)} more"
    return StorageFull(f"the disk has {_megabytes(free)} free, and {update} needs {needed}: {update.afterwards}")


def _megabytes(count: int) -> str:
    return f"{count / 1_000_000:,.1f} MB"
