"""`ports.Metadata` on SQLite: one writer, and a reading connection for each thread that reads."""

import logging
import os
import sqlite3
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from refloat.core.names import Digest
from refloat.metadata.backups import Backups, Epoch
from refloat.metadata.batches import OnBroken, Promise
from refloat.metadata.checkpoints import Checkpoints
from refloat.metadata.collecting import SqliteCollecting
from refloat.metadata.failures import database, is_full
from refloat.metadata.listing import SqliteListing
from refloat.metadata.notes import Notes
from refloat.metadata.purging import SqlitePurging
from refloat.metadata.reads import SqliteReader
from refloat.metadata.shrinking import PAGES_AT_ONCE, give_pages_back
from refloat.metadata.sqlite import Access, connect, connect_alone
from refloat.metadata.transaction import SqliteTransaction
from refloat.metadata.turns import Turns
from refloat.metadata.verifying import SqliteVerifying
from refloat.metadata.writer import BRIEF_ROWS, UNKNOWN_ROWS, Writer
from refloat.ports import Room

T = TypeVar("T")
STEPS_AT_ONCE = 64  # of giving free pages back, before other things that wait for the collector: 125 MiB
STEPS_BETWEEN = 8  # two looks at the log
FEW_ROWS = 500  # what writes more waits apart from what writes less
log = logging.getLogger("refloat.metadata")


class SqliteMetadata:
    """The database of one data directory, as one process uses it.

    `database` is the file, migrated before; `directory` holds the epoch file, the receipts of purges and
    `backups/`. `make_room` and `on_broken` are the writer's. Who has it alone only writes: nothing else can open it.
    With `others_write` other processes do too, and turns are taken among all.
    """

    def __init__(
        self,
        database: Path,
        directory: Path,
        make_room: Callable[[], bool],
        on_broken: OnBroken = log.error,
        access: Access = "shared",
        *,
        others_write: bool = False,
    ) -> None:
        self._database = database
        turns = Turns(directory / "writer.lock" if others_write else None)
        connection = _opened(database, access, make_room)
        self._writer = Writer(connection, Checkpoints(database, access), turns, make_room, on_broken)
        self._backups = Backups(directory / "backups")
        self._epoch = Epoch(directory / ".epoch", make_room)
        self.notes = Notes(directory / "purges.jsonl", make_room)
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

    def owed(self) -> int:
        """Return by how many bytes the file will grow when its log is brought into it."""
        query = self._connection().execute
        (pages,), (size,) = query("PRAGMA page_count").fetchone(), query("PRAGMA page_size").fetchone()
        return max(0, int(pages * size) - os.stat(self._database).st_size)

    def mark(self, work: Callable[[SqliteVerifying], T]) -> T:
        return self._writer.write_now(lambda connection: work(SqliteVerifying(connection)))

    async def write(
        self,
        work: Callable[[SqliteTransaction], T],
        rows: int | None = None,
        ahead: Callable[[], object] | None = None,
        *,
        room: Room = "spare",
    ) -> T:
        is_small = rows is not None and rows <= FEW_ROWS and ahead is None
        return await self._writer.write(
            lambda connection: work(SqliteTransaction(connection)),
            "durable",
            "small" if is_small else "wide",
            UNKNOWN_ROWS if rows is None else rows,
            ahead,
            room=room,
        )

    async def write_brief(self, work: Callable[[SqliteTransaction], T], *, room: Room = "spare") -> T:
        return await self._write_brief(work, "durable", room)

    async def note(self, work: Callable[[SqliteTransaction], T], *, room: Room = "spare") -> T:
        return await self._write_brief(work, "visible", room)

    async def _write_brief(self, work: Callable[[SqliteTransaction], T], promise: Promise, room: Room) -> T:
        return await self._writer.write(
            lambda connection: work(SqliteTransaction(connection)), promise, "brief", BRIEF_ROWS, room=room
        )

    def write_now(self, work: Callable[[SqliteTransaction], T], *, room: Room = "spare") -> T:
        return self._writer.write_now(lambda connection: work(SqliteTransaction(connection)), room=room)

    def collect(self, work: Callable[[SqliteCollecting], T], *, room: Room = "kept") -> T:
        return self._writer.write_now(lambda connection: work(SqliteCollecting(connection)), room=room)

    def look(self, work: Callable[[SqliteCollecting], T]) -> T:
        return work(SqliteCollecting(self._connection()))

    def purge(self, work: Callable[[SqlitePurging], T]) -> T:
        return self._writer.write_now(lambda connection: work(SqlitePurging(connection)), room="kept")

    def replace_backups(self, digests: Sequence[Digest], at: int) -> int:
        return self._backups.replace(self._connection(), digests, at)

    def empty_log(self) -> None:
        self._writer.empty_log()

    def give_back(self) -> int:
        pages = 0
        for step in range(1, 1 + STEPS_AT_ONCE):
            given = self._writer.write_now(lambda connection: give_pages_back(connection.execute), room="kept")
            pages += given
            if given < PAGES_AT_ONCE:
                break
            if step % STEPS_BETWEEN == 0:
                self._writer.cut_log()  # it has every page that was moved
        self._writer.cut_log()
        return pages

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


def _opened(database: Path, access: Access, make_room: Callable[[], bool]) -> sqlite3.Connection:
    """Open a database, again each time that room was made: what connections share has to lie somewhere too."""
    while True:
        try:
            return connect(database) if access == "shared" else connect_alone(database)
        except sqlite3.Error as problem:
            if not (is_full(problem, database) and make_room()):
                raise
