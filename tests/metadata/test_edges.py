"""A part that was a blob first stayed one in an earlier version: its databases are put right when they are opened."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from refloat.blobs.filesystem import FileBlobs
from refloat.core.clock import Tick
from refloat.core.errors import Denied
from refloat.core.names import Digest, RepositoryName, Tag
from refloat.metadata.migrate import migrate
from refloat.metadata.migrations import STEPS
from refloat.metadata.sqlite import connect
from refloat.metadata.store import SqliteMetadata
from refloat.usecases.collect import CollectTerms, run_round
from refloat.usecases.delete import delete_reference
from refloat.usecases.purge import PurgeRequest, purge
from refloat.usecases.remove import Selection, remove
from refloat.usecases.undo import UndoRequest, undo
from tests.usecases.conftest import DAY, TEAM, Registry, index_of

WEB = RepositoryName("team/web")
BEFORE = next((n for n, step in enumerate(STEPS) if any("writable_schema" in each for each in step)), len(STEPS))
"""The schema's number before the step that puts them right."""

AS_IT_WAS = (
    "PRAGMA writable_schema = ON",
    """UPDATE sqlite_master SET sql = replace(sql, 'CHECK (blob IS NULL OR blob = digest)',
        'CHECK (blob IS NULL OR (blob = digest AND child IS NULL))') WHERE name = 'refs'""",
    "PRAGMA writable_schema = RESET",
    f"DELETE FROM schema_version WHERE version > {BEFORE}",
)
ONE_OR_THE_OTHER = """
UPDATE refs SET child = CASE WHEN {keep} = 'child' THEN child END,
    blob = CASE WHEN {keep} = 'blob' THEN blob END, size = CASE WHEN {keep} = 'blob' THEN size END
WHERE child IS NOT NULL AND blob IS NOT NULL"""
OPEN = """
SELECT f.digest FROM refs f JOIN tips p ON p.repository = f.repository AND p.reference = f.parent
JOIN manifests m ON m.repository = f.repository AND m.digest = f.digest WHERE NOT f.required AND NOT EXISTS (
    SELECT 1 FROM tips t WHERE t.repository = f.repository AND t.reference = f.digest)"""


class Older:
    """A registry whose database is made what an earlier version left; `opened` is how this one finds it."""

    def __init__(self, directory: Path) -> None:
        self.database = directory / "refloat.db"
        self.registry = self.opened()

    def opened(self) -> Registry:
        migrate(self.database)
        return Registry(SqliteMetadata(self.database, self.database.parent, lambda: False))

    def aged(self, keep: str) -> Registry:
        """Bind each part to its blob, or its manifest, alone, and return the registry as the older version ran it."""
        self.registry.metadata.close()
        with closing(connect(self.database)) as rows:
            rows.execute("BEGIN IMMEDIATE")
            rows.execute(ONE_OR_THE_OTHER.format(keep=f"'{keep}'"))
            for statement in AS_IT_WAS:
                rows.execute(statement)
            rows.execute("COMMIT")
            with pytest.raises(sqlite3.IntegrityError, match="CHECK"):
                rows.execute("UPDATE refs SET child = digest, blob = digest")
        before, self.registry = (
            self.registry,
            Registry(SqliteMetadata(self.database, self.database.parent, lambda: False)),
        )
        self.registry.now, self.registry._count = before.now, before._count
        return self.registry

    def upgraded(self) -> Registry:
        before = self.registry
        before.metadata.close()
        self.registry = self.opened()
        self.registry.now, self.registry._count = before.now, before._count
        return self.registry

    def rows(self, statement: str, *values: object) -> list[tuple[object, ...]]:
        with closing(connect(self.database)) as rows:
            return rows.execute(statement, values).fetchall()


@pytest.fixture
def older(tmp_path: Path) -> Iterator[Older]:
    older = Older(tmp_path / "refloat")
    yield older
    older.registry.metadata.close()


def fill(registry: Registry, repository: RepositoryName = TEAM) -> tuple[bytes, bytes]:
    """Bring a child as a blob, its index under the tag `multi`, then the child. Returns child and index."""
    child = registry.image("a", repository=repository)
    registry.blob(child, repository)
    registry.put("multi", index_of(child), repository=repository)
    registry.put(Digest.of(child), child, repository=repository)
    return child, index_of(child)


def delete(registry: Registry, digest: Digest, repository: RepositoryName = TEAM) -> str:
    change = registry.do(lambda tx: delete_reference(tx, repository, digest, registry.cause())).change
    assert change is not None
    return change


def take_back(registry: Registry, change: str) -> None:
    registry.do(lambda tx: undo(tx, UndoRequest(change), registry.cause()))


def test_a_part_bound_to_a_blob_is_a_part_again(older: Older) -> None:
    child, _ = fill(older.registry)
    digest = Digest.of(child)
    registry = older.aged("blob")
    assert [entry.digest for entry in registry.metadata.listing.untagged(TEAM, "", 9)] == [digest]  # the fault
    registry = older.upgraded()
    assert registry.metadata.listing.untagged(TEAM, "", 9) == []
    with pytest.raises(Denied):
        delete(registry, digest)
    assert registry.metadata.read.blob(TEAM, digest, registry.now) is not None
    assert older.rows("SELECT kind FROM changes WHERE kind = 'restore'") == []  # nothing had to come back
    done = registry.do(lambda tx: remove(tx, Selection({TEAM: [Tag("multi")]}), registry.cause(), "image"))
    assert {move.reference for move in done.moves[TEAM]} == {Tag("multi"), digest, Digest.of(index_of(child))}


def test_a_part_that_was_deleted_by_the_mistake_comes_back_as_a_change(older: Older) -> None:
    """In two repositories: what had been deleted before, and its moves, stay as they are."""
    child, _ = fill(older.registry)
    fill(older.registry, WEB)
    digest = Digest.of(child)
    registry = older.aged("blob")
    before = [delete(registry, digest), delete(registry, digest, WEB)]
    moves = older.rows("SELECT * FROM moves")
    registry = older.upgraded()
    assert older.rows(OPEN) == []
    assert set(moves) <= set(older.rows("SELECT * FROM moves"))
    (change,) = registry.metadata.listing.changes(None, None, 1)
    assert change.kind == "restore"
    assert {(entry.repository, entry.move.reference, entry.move.old, entry.move.new) for entry in change.moves} == {
        (name, digest, None, digest) for name in (TEAM, WEB)
    }
    assert len(change.id) == 10
    assert change.id.isalpha()
    assert change.id.islower()
    for name in (TEAM, WEB):
        assert registry.metadata.read.manifest(name, digest) is not None
        with pytest.raises(Denied):
            delete(registry, digest, name)
    for identity in (*before, change.id):  # nothing is left to take back, and nothing that is needed goes
        take_back(registry, identity)
        assert registry.metadata.read.manifest(TEAM, digest) is not None


def test_the_parts_of_a_part_come_back_with_it(older: Older) -> None:
    registry = older.registry
    leaf = registry.image("leaf")
    registry.put(Digest.of(leaf), leaf)
    inner = index_of(leaf)
    registry.blob(inner)
    registry.put("multi", index_of(inner))
    registry.put(Digest.of(inner), inner)
    registry = older.aged("blob")
    delete(registry, Digest.of(inner))
    delete(registry, Digest.of(leaf))
    registry = older.upgraded()
    assert older.rows(OPEN) == []
    assert registry.metadata.read.manifest(TEAM, Digest.of(leaf)) is not None


def test_what_an_older_version_let_go_of_altogether_comes_with_a_push(older: Older, tmp_path: Path) -> None:
    """Its manifest was swept; its bytes are still held as the blob of its index."""
    child, _ = fill(older.registry)
    registry = older.aged("blob")
    delete(registry, Digest.of(child))
    registry.now += 40 * DAY
    blobs = FileBlobs(tmp_path / "refloat", reserve=0.0)
    run_round(registry.metadata, blobs, Tick(registry.now, registry.now, "run"), CollectTerms(DAY, 400 * DAY))
    blobs.close()
    registry = older.upgraded()
    assert registry.metadata.read.manifest(TEAM, Digest.of(child)) is None
    assert registry.metadata.read.blob(TEAM, Digest.of(child), registry.now) is not None
    registry.put(Digest.of(child), registry.image("a"))
    with pytest.raises(Denied):
        delete(registry, Digest.of(child))


def test_what_is_in_the_trash_and_whole_stays_there(older: Older) -> None:
    child, index = fill(older.registry)
    registry = older.aged("blob")
    change = delete(registry, Digest.of(index))
    delete(registry, Digest.of(child))
    registry = older.upgraded()
    assert registry.tips() == {}
    take_back(registry, change)
    assert set(registry.tips()) == {Tag("multi"), Digest.of(child), Digest.of(index)}


def test_a_part_holds_its_bytes_as_a_blob_too(older: Older, tmp_path: Path) -> None:
    child, _ = fill(older.registry)
    registry = older.aged("child")
    assert older.rows("SELECT blob FROM refs WHERE NOT required") == [(None,)]
    registry = older.upgraded()
    registry.now += 3 * DAY
    blobs = FileBlobs(tmp_path / "refloat", reserve=0.0)
    run_round(registry.metadata, blobs, Tick(registry.now, registry.now, "run"), CollectTerms(DAY, 400 * DAY))
    blobs.close()
    assert registry.metadata.read.blob(TEAM, Digest.of(child), registry.now) is not None
    assert older.rows("SELECT size FROM refs WHERE NOT required") == [(len(child),)]


def test_an_upgraded_database_is_sound_and_like_a_new_one(older: Older, tmp_path: Path) -> None:
    fill(older.registry)
    older.aged("blob")
    stranger = connect(older.database)  # a process that has read the schema before
    stranger.execute("SELECT count(*) FROM refs").fetchone()
    older.upgraded()
    stranger.execute("UPDATE refs SET blob = digest WHERE NOT required")
    stranger.close()
    migrate(tmp_path / "new" / "refloat.db")
    with closing(connect(tmp_path / "new" / "refloat.db")) as new:
        schema = new.execute("SELECT type, name, sql FROM sqlite_master ORDER BY type, name").fetchall()
        proportions = new.execute("SELECT * FROM sqlite_stat1 ORDER BY tbl, idx").fetchall()
    assert older.rows("SELECT type, name, sql FROM sqlite_master ORDER BY type, name") == schema
    assert older.rows("SELECT * FROM sqlite_stat1 ORDER BY tbl, idx") == proportions
    assert older.rows("PRAGMA integrity_check") == [("ok",)]
    assert older.rows("PRAGMA foreign_key_check") == []
    assert older.rows("PRAGMA writable_schema") == [(0,)]
    assert "child IS NULL)" not in str(schema)


def test_the_schema_before_is_the_one_that_is_made_here() -> None:
    """That `aged` makes no database that never was."""
    with closing(sqlite3.connect(":memory:")) as rows:
        for statement in (statement for step in STEPS[:BEFORE] for statement in step):
            rows.execute(statement)
        (before,) = rows.execute("SELECT sql FROM sqlite_master WHERE name = 'refs'").fetchone()
        for statement in (*STEPS[BEFORE], *AS_IT_WAS[:3]):
            rows.execute(statement)
        assert rows.execute("SELECT sql FROM sqlite_master WHERE name = 'refs'").fetchone() == (before,)


def test_a_purge_of_an_index_ends_the_blob_that_its_part_is_too(older: Older) -> None:
    registry = older.registry
    child, index = fill(registry)
    referrer = registry.image("signs it", Digest.of(index))
    registry.put(Digest.of(referrer), referrer)
    registry.blob(referrer)
    request = PurgeRequest("the index", TEAM, (Digest.of(index),))
    whole = registry.metadata.purge(lambda tx: purge(tx, request, registry.cause()))
    assert {Digest.of(child), Digest.of(referrer)} <= set(whole.receipt.blobs)
    assert {Digest.of(child)} <= set(whole.receipt.blocked)
    for body in (child, referrer):
        assert registry.metadata.read.blob(TEAM, Digest.of(body), registry.now) is None
