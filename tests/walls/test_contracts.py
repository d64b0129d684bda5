"""Each wall between the rooms holds: a violation planted in a copy of the code is reported by its contract."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tools.provision import HOME

LINT = Path(sys.executable).with_name("lint-imports")

PLANTS = [
    ("Imports point down", "ports.py", "import refloat.usecases"),
    ("Imports point down", "metadata/rows.py", "import refloat.settings"),
    ("Imports point down", "blobs/layout.py", "import refloat.metadata"),
    ("Imports point down", "utils.py", ""),
    ("core touches no clock", "core/moves.py", "import time"),
    ("core touches no clock", "core/undo.py", "import sqlite3"),
    ("cli and web reach the stores", "web/manifests.py", "import refloat.metadata"),
    ("cli and web reach the stores", "cli/rm.py", "import refloat.blobs"),
    ("Only the collector and purge may remove bytes", "usecases/delete.py", "import refloat.reaping"),
    ("No cycles between siblings", "core/names.py", "import refloat.core.moves"),
    ("Use cases do not call each other", "usecases/delete.py", "import refloat.usecases.collect"),
]


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the code and of its contracts."""
    place = tmp_path_factory.mktemp("walls")
    shutil.copytree(HOME / "src", place / "src", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(HOME / "pyproject.toml", place)
    return place


def lint(place: Path) -> str:
    """Return what import-linter says about the copy, on one line a contract."""
    done = subprocess.run(
        [LINT, "--no-cache"],
        cwd=place, env={**os.environ, "PYTHONPATH": str(place / "src"), "COLUMNS": "200"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "Contracts" in done.stdout, done.stdout + done.stderr
    return done.stdout


def test_contracts_hold_for_the_code_as_it_is(copy: Path) -> None:
    assert "0 broken" in lint(copy)


@pytest.mark.parametrize(("contract", "where", "violation"), PLANTS)
def test_contract_catches_a_planted_violation(copy: Path, contract: str, where: str, violation: str) -> None:
    path = copy / "src" / "refloat" / where
    before = path.read_text() if path.exists() else None
    path.write_text(f"{before or ''}\n{violation}\n")
    try:
        said = lint(copy)
    finally:
        if before is None:
            path.unlink()
        else:
            path.write_text(before)
    assert re.search(rf"{re.escape(contract)}.* BROKEN", said), said


def test_every_contract_has_a_planted_violation() -> None:
    names = re.findall(r'^name = "(.*)"$', (HOME / "pyproject.toml").read_text(), re.MULTILINE)
    contracts = [name for name in names if name != "refloat"]
    assert contracts
    assert [name for name in contracts if not any(name.startswith(plant) for plant, _, _ in PLANTS)] == []
