"""One write transaction: `ports.Transaction` on SQLite."""

import sqlite3

from refloat.metadata.holdings import Holdings
from refloat.metadata.listing import SqliteListing
from refloat.metadata.reads import SqliteReader


class SqliteTransaction(Holdings):
    """Everything a use case may write, with the reads that see what it wrote."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        super().__init__(connection)
        self._connection = connection

    @property
    def read(self) -> SqliteReader:
        return SqliteReader(self._connection)

    @property
    def listing(self) -> SqliteListing:
        return SqliteListing(self._connection)
