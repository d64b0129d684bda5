"""Bringing the log into the database file beside the writer, on a connection of its own: nobody waits for it."""

import sqlite3
import threading
from contextlib import suppress
from pathlib import Path

from refloat.core.errors import Unavailable
from refloat.metadata.sqlite import LOG_KEPT, Access, connect


class Checkpoints:
    """The log of one database, as one process shortens it."""

    def __init__(self, database: Path, access: Access = "shared") -> None:
        self._is_alone = access == "alone"  # then nobody else is let in, this one neither
        self._database = database
        self._one_at_a_time = threading.Lock()
        self._connection: sqlite3.Connection | None = None

    def bring(self) -> None:
        """Bring the log into the database file, as far as nobody reads it. What cannot be done now is done later."""
        self._run("PRAGMA wal_checkpoint(PASSIVE)")

    def cut(self) -> None:
        """Cut a long log to nothing, unless somebody writes or reads it just now."""
        log = self._database.with_name(self._database.name + "-wal")
        with suppress(FileNotFoundError):
            if log.stat().st_size > LOG_KEPT:
                self._run("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        """Close the connection."""
        with self._one_at_a_time:
            if self._connection is not None:
                self._connection.close()

    def _run(self, statement: str) -> None:
        if self._is_alone:
            return
        with self._one_at_a_time, suppress(sqlite3.Error, Unavailable):
            if self._connection is None:
                self._connection = connect(self._database)
                self._connection.execute("PRAGMA busy_timeout = 0")
            self._connection.execute(statement)
