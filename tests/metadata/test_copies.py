"""A backup has every row of the database, and none of its free pages."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from refloat.core.names import RepositoryName
from refloat.metadata.migrate import migrate
from refloat.metadata.store import SqliteMetadata

NOW = 1_700_000_000_000_000
PAGES = 2000
TEAM = RepositoryName("team/api")


@pytest.fixture(params=["INCREMENTAL", "NONE"])
def place(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A database as this version makes one, and one as an older version did."""
    with closing(sqlite3.connect(tmp_path / "refloat.db", isolation_level=None)) as rows:
        rows.execute(f"PRAGMA auto_vacuum = {request.param}")
        rows.execute("CREATE TABLE junk (n INTEGER PRIMARY KEY, page BLOB)")
    migrate(tmp_path / "refloat.db")
    return tmp_path


@pytest.fixture
def metadata(place: Path) -> Iterator[SqliteMetadata]:
    store = SqliteMetadata(place / "refloat.db", place, lambda: False)
    yield store
    store.close()


@pytest.mark.parametrize("part", [1, 2])
def test_a_backup_has_no_free_pages(place: Path, metadata: SqliteMetadata, part: int) -> None:
    with closing(sqlite3.connect(place / "refloat.db")) as rows, rows:
        rows.executemany("INSERT INTO junk (page) VALUES (?)", [(bytes(4000),)] * PAGES)
        rows.execute("DELETE FROM junk WHERE n % ? = 0", (part,))
    metadata.write_now(lambda tx: tx.lock([TEAM]))
    metadata.backup(NOW)
    (backup,) = (place / "backups").iterdir()
    with closing(sqlite3.connect(backup)) as copy:
        assert copy.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert copy.execute("PRAGMA freelist_count").fetchone() == (0,)
        assert copy.execute("SELECT count(*) FROM junk").fetchone() == (PAGES - PAGES // part,)
        assert copy.execute("SELECT name FROM repositories").fetchall() == [(TEAM,)]
    assert backup.stat().st_size < (place / "refloat.db").stat().st_size


def test_a_new_database_gives_its_pages_back(tmp_path: Path) -> None:
    migrate(tmp_path / "refloat.db")
    metadata = SqliteMetadata(tmp_path / "refloat.db", tmp_path, lambda: False)
    names = [RepositoryName(f"{number}/{'x' * 3000}") for number in range(3000)]
    metadata.write_now(lambda tx: tx.lock(names))
    with closing(sqlite3.connect(tmp_path / "refloat.db")) as rows, rows:
        rows.execute("DELETE FROM repositories")
    before = metadata.listing.database_space()
    given = metadata.give_back()
    after = metadata.listing.database_space()
    assert before.shrinks
    assert before.free - after.free == given * 4096
    assert before.size - after.size >= given * 4096
    assert after.free <= 2 << 20
    assert (tmp_path / "refloat.db").stat().st_size == after.size
    metadata.close()
