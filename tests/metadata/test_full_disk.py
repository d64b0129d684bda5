"""A database on a full disk says so and goes on."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from refloat.core.errors import StorageFull
from refloat.core.names import RepositoryName
from refloat.metadata.migrate import migrate
from refloat.metadata.store import SqliteMetadata
from refloat.metadata.transaction import SqliteTransaction
from tests.disks import fill, small_disk

FEW, MANY = 20, 1500  # many names of 4 KB do not fit into SQLite's cache, and are written before the commit
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
def test_what_does_not_fit_is_refused_and_the_next_write_has_the_room(disk: Disk, write: Write) -> None:
    disk.fill()
    with pytest.raises(StorageFull):
        disk.metadata.write_now(write)
    assert (disk.asked_for_room, disk.filler) == (1, None)
    assert not disk.metadata.read.has_repository(names(1)[0])
    disk.metadata.write_now(write)
    assert disk.metadata.read.has_repository(names(1)[0])
    assert disk.broken == []


@EXTENTS
def test_nobody_in_the_batch_is_told_that_it_was_written(disk: Disk, write: Write) -> None:
    async def all_at_once() -> list[BaseException | None]:
        return await asyncio.gather(*(disk.metadata.write(write) for _ in range(3)), return_exceptions=True)

    disk.fill()
    assert [type(result) for result in asyncio.run(all_at_once())] == [StorageFull] * 3
    assert not disk.metadata.read.has_repository(names(1)[0])
    assert disk.broken == []


def test_a_disk_that_stays_full_is_no_broken_database(disk: Disk) -> None:
    disk.fill()
    disk.filler = None  # there is nothing to give
    for _ in range(3):
        with pytest.raises(StorageFull):
            disk.metadata.write_now(few)
    assert (disk.asked_for_room, disk.broken) == (3, [])
