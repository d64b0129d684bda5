"""Bring the schema up to date, and refuse one that is newer than this program."""

import logging
import sqlite3
from contextlib import closing
from pathlib import Path

from refloat import durable
from refloat.core.errors import Unavailable
from refloat.metadata.migrations import STEPS
from refloat.metadata.sqlite import connect

log = logging.getLogger("refloat.metadata")


def migrate(database: Path) -> None:
    """Apply the steps a database lacks, making it if it is not there.

    Each step and its record are one transaction. Raises Unavailable on a schema this program does not know.
    """
    durable.private_directory(database.parent)
    with closing(connect(database)) as connection:
        found = _version(connection)
        if found > len(STEPS):
            raise Unavailable(f"{database} has schema {found}; this refloat knows {len(STEPS)} and is too old for it")
        if 0 < found < len(STEPS):
            log.info("%s: from schema %d to %d, which takes a large database minutes", database, found, len(STEPS))
        for number in range(found + 1, len(STEPS) + 1):
            _apply(connection, number)


def is_current(database: Path) -> bool:
    """Does a database have the schema this program works with?"""
    with closing(connect(database)) as connection:
        (found,) = connection.execute("SELECT max(version) FROM schema_version").fetchone()
    return bool(found == len(STEPS))


def _version(connection: sqlite3.Connection) -> int:
    connection.execute("CREATE TABLE IF NOT EXISTS schema_version (version INTEGER NOT NULL)")
    (version,) = connection.execute("SELECT coalesce(max(version), 0) FROM schema_version").fetchone()
    return int(version)


def _apply(connection: sqlite3.Connection, number: int) -> None:
    connection.execute("BEGIN IMMEDIATE")
    if _version(connection) < number:  # another process may have been here first
        for statement in STEPS[number - 1]:
            connection.execute(statement)
        connection.execute("INSERT INTO schema_version VALUES (?)", (number,))
    durable.commit(connection)
