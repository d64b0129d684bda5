"""What is written down is there, and what is there is written down: guards, foreign keys, verbs, settings.

`tests/walls` watches over the rooms and their sizes.
"""

import re
import sqlite3
import subprocess
import sys
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from refloat.metadata.migrate import migrate
from refloat.settings.declared import TABLE
from tests.guards.mutants import MUTANTS
from tools.provision import HOME

GUARD = re.compile(r"# guard: ([a-z0-9-]+)")
SOURCES = sorted((HOME / "src" / "refloat").rglob("*.py"))


def test_every_guard_has_one_place() -> None:
    names = Counter(name for path in SOURCES for name in GUARD.findall(path.read_text()))
    assert [name for name, count in names.items() if count > 1] == []


def test_every_guard_has_a_test_that_fails_without_it() -> None:
    """`make proof` removes each and watches the test fail."""
    names = {name for path in SOURCES for name in GUARD.findall(path.read_text())}
    assert names == set(MUTANTS)


@pytest.fixture
def database(tmp_path: Path) -> Path:
    migrate(tmp_path / "refloat.db")
    return tmp_path / "refloat.db"


def test_every_foreign_key_is_followed_backwards_by_an_index(database: Path) -> None:
    """Without one, removing a row that others may need reads the whole table that may need it."""
    with closing(sqlite3.connect(database)) as connection:
        tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        scans = {}
        for table in tables:
            keys: dict[int, list[str]] = {}
            for number, _, _, column, *_ in connection.execute(f"PRAGMA foreign_key_list({table})"):
                keys.setdefault(number, []).append(column)
            for columns in keys.values():
                condition = " AND ".join(f"{column} = ?" for column in columns)
                plan = connection.execute(
                    f"EXPLAIN QUERY PLAN SELECT 1 FROM {table} WHERE {condition}", columns
                ).fetchall()
                scans.update({(table, *columns): row[3] for row in plan if not row[3].startswith("SEARCH")})
    assert tables
    assert scans == {}


def test_every_verb_has_its_section() -> None:
    said = subprocess.run(
        [sys.executable, "-m", "refloat", "--help"], capture_output=True, text=True, check=True
    ).stdout
    verbs = re.findall(r"^  ([a-z]+)  +[A-Z]", said, re.MULTILINE)
    documented = (HOME / "docs" / "cli.md").read_text()
    assert "undo" in verbs
    assert [verb for verb in verbs if f"`{verb}" not in documented and f"refloat {verb}" not in documented] == []


@pytest.mark.parametrize("path", [declared.path for declared in TABLE if declared.path.startswith("refloat.")])
def test_every_setting_of_ours_is_described(path: str) -> None:
    assert f"`{path}`" in (HOME / "docs" / "configuration.md").read_text()
