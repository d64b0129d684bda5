"""`ports.Metadata` on SQLite: one writer, and a reading connection for each thread that reads."""

import logging
import sqlite3
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from refloat.core.names import Digest
from refloat.metadata.backups import Backups, Epoch
from refloat.metadata.batches import OnBroken
from refloat.metadata.collecting import SqliteCollecting
from refloat.metadata.failures import database
from refloat.metadata.listing import SqliteListing
from refloat.metadata.notes import Notes
from refloat.metadata.purging import SqlitePurging
from refloat.metadata.reads import SqliteReader
from refloat.metadata.sqlite import connect
from refloat.metadata.transaction import SqliteTransaction
from refloat.metadata.verifying import SqliteVerifying
from refloat.metadata.writer import Writer

T = TypeVar("T")
log = logging.getLogger("refloat.metadata")


class SqliteMetadata:
    """The database of one data directory, as one process uses it.

    `database` is the file, migrated before; `directory` holds the epoch file, the receipts of purges and
    `backups/`. `make_room` and `on_broken` are the writer's.
    """

    def __init__(
        self, database: Path, directory: Path, make_room: Callable[[], bool], on_broken: OnBroken = log.error
    ) -> None:
        self._database = database
        self._writer = Writer(connect(database), make_room, on_broken)
        self._backups = Backups(directory / "backups")
        self._epoch = Epoch(directory / ".epoch")
        self.notes = Notes(directory / "purges.jsonl")
        self._thread = threading.local()
        self._readers: list[sqlite3.Connection] = []

    @property
    def read(self) -> SqliteReader:
        try:
            return self._thread.reader  # type: ignore[no-any-return]
        except AttributeError:
            self._thread.reader = SqliteReader(self._connection())
            return self._thread.reader  # type: ignore[no-any-return]

    @property
    def listing(self) -> SqliteListing:
        return SqliteListing(self._connection())

    @property
    def verifying(self) -> SqliteVerifying:
        return SqliteVerifying(self._connection())

    def mark(self, work: Callable[[SqliteVerifying], T]) -> T:
        return self._writer.write_now(lambda connection: work(SqliteVerifying(connection)))

    async def write(self, work: Callable[[SqliteTransaction], T]) -> T:
        return await self._writer.write(lambda connection: work(SqliteTransaction(connection)))

    async def write_brief(self, work: Callable[[SqliteTransaction], T]) -> T:
        return await self._writer.write(lambda connection: work(SqliteTransaction(connection)), "durable", "brief")

    async def note(self, work: Callable[[SqliteTransaction], T]) -> T:
        return await self._writer.write(lambda connection: work(SqliteTransaction(connection)), "visible", "brief")

    def write_now(self, work: Callable[[SqliteTransaction], T]) -> T:
        return self._writer.write_now(lambda connection: work(SqliteTransaction(connection)))

    def collect(self, work: Callable[[SqliteCollecting], T]) -> T:
        return self._writer.write_now(lambda connection: work(SqliteCollecting(connection)))

    def purge(self, work: Callable[[SqlitePurging], T]) -> T:
        return self._writer.write_now(lambda connection: work(SqlitePurging(connection)))

    def replace_backups(self, digests: Sequence[Digest], at: int) -> int:
        return self._backups.replace(self._connection(), digests, at)

    def empty_log(self) -> None:
        self._writer.empty_log()

    def backup(self, at: int) -> None:
        self._backups.save(self._connection(), at)

    def last_backup(self) -> int | None:
        return self._backups.last()

    def named_live(self, keys: Sequence[str]) -> set[str]:
        return self._backups.named_live(keys)

    def epoch(self) -> int:
        return self._epoch.read()

    def set_epoch(self, number: int) -> None:
        self._epoch.write(number)

    def close(self) -> None:
        self._writer.close()
        for connection in self._readers:
            connection.close()

    def _connection(self) -> sqlite3.Connection:
        try:
            return self._thread.connection  # type: ignore[no-any-return]
        except AttributeError:
            with database():  # a thread's first reading opens files
                connection = connect(self._database)
                connection.execute("PRAGMA query_only = ON")
            self._readers.append(connection)
            self._thread.connection = connection
            return connection
