"""Bringing a database up to date, killed at each of its statements."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from refloat.metadata import migrations
from refloat.metadata.migrate import migrate
from refloat.metadata.migrations import STEPS
from refloat.metadata.sqlite import connect, takes_commits
from tests.older import make_older, schema_of

KILLED = """
import os, shutil, signal, sqlite3, sys
from pathlib import Path
from refloat.metadata.migrate import migrate

older, place = Path(sys.argv[1]), Path(sys.argv[2])
connect = sqlite3.connect

def killed_at(number):
    seen = 0
    def traced(statement):
        nonlocal seen
        seen += seen > 0 or statement.startswith("BEGIN")
        if seen == number:
            os.kill(os.getpid(), signal.SIGKILL)
    def connected(*arguments, **options):
        connection = connect(*arguments, **options)
        connection.set_trace_callback(traced)
        return connection
    sqlite3.connect = connected

number, code = 0, 1
while code:
    number += 1
    database = place / f"{number}.db"
    shutil.copy(older, database)
    child = os.fork()
    if not child:
        killed_at(number)
        migrate(database)
        os._exit(0)
    _, code = os.waitpid(child, 0)
    assert code in (0, signal.SIGKILL), code
print(number)
"""


def content_of(database: Path) -> list[str]:
    with closing(sqlite3.connect(database)) as rows:
        assert rows.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return list(rows.iterdump())


@pytest.mark.parametrize("schema", [1, len(STEPS) - 1])
def test_an_update_that_is_killed_is_made_whole_or_not_at_all(schema: int, tmp_path: Path) -> None:
    older, place = tmp_path / "older.db", tmp_path / "killed"
    migrate(older)
    with closing(connect(older)) as rows:
        rows.execute("INSERT INTO repositories (name) VALUES ('team/api')")
    make_older(older, schema)
    place.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(older), str(place)], capture_output=True, text=True, check=True
    )
    left = sorted(place.glob("*.db"), key=lambda path: int(path.stem))
    assert len(left) == int(done.stdout) > len(STEPS) - schema
    assert {schema_of(path) for path in left[:-1]} == {schema}  # the last one was killed nowhere
    migrate(older)
    expected = content_of(older)
    for path in left:
        migrate(path)
        assert content_of(path) == expected


def test_every_step_says_what_it_needs_of_the_disk() -> None:
    assert len(migrations.NEEDS) == len(STEPS)
    assert all(0 <= each <= 3 for each in migrations.NEEDS)


def test_opening_a_database_makes_none(tmp_path: Path) -> None:
    """Where a disk is not mounted, an empty one would pass for the one that is not there."""
    with pytest.raises(sqlite3.OperationalError, match="unable to open database file"):
        connect(tmp_path / "refloat.db")
    assert not takes_commits(tmp_path / "refloat.db")
    assert list(tmp_path.iterdir()) == []
