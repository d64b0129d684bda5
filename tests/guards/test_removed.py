"""Each guard is taken away in a copy of the code, and its test is run there: it must fail."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.guards.mutants import MUTANTS
from tools.provision import HOME

LONGEST = 120.0  # seconds; a guard's absence may also show as a test that never ends


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of everything the tests need."""
    place = tmp_path_factory.mktemp("guards")
    for name in ("src", "tests", "tools"):
        shutil.copytree(HOME / name, place / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(HOME / "pyproject.toml", place)
    return place


def passes(place: Path, test: str) -> bool:
    try:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", test],
            cwd=place, env={**os.environ, "PYTHONPATH": f"{place / 'src'}:{place}", "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True, text=True, timeout=LONGEST, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return False
    assert done.returncode in (0, 1), done.stdout + done.stderr  # anything else: the test did not run
    return done.returncode == 0


@pytest.mark.proof
@pytest.mark.parametrize("name", MUTANTS)
def test_a_guard_is_missed(copy: Path, name: str) -> None:
    mutant = MUTANTS[name]
    (path,) = [path for path in (copy / "src").rglob("*.py") if f"# guard: {name}\n" in path.read_text()]
    before = path.read_text()
    assert before.count(mutant.old) == 1
    assert passes(copy, mutant.test), "the test does not even pass with its guard"
    path.write_text(before.replace(mutant.old, mutant.new))
    try:
        assert not passes(copy, mutant.test), f"nothing fails without the guard {name}"
    finally:
        path.write_text(before)
