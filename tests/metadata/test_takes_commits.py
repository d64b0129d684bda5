"""Whether a database takes commits, asked of real ones that do and do not."""

import resource
from collections.abc import Iterator
from contextlib import closing
from multiprocessing import get_context
from pathlib import Path

import pytest

from refloat.metadata.migrate import migrate
from refloat.metadata.sqlite import connect, takes_commits
from tests.disks import fill, small_disk


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Path]:
    """A database that other connections have open and have written to."""
    migrate(tmp_path / "refloat.db")
    with closing(connect(tmp_path / "refloat.db")) as connection:
        connection.execute("INSERT INTO repositories (name) VALUES ('team/api')")
        yield tmp_path / "refloat.db"


def takes_commits_up_to(size: int, database: Path) -> bool:
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
    return takes_commits(database)


def test_a_healthy_one_does_and_its_log_is_empty_then(database: Path) -> None:
    log = database.with_name("refloat.db-wal")
    assert log.stat().st_size > 0
    assert takes_commits(database)
    assert log.stat().st_size == 0
    with closing(connect(database)) as connection:
        assert connection.execute("SELECT name FROM repositories").fetchall() == [("team/api",)]


def test_one_that_cannot_be_written_does_not(database: Path) -> None:
    with get_context("spawn").Pool(1) as limited:
        assert not limited.apply(takes_commits_up_to, (4096, database))


def test_one_on_a_full_disk_does_not(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "8m") as place:
        migrate(place / "refloat.db")
        filler = fill(place)
        assert not takes_commits(place / "refloat.db")
        filler.unlink()
        assert takes_commits(place / "refloat.db")


def test_none_at_all_does_not(tmp_path: Path) -> None:
    assert not takes_commits(tmp_path / "nowhere" / "refloat.db")
