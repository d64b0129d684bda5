"""Opening a database on a full disk: SQLite needs a little room even to read, and a start must not depend on luck."""

import logging
import sqlite3
from collections.abc import Callable
from contextlib import closing

from refloat import durable
from refloat.blobs.filesystem import FileBlobs
from refloat.core import room
from refloat.core.errors import RefloatError
from refloat.main.collector import tick
from refloat.main.refusing import StartRefused
from refloat.metadata.failures import is_full
from refloat.metadata.migrate import version_of
from refloat.metadata.migrations import STEPS
from refloat.metadata.sqlite import connect
from refloat.metadata.store import SqliteMetadata
from refloat.settings import Settings
from refloat.usecases.reap_ahead import reap_ahead

Way = Callable[[SqliteMetadata, FileBlobs], object]
log = logging.getLogger("refloat.serve")


def make_room_to_open(settings: Settings, session: str) -> None:
    """See that the database of a claimed directory can be opened. `session` names this boot. Raises StartRefused.

    Tried in turn: the log of a server that was killed goes into the database, what is kept back is given up, and what
    is due to go goes. Who has the database alone can read it without any room. One that is not there yet, or of an
    older version, is left as it is: bringing it up to date says what it needs.
    """
    if not _is_up_to_date(settings):
        return
    if _is_log_left(settings):
        _alone(settings, _nothing_else)
    ways: tuple[Way, ...] = (
        _nothing_else,
        lambda metadata, blobs: blobs.make_room(),
        lambda metadata, blobs: reap_ahead(metadata, blobs, tick(session)),
    )
    for way in ways:
        if _opens(settings):
            return
        _alone(settings, way)
    if not _opens(settings):
        raise StartRefused(
            f"the disk of {settings.database} is full: the database cannot be opened",
            f"free {room.ENOUGH >> 20} MiB there, then start again",
        )


def _nothing_else(metadata: SqliteMetadata, blobs: FileBlobs) -> None:
    """Opening it alone brought the log into the database."""


def _is_log_left(settings: Settings) -> bool:
    """Is there a log of a server that was killed, on a disk without room? SQLite could open it, and write nothing."""
    log_of_rows = settings.database.with_name(f"{settings.database.name}-wal")
    is_long = log_of_rows.exists() and log_of_rows.stat().st_size > 0
    return is_long and durable.shortage(settings.database.parent) is not None


def _is_up_to_date(settings: Settings) -> bool:
    try:
        return version_of(settings.database) == len(STEPS)
    except sqlite3.Error:  # it may want room even to say so
        return True


def _opens(settings: Settings) -> bool:
    """Has the disk the room? Whatever else is wrong with the database is told by who opens it next."""
    database = settings.database
    if durable.shortage(database.parent) is None:
        return True
    try:
        with closing(connect(database)) as connection:
            connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    except (RefloatError, sqlite3.Error) as problem:
        return not is_full(problem, database)
    return True


def _alone(settings: Settings, way: Way) -> None:
    ours = settings.root / "refloat"
    try:
        with (
            closing(FileBlobs(ours, settings.reserve, database=settings.database)) as blobs,
            closing(SqliteMetadata(settings.database, ours, lambda: False, access="alone")) as metadata,
        ):
            way(metadata, blobs)
    except (RefloatError, sqlite3.Error, OSError) as problem:
        log.warning("the disk is full: %s", problem)
