"""One write transaction: `ports.Transaction` on SQLite."""

import sqlite3

from refloat.metadata.holdings import Holdings
from refloat.metadata.listing import SqliteListing
from refloat.metadata.reads import SqliteReader


class SqliteTransaction(Holdings):
    """Everything a use case may write, with the reads that see what it wrote."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        super().__init__(connection.execute)
        self.read = SqliteReader(connection)
        self.listing = SqliteListing(connection)
