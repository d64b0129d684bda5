"""A very short run of the proof, and the proof of the proof."""

from pathlib import Path

from tests.models.proof import PART
from tools.proof.part import Effort


def test_a_world_is_explored_and_nothing_is_found(tmp_path: Path) -> None:
    outcome = PART.run(Effort(0.02, 3, tmp_path))
    assert (outcome.lost, outcome.leaked) == (0, 0), outcome.notes
    assert outcome.tried > 0


def test_a_missing_guard_is_found_out(tmp_path: Path) -> None:
    assert PART.run_planted(Effort(0.02, 3, tmp_path)).is_red
