"""One guard is taken away in a copy of the code, and its test fails there; `make proof` takes away each."""

from pathlib import Path

from tests.guards.mutants import MUTANTS
from tests.guards.proof import PART
from tests.guards.removing import copied, removed
from tools.proof.part import Effort


def test_every_guard_can_be_taken_away(tmp_path: Path) -> None:
    copy = copied(tmp_path / "copy")
    for name, mutant in MUTANTS.items():
        with removed(copy, name, mutant):
            pass


def test_one_is_missed(tmp_path: Path) -> None:
    outcome = PART.run(Effort(0.001, 7, tmp_path))
    assert (outcome.tried, outcome.lost, outcome.notes) == (1, 0, [])


def test_a_removal_that_changes_nothing_is_told(tmp_path: Path) -> None:
    assert PART.run_planted(Effort(0.001, 7, tmp_path)).lost == 1
