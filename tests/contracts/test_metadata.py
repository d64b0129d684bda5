"""The promises of `ports.Metadata`: what a new database has to keep too."""

import asyncio
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from refloat.core.clock import Clock, Tick
from refloat.core.errors import ManifestUnknown, Unavailable
from refloat.core.identity import key_at
from refloat.core.manifest import Need
from refloat.core.names import Digest, RepositoryName
from refloat.core.records import Upload
from refloat.metadata.migrate import migrate
from refloat.metadata.sqlite import connect
from refloat.metadata.store import SqliteMetadata
from refloat.ports import Transaction

NOW = 1_700_000_000_000_000
HOUR = 3600 * 1_000_000
TEAM = RepositoryName("team/api")
LAYER = Digest.of(b"layer")


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "refloat"


@pytest.fixture
def metadata(directory: Path) -> Iterator[SqliteMetadata]:
    migrate(directory / "refloat.db")
    store = SqliteMetadata(directory / "refloat.db", directory, lambda: False)
    yield store
    store.close()


def session(number: int) -> Upload:
    return Upload(f"u{number}", TEAM, key_at(NOW, number.to_bytes(10, "big")), 0, 0, NOW + HOUR)


def enter(tx: Transaction, number: int, digest: Digest = LAYER, expires: int = NOW + HOUR) -> str:
    upload = session(number)
    tx.begin_upload(upload)
    assert tx.end_upload(upload)
    tx.enliven(upload.key, digest, 5, NOW)
    assert tx.lease(TEAM, digest, expires)
    return upload.key


def test_what_was_written_is_seen_by_every_reader_at_once(metadata: SqliteMetadata) -> None:
    metadata.write_now(lambda tx: enter(tx, 1))
    seen: list[bool] = []
    reader = threading.Thread(target=lambda: seen.append(metadata.read.holds(TEAM, LAYER)))
    reader.start()
    reader.join()
    assert seen == [True]
    assert metadata.read.holds(TEAM, LAYER)


def test_an_exception_undoes_its_own_work_and_nobody_elses(metadata: SqliteMetadata) -> None:
    def fail(tx: Transaction) -> None:
        enter(tx, 1)
        raise ManifestUnknown("no")

    async def both() -> list[object]:
        jobs = [metadata.write(fail), metadata.write(lambda tx: tx.begin_upload(session(2)))]
        return list(await asyncio.gather(*jobs, return_exceptions=True))

    results = asyncio.run(both())
    assert isinstance(results[0], ManifestUnknown)
    assert results[1] is None
    assert not metadata.read.holds(TEAM, LAYER)
    assert metadata.read.upload(TEAM, "u2", NOW) is not None


def test_two_processes_write_in_turn(metadata: SqliteMetadata, directory: Path) -> None:
    other = SqliteMetadata(directory / "refloat.db", directory, lambda: False)
    writers = [
        threading.Thread(
            target=lambda store=store, base=base: [
                store.write_now(lambda tx, n=n: tx.begin_upload(session(n))) for n in range(base, base + 50)
            ]
        )
        for store, base in ((metadata, 100), (other, 200))
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    other.close()
    found = [metadata.read.upload(TEAM, f"u{n}", NOW) for n in (*range(100, 150), *range(200, 250))]
    assert all(found)


def test_a_key_only_goes_forward(metadata: SqliteMetadata) -> None:
    key = metadata.write_now(lambda tx: enter(tx, 1))
    with pytest.raises(Exception, match="is not uploading"):
        metadata.write_now(lambda tx: tx.enliven(key, Digest.of(b"other"), 5, NOW))
    with pytest.raises(Exception, match="is not uploading"):
        metadata.write_now(lambda tx: tx.doom_upload(key, 5, "cancelled", NOW))
    live = metadata.read.live_key(LAYER)
    assert live is not None
    metadata.write_now(lambda tx: tx.doom_live(LAYER, live, "replaced", NOW, NOW))
    with pytest.raises(Exception, match="is not live"):
        metadata.write_now(lambda tx: tx.doom_live(LAYER, live, "replaced", NOW, NOW))


def test_an_upload_moves_on_only_for_the_version_that_was_seen(metadata: SqliteMetadata) -> None:
    upload = session(1)
    metadata.write_now(lambda tx: tx.begin_upload(upload))
    extended = metadata.write_now(lambda tx: tx.extend_upload(upload, 7, NOW + HOUR, NOW))
    assert extended is not None
    assert (extended.size, extended.version) == (7, 1)
    assert metadata.write_now(lambda tx: tx.extend_upload(upload, 9, NOW + HOUR, NOW)) is None
    assert not metadata.write_now(lambda tx: tx.end_upload(upload))
    assert metadata.write_now(lambda tx: tx.extend_upload(extended, 9, NOW, NOW + HOUR)) is None
    assert metadata.write_now(lambda tx: tx.end_upload(extended))


def test_a_blob_is_condemned_only_when_nothing_holds_it(metadata: SqliteMetadata) -> None:
    key = metadata.write_now(lambda tx: enter(tx, 1, expires=NOW))
    other = RepositoryName("other")
    metadata.write_now(lambda tx: tx.lease(other, LAYER, NOW + HOUR))
    assert metadata.collect(lambda tx: tx.ended_leases(NOW, 10)) == [(TEAM, LAYER)]
    assert not metadata.collect(lambda tx: tx.condemn(TEAM, LAYER, NOW, NOW))
    assert metadata.read.holds(other, LAYER)
    assert metadata.collect(lambda tx: tx.condemn(other, LAYER, NOW + 2 * HOUR, NOW + 3 * HOUR))
    assert metadata.read.live_key(LAYER) is None
    (doomed,) = metadata.listing.doomed(10)
    assert (doomed.key, doomed.delete_after, doomed.was_live) == (key, NOW + 3 * HOUR, True)


def test_a_condemned_blob_cannot_be_held_again(metadata: SqliteMetadata) -> None:
    metadata.write_now(lambda tx: enter(tx, 1, expires=NOW))
    assert metadata.collect(lambda tx: tx.condemn(TEAM, LAYER, NOW, NOW))
    assert not metadata.write_now(lambda tx: tx.renew(TEAM, LAYER, NOW + HOUR))
    assert not metadata.write_now(lambda tx: tx.lease(TEAM, LAYER, NOW + HOUR))
    assert metadata.write_now(lambda tx: tx.missing(TEAM, [Need(LAYER, "layer", required=True)])) == [LAYER]


def test_a_damaged_blob_is_missing_until_it_is_right(metadata: SqliteMetadata) -> None:
    key = metadata.write_now(lambda tx: enter(tx, 1))
    required = [Need(LAYER, "layer", required=True)]
    metadata.mark(lambda tx: tx.damaged(LAYER, key, NOW))
    assert metadata.write_now(lambda tx: tx.missing(TEAM, required)) == [LAYER]
    metadata.mark(lambda tx: tx.sound(LAYER, key, NOW))
    assert metadata.write_now(lambda tx: tx.missing(TEAM, required)) == []


def test_renewing_holds_without_making_readable(metadata: SqliteMetadata) -> None:
    other = RepositoryName("other")

    def hold(tx: Transaction) -> bool:
        tx.lock([other])
        return tx.renew(other, LAYER, NOW + HOUR)

    metadata.write_now(lambda tx: enter(tx, 1))
    assert metadata.write_now(hold)
    assert metadata.read.holds(other, LAYER)
    assert metadata.read.blob(other, LAYER, NOW) is None


def test_the_clock_and_the_epoch_survive(metadata: SqliteMetadata, directory: Path) -> None:
    clock = Clock(NOW, Tick(NOW + 5, 17, "run"))
    metadata.collect(lambda tx: tx.begin_round(1, clock))
    metadata.set_epoch(1)
    again = SqliteMetadata(directory / "refloat.db", directory, lambda: False)
    assert again.collect(lambda tx: tx.clock()) == (1, clock)
    assert again.epoch() == 1
    again.close()


def test_a_backup_is_whole_and_the_oldest_go(metadata: SqliteMetadata, directory: Path) -> None:
    early = metadata.write_now(lambda tx: enter(tx, 1))
    for day in range(9):
        metadata.backup(NOW + day * 24 * HOUR)
    late = metadata.write_now(lambda tx: enter(tx, 2, Digest.of(b"late")))
    kept = sorted((directory / "backups").iterdir())
    assert len(kept) == 7
    assert metadata.last_backup() == NOW + 8 * 24 * HOUR
    assert metadata.named_live([early, late]) == {early}
    copy = sqlite3.connect(kept[0])
    assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    copy.close()


def test_every_connection_asserts_what_the_protocol_rests_on(metadata: SqliteMetadata, directory: Path) -> None:
    connection = connect(directory / "refloat.db")
    granted = [connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("foreign_keys", "synchronous")]
    assert (granted, connection.execute("PRAGMA journal_mode").fetchone()[0]) == ([1, 2], "wal")
    connection.close()


def test_a_newer_schema_is_refused(metadata: SqliteMetadata, directory: Path) -> None:
    connection = connect(directory / "refloat.db")
    connection.execute("INSERT INTO schema_version VALUES (99)")
    connection.close()
    with pytest.raises(Unavailable, match="schema 99"):
        migrate(directory / "refloat.db")


def test_what_is_noted_is_seen_at_once_and_durable_with_the_next_write(
    metadata: SqliteMetadata, directory: Path
) -> None:
    async def note_then_write() -> None:
        await metadata.note(lambda tx: tx.begin_upload(session(1)))
        other = connect(directory / "refloat.db")
        assert other.execute("SELECT count(*) FROM uploads").fetchone() == (1,)
        other.close()
        await metadata.write(lambda tx: tx.begin_upload(session(2)))

    asyncio.run(note_then_write())
    writing = metadata._writer._connection  # the one place where this setting can be seen
    assert writing.execute("PRAGMA synchronous").fetchone() == (2,)
