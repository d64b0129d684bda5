"""A generated registry is one that refloat could have made: its rows hold together, and it is served."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from refloat.main.collector import now
from refloat.metadata.migrate import migrate
from tools.scale.filling import fill, objects
from tools.scale.rows import READING, Chooser
from tools.scale.shape import TAGS_A_TEAM, Shape
from tools.serving import Served

SHAPE = Shape(6 * TAGS_A_TEAM)
SCHEMA = "SELECT type, name, sql FROM sqlite_master ORDER BY name"
BELIEVED = "SELECT tbl, idx, stat FROM sqlite_stat1 ORDER BY 1, 2"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("generated")
    fill(directory, SHAPE, now())
    return directory


@pytest.fixture
def rows(root: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(root / "refloat" / "refloat.db")) as connection:
        yield connection


def test_every_reference_leads_somewhere(rows: sqlite3.Connection) -> None:
    assert rows.execute("PRAGMA foreign_key_check").fetchall() == []
    assert rows.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_every_use_has_the_size_of_its_blob(rows: sqlite3.Connection) -> None:
    assert _count(rows, "refs f LEFT JOIN blobs b ON b.digest = f.blob WHERE f.size IS NOT b.size") == 0


def test_there_is_as_much_as_was_asked_for(rows: sqlite3.Connection) -> None:
    assert _count(rows, "tips WHERE manifest IS NULL") == SHAPE.tags
    assert _count(rows, "refs") == 5 * SHAPE.tags
    assert _count(rows, "blobs") == 2 * SHAPE.tags + len(SHAPE.bases)
    assert _count(rows, "moves WHERE held IS NOT NULL") > 0


def test_tips_are_what_the_moves_led_to(rows: sqlite3.Connection) -> None:
    last = """SELECT repository, reference, new FROM moves m WHERE new IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM moves l WHERE l.repository = m.repository AND l.reference = m.reference AND l.seq > m.seq)"""
    tips = "SELECT repository, reference, digest FROM tips"
    assert rows.execute(f"{last} EXCEPT {tips}").fetchall() == []
    assert rows.execute(f"{tips} EXCEPT {last}").fetchall() == []


def test_changes_and_moves_are_in_one_order(rows: sqlite3.Connection) -> None:
    backwards = """SELECT 1 FROM moves m JOIN moves l ON l.repository = m.repository AND l.seq = m.seq + 1
        WHERE l.change < m.change"""
    assert rows.execute(backwards).fetchall() == []


def test_the_schema_is_the_one_that_migrations_make(rows: sqlite3.Connection, tmp_path: Path) -> None:
    migrate(tmp_path / "refloat.db")
    with closing(sqlite3.connect(tmp_path / "refloat.db")) as fresh:
        for statement in (SCHEMA, BELIEVED):
            assert rows.execute(statement).fetchall() == fresh.execute(statement).fetchall()


def test_every_row_of_reading_is_answered(root: Path, tmp_path: Path) -> None:
    chooser = Chooser(SHAPE)
    with Served(root, tmp_path / "log") as served:
        for row in READING:
            assert row.ask is not None
            asked = row.ask(chooser)
            answer = served.wire.ask(asked.method, asked.path, asked.body).expect(asked.status)
            assert json.loads(answer.body)


def test_a_blob_that_was_made_has_the_size_of_its_row(root: Path, tmp_path: Path) -> None:
    block = Chooser(SHAPE).block()
    blob = block.blob("config", 1)
    assert objects(root, [blob]) == 1
    with Served(root, tmp_path / "log") as served:
        found = served.wire.ask("HEAD", f"/v2/{block.name}/blobs/{blob}").expect(200)
        (size,) = _sizes(root, blob)
    assert int(found.headers["content-length"]) == size


def _count(rows: sqlite3.Connection, what: str) -> int:
    (count,) = rows.execute(f"SELECT count(*) FROM {what}").fetchone()
    return int(count)


def _sizes(root: Path, blob: str) -> list[int]:
    with closing(sqlite3.connect(root / "refloat" / "refloat.db")) as rows:
        return [size for (size,) in rows.execute("SELECT size FROM blobs WHERE digest = ?", (blob,))]
