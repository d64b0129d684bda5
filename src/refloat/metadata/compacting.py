"""A database written anew in its place: without free pages, and from then on giving them back by steps.

The rows are written to a file beside it, whose pages then take the place of its own in one transaction. Whatever ends
it, the database is the one before or the one after.
"""

import os
import shutil
import sqlite3
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from refloat import durable
from refloat.core.errors import Unavailable
from refloat.core.prices import DatabaseSpace
from refloat.metadata.failures import database as in_conditions
from refloat.metadata.shrinking import space_of
from refloat.metadata.sqlite import connect

SPARE = 1 << 20  # bytes beside the two copies of what is kept
SPEED = 20 << 20  # bytes a second, on a slow machine


@dataclass(frozen=True, slots=True)
class Compaction:
    """What writing a database anew comes to: `needs` and `room` are bytes of its disk, `seconds` about how long."""

    space: DatabaseSpace
    needs: int
    room: int

    @property
    def seconds(self) -> int:
        """About how long it takes, on a slow machine."""
        return 1 + (self.space.size - self.space.free) // SPEED


def plan(database: Path) -> Compaction:
    """Return what it would come to. Raises Unavailable."""
    with in_conditions(), closing(connect(database)) as connection:
        space = space_of(connection.execute)
    return Compaction(space, 2 * (space.size - space.free) + SPARE, shutil.disk_usage(database.parent).free)


def compact(database: Path) -> DatabaseSpace:
    """Write a database anew that no server has open. Returns what it takes then. Raises StorageFull, Unavailable."""
    beside = database.with_name(f".{database.name}.compact")
    with in_conditions(), closing(connect(database)) as connection:
        durable.unlink(beside)  # of one that was cut off
        try:
            _write_beside(connection, beside)
            _take_over(connection, beside)
        finally:
            with suppress(OSError):
                durable.unlink(beside)
        return space_of(connection.execute)


def _write_beside(connection: sqlite3.Connection, beside: Path) -> None:
    os.close(durable.create(beside))
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    connection.execute("VACUUM INTO ?", (f"{beside}",))


def _take_over(connection: sqlite3.Connection, beside: Path) -> None:
    with closing(sqlite3.connect(beside)) as written:
        (said,) = written.execute("PRAGMA quick_check(1)").fetchone()
        if said != "ok":
            raise Unavailable(f"the database cannot be written anew: {said}")
        written.backup(connection)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # where somebody reads it, its room comes back later
