"""What a full disk may not do: take from an image, or let a push take what is kept back for deletes."""

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from refloat.blobs.ballast import SIZE
from refloat.blobs.filesystem import FileBlobs
from refloat.core.clock import Tick
from refloat.core.errors import StorageFull
from refloat.core.names import RepositoryName
from refloat.metadata.migrate import migrate
from refloat.metadata.store import SqliteMetadata
from refloat.metadata.transaction import SqliteTransaction
from refloat.usecases.reap_ahead import reap_ahead
from tests.guards.test_guarded import CONTENT, DIGEST, HOUR, NOW, collect, entered

LARGEST = 1 << 30  # pages: SQLite's own limit


class Full:
    """A database that may not grow, as on a full disk, until somebody asks for room."""

    def __init__(self, directory: Path) -> None:
        self.asked = 0
        migrate(directory / "refloat.db")
        self.metadata = SqliteMetadata(directory / "refloat.db", directory, self.make_room)
        connection: sqlite3.Connection = self.metadata._writer._connection
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        self.limit: Callable[[int], object] = lambda most: connection.execute(f"PRAGMA max_page_count = {most}")
        self.limit(pages)

    def make_room(self) -> bool:
        self.asked += 1
        self.limit(LARGEST)
        return self.asked == 1


@pytest.fixture
def full(tmp_path: Path) -> Iterator[Full]:
    made = Full(tmp_path)
    yield made
    made.metadata.close()


def large(tx: SqliteTransaction) -> None:
    tx.lock([RepositoryName(f"{number}/{'x' * 4000}") for number in range(20)])


def test_a_push_never_has_what_is_kept_back(full: Full) -> None:
    with pytest.raises(StorageFull):
        full.metadata.write_now(large)
    with pytest.raises(StorageFull):
        asyncio.run(full.metadata.write(large))
    assert full.asked == 0
    full.metadata.write_now(large, room="kept")
    assert full.asked == 1


def test_a_push_never_has_what_was_given_up(tmp_path: Path) -> None:
    store = FileBlobs(tmp_path, 0.0)
    half = SIZE // 2
    store.keep_back()
    assert store.has_room(store._rows.free() - half)
    assert store.make_room()
    assert not store.has_room(store._rows.free() - half)
    with pytest.raises(StorageFull), store.entering(store._rows.free() - half):
        pass
    store.keep_back()
    assert store.has_room(store._rows.free() - half)
    store.close()


def test_manifests_leave_the_reserve(tmp_path: Path) -> None:
    store = FileBlobs(tmp_path, 1.0)
    with pytest.raises(StorageFull), store.entering(1):
        pass
    store.close()


def test_what_pushes_under_way_were_promised_is_not_promised_again(tmp_path: Path) -> None:
    store = FileBlobs(tmp_path, 0.0)
    half = store._rows.free() * 2 // 3
    with store.entering(half):
        with pytest.raises(StorageFull), store.entering(half):
            pass
        with pytest.raises(StorageFull):
            store.check_room(half)
    with store.entering(half):
        pass
    store.close()


def at(instant: int) -> Tick:
    return Tick(instant, instant, "run")


def test_what_is_due_is_reaped_ahead_and_nothing_sooner(metadata: SqliteMetadata, blobs: FileBlobs) -> None:
    first = entered(metadata, blobs, 1)
    second = entered(metadata, blobs, 2, b"of another blob")
    collect(metadata, blobs, NOW + 2 * HOUR)
    third = entered(metadata, blobs, 3, b"live")
    assert reap_ahead(metadata, blobs, at(NOW + 2 * HOUR)) == 0
    assert blobs.size(first.key) == len(CONTENT)
    assert reap_ahead(metadata, blobs, at(NOW + 4 * HOUR)) == len(CONTENT) + len(b"of another blob")
    assert [blobs.size(upload.key) for upload in (first, second, third)] == [None, None, 4]
    assert reap_ahead(metadata, blobs, at(NOW + 4 * HOUR)) == 0
    assert [doomed.reaped_at for doomed in metadata.listing.doomed(10)] == [None, None]
    done = collect(metadata, blobs, NOW + 4 * HOUR)
    assert (done.reaped, done.reaped_bytes) == (2, len(CONTENT) + len(b"of another blob"))
    assert blobs.size(third.key) == 4


def test_what_a_kept_backup_names_live_is_not_reaped_ahead(metadata: SqliteMetadata, blobs: FileBlobs) -> None:
    upload = entered(metadata, blobs, 1)
    metadata.backup(NOW)
    collect(metadata, blobs, NOW + 2 * HOUR)
    assert metadata.read.live_key(DIGEST) is None
    assert reap_ahead(metadata, blobs, at(NOW + 4 * HOUR)) == 0
    assert blobs.size(upload.key) == len(CONTENT)


def test_nothing_is_reaped_ahead_for_a_restored_database(metadata: SqliteMetadata, blobs: FileBlobs) -> None:
    upload = entered(metadata, blobs, 1)
    collect(metadata, blobs, NOW + 2 * HOUR)
    metadata.set_epoch(metadata.epoch() + 1)
    assert reap_ahead(metadata, blobs, at(NOW + 4 * HOUR)) == 0
    assert blobs.size(upload.key) == len(CONTENT)
