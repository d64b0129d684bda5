"""Taking a guard away in a copy of the code, to see whether its test notices."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.guards.mutants import Mutant
from tools.provision import HOME

LONGEST = 120.0  # seconds; a guard's absence may also show as a test that never ends
NEEDED = ("src", "tests", "tools", "docs")


def copied(place: Path) -> Path:
    """Copy everything that the tests need to `place`, which must not exist."""
    for name in NEEDED:
        shutil.copytree(HOME / name, place / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(HOME / "pyproject.toml", place)
    return place


def passes(copy: Path, *tests: str) -> bool:
    """Do all of these tests pass in a copy? Raises AssertionError where they cannot even be run."""
    try:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests],
            cwd=copy, env={**os.environ, "PYTHONPATH": f"{copy / 'src'}:{copy}", "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True, text=True, timeout=LONGEST * len(tests), check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return False
    assert done.returncode in (0, 1), done.stdout + done.stderr  # anything else: the test did not run
    return done.returncode == 0


@contextmanager
def removed(copy: Path, name: str, mutant: Mutant) -> Iterator[None]:
    """Take a guard away in a copy for as long as the block lasts."""
    (path,) = [path for path in (copy / "src").rglob("*.py") if f"# guard: {name}\n" in path.read_text()]
    before = path.read_text()
    assert before.count(mutant.old) == 1, f"{name}: not exactly one {mutant.old!r}"
    path.write_text(before.replace(mutant.old, mutant.new))
    try:
        yield
    finally:
        path.write_text(before)


def is_missed(copy: Path, name: str, mutant: Mutant) -> bool:
    """Does the guard's test fail in a copy without the guard?"""
    with removed(copy, name, mutant):
        return not passes(copy, mutant.test)
