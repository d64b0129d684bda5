"""The database's log: it is emptied without holding up who writes, and does not keep the length it once had."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from refloat.core.names import RepositoryName
from refloat.metadata.migrate import migrate
from refloat.metadata.store import SqliteMetadata
from refloat.ports import Transaction

PATIENCE = 60.0  # seconds; only a broken writer needs them
KEPT = 4 << 20  # bytes


@pytest.fixture
def place(tmp_path: Path) -> Path:
    migrate(tmp_path / "refloat.db")
    return tmp_path


@pytest.fixture
def metadata(place: Path) -> Iterator[SqliteMetadata]:
    store = SqliteMetadata(place / "refloat.db", place, lambda: False)
    yield store
    store.close()


def enter(tx: Transaction, name: str) -> None:
    tx.lock([RepositoryName(name)])


def test_a_log_that_is_read_is_emptied_without_holding_up_who_writes(place: Path, metadata: SqliteMetadata) -> None:
    other = SqliteMetadata(place / "refloat.db", place, lambda: False)  # as another process has it
    metadata.write_now(lambda tx: enter(tx, "before"))
    with closing(sqlite3.connect(place / "refloat.db", isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM repositories").fetchone()
        metadata.write_now(lambda tx: enter(tx, "unseen"))
        emptying = threading.Thread(target=metadata.empty_log)
        emptying.start()
        other.write_now(lambda tx: enter(tx, "meanwhile"))
        assert emptying.is_alive()
        reader.execute("COMMIT")
        emptying.join(PATIENCE)
    assert not emptying.is_alive()
    assert (place / "refloat.db-wal").stat().st_size == 0
    other.close()


def test_the_log_begins_anew_after_a_large_write(place: Path, metadata: SqliteMetadata) -> None:
    metadata.write_now(lambda tx: tx.lock([RepositoryName(f"{number}/{'x' * 1000}") for number in range(5000)]))
    log = place / "refloat.db-wal"
    assert log.stat().st_size > KEPT
    for name in ("one", "two"):
        metadata.write_now(lambda tx, name=name: enter(tx, name))  # type: ignore[misc]
    assert log.stat().st_size <= KEPT
