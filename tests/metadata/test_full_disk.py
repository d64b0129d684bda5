"""A database on a full disk: what makes room has what is kept back, in the same call; a push never has it."""

import asyncio
import os
import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from refloat.core.errors import ManifestUnknown, StorageFull
from refloat.core.names import RepositoryName
from refloat.core.receipts import Lifted
from refloat.metadata.migrate import migrate
from refloat.metadata.sqlite import connect, connect_alone
from refloat.metadata.store import SqliteMetadata
from refloat.metadata.transaction import SqliteTransaction
from tests.disks import fill, free, small_disk

FEW, MANY = 20, 1500  # many names of 4 KB do not fit into SQLite's cache, and are written before the commit
FRAME, REGION = 4096 + 24, 4062  # bytes of a page in the log, and how many the first part of the index of it has
Write = Callable[[SqliteTransaction], None]


class Disk:
    """A database on a disk that can be filled, and what it is told of its writer."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.filler: Path | None = None
        self.asked_for_room = 0
        self.broken: list[BaseException] = []
        migrate(place / "refloat.db")
        self.metadata = SqliteMetadata(place / "refloat.db", place, self.make_room, self.broken.append)

    def fill(self) -> None:
        self.filler = fill(self.place)

    def make_room(self) -> bool:
        """Give the room back, as the ballast does."""
        self.asked_for_room += 1
        if self.filler is None:
            return False
        self.filler.unlink()
        self.filler = None
        return True


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    with small_disk(tmp_path / "disk", "32m") as place:
        made = Disk(place)
        yield made
        made.metadata.close()


def few(tx: SqliteTransaction) -> None:
    tx.lock(names(FEW))


def many(tx: SqliteTransaction) -> None:
    tx.lock(names(MANY))


def names(count: int) -> list[RepositoryName]:
    return [RepositoryName(f"{number}/{'x' * 4000}") for number in range(count)]


EXTENTS = pytest.mark.parametrize("write", [few, many], ids=lambda write: write.__name__)


@EXTENTS
def test_a_push_that_does_not_fit_is_refused_and_takes_nothing_that_is_kept_back(disk: Disk, write: Write) -> None:
    disk.fill()
    for _ in range(2):
        with pytest.raises(StorageFull, match="nothing was stored; pulls still work"):
            disk.metadata.write_now(write)
    assert (disk.asked_for_room, disk.filler is not None) == (0, True)
    assert not disk.metadata.read.has_repository(names(1)[0])
    disk.make_room()
    disk.metadata.write_now(write)
    assert disk.metadata.read.has_repository(names(1)[0])
    assert disk.broken == []


@EXTENTS
def test_what_makes_room_is_run_again_when_some_was_made(disk: Disk, write: Write) -> None:
    runs: list[None] = []

    def work(tx: SqliteTransaction) -> int:
        runs.append(None)
        write(tx)
        return len(runs)

    disk.fill()
    assert disk.metadata.write_now(work, room="kept") == 2
    assert (disk.asked_for_room, disk.filler) == (1, None)
    assert disk.metadata.read.has_repository(names(1)[0])
    assert disk.broken == []


def test_what_is_run_again_may_find_that_it_cannot_be(disk: Disk) -> None:
    runs: list[None] = []

    def work(tx: SqliteTransaction) -> None:
        runs.append(None)
        if len(runs) > 1:
            raise ManifestUnknown("somebody else deleted it meanwhile")
        many(tx)

    disk.fill()
    with pytest.raises(ManifestUnknown):
        disk.metadata.write_now(work, room="kept")
    assert not disk.metadata.read.has_repository(names(1)[0])


@EXTENTS
def test_of_a_batch_only_what_makes_room_is_run_again(disk: Disk, write: Write) -> None:
    other = RepositoryName("other")

    async def all_at_once() -> list[BaseException | None]:
        works = [disk.metadata.write(write), disk.metadata.write(lambda tx: tx.lock([other]), room="kept"),
                 disk.metadata.write(write)]  # fmt: skip
        return await asyncio.gather(*works, return_exceptions=True)

    disk.fill()
    assert [type(result) for result in asyncio.run(all_at_once())] == [StorageFull, type(None), StorageFull]
    assert not disk.metadata.read.has_repository(names(1)[0])
    assert disk.metadata.read.has_repository(other)
    assert disk.broken == []


@pytest.mark.parametrize("way", ["write", "write_brief", "note"])
def test_it_is_so_for_every_way_of_writing(disk: Disk, way: str) -> None:
    disk.fill()
    with pytest.raises(StorageFull):
        asyncio.run(getattr(disk.metadata, way)(many))
    assert disk.asked_for_room == 0
    asyncio.run(getattr(disk.metadata, way)(many, room="kept"))
    assert (disk.asked_for_room, disk.metadata.read.has_repository(names(1)[0])) == (1, True)


def test_a_disk_that_stays_full_is_no_broken_database(disk: Disk) -> None:
    disk.fill()
    disk.filler = None  # there is nothing to give
    for _ in range(3):
        with pytest.raises(StorageFull, match="16 MiB"):
            disk.metadata.write_now(many, room="kept")
    assert (disk.asked_for_room >= 3, disk.broken) == (True, [])


def test_a_log_that_is_in_the_database_is_room_enough_for_a_delete(disk: Disk) -> None:
    disk.metadata.write_now(many)
    disk.metadata.write_now(lambda tx: tx.lock([RepositoryName("other")]))
    disk.fill()
    disk.metadata.write_now(lambda tx: tx.lock([RepositoryName("another")]), room="kept")
    assert disk.asked_for_room == 0


def test_a_shared_index_that_cannot_grow_is_a_full_disk_and_no_broken_one(disk: Disk) -> None:
    """The log has room, and the file that maps it, which every connection has in its memory, has none."""
    log = disk.place / "refloat.db-wal"
    disk.metadata.write_now(few)
    with log.open("ab") as file:
        os.posix_fallocate(file.fileno(), 0, FRAME * REGION * 5 // 4)
    disk.fill()
    index = (disk.place / "refloat.db-shm").stat().st_size
    with pytest.raises(StorageFull):
        disk.metadata.write_now(lambda tx: tx.lock(_enough_for_two_regions()))
    assert (disk.broken, (disk.place / "refloat.db-shm").stat().st_size) == ([], index)
    assert disk.metadata.read.has_repository(names(1)[0])
    disk.metadata.write_now(lambda tx: tx.lock(_enough_for_two_regions()), room="kept")
    assert disk.asked_for_room == 1
    with closing(connect(disk.place / "refloat.db")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def _enough_for_two_regions() -> list[RepositoryName]:
    return [RepositoryName(f"two/{number}/{'y' * 4000}") for number in range(REGION // 2)]


def test_a_backup_that_does_not_fit_leaves_nothing_and_takes_nothing(disk: Disk) -> None:
    disk.metadata.write_now(few)
    disk.metadata.backup(1_700_000_000_000_000)
    (kept,) = (disk.place / "backups").iterdir()
    disk.fill()
    before = free(disk.place)
    with pytest.raises(StorageFull, match="no backup"):
        disk.metadata.backup(1_800_000_000_000_000)
    assert list((disk.place / "backups").iterdir()) == [kept]
    assert (free(disk.place), disk.asked_for_room) == (before, 0)


def test_the_number_of_a_round_and_a_receipt_have_room(disk: Disk) -> None:
    disk.metadata.set_epoch(1)
    disk.fill()
    disk.metadata.set_epoch(12)
    assert (disk.metadata.epoch(), disk.asked_for_room) == (12, 0)  # it overwrites what it has
    note = Lifted(id="abcdefghij", at=1, purge="klmnopqrst", digests=(), reason="x" * 8000)
    disk.metadata.notes.append([note])
    assert (disk.metadata.notes.read(), disk.asked_for_room) == ([note], 1)


def test_who_has_the_database_alone_reads_it_on_a_full_disk(tmp_path: Path) -> None:
    """A server was killed, and somebody took the last of the disk before the next one: even to read needs room."""
    with small_disk(tmp_path / "disk", "32m") as place:
        if (child := os.fork()) == 0:
            migrate(place / "refloat.db")
            SqliteMetadata(place / "refloat.db", place, lambda: False).write_now(few)
            os.kill(os.getpid(), signal.SIGKILL)
        os.waitpid(child, 0)
        (place / "refloat.db-shm").unlink()
        fill(place)
        with pytest.raises(sqlite3.OperationalError):
            connect(place / "refloat.db")
        with closing(connect_alone(place / "refloat.db")) as alone:
            assert alone.execute("SELECT count(*) FROM repositories").fetchone() == (FEW,)
