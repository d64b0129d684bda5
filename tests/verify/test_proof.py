"""A short run of the proof, and the proof of the proof."""

from pathlib import Path

from tests.verify.proof import PART
from tools.proof.part import Effort


def test_every_flipped_bit_is_found(tmp_path: Path) -> None:
    outcome = PART.run(Effort(0.03, 7, tmp_path))
    assert (outcome.lost, outcome.leaked, outcome.notes) == (0, 0, [])
    assert outcome.tried == 300


def test_looking_at_sizes_only_is_found_out(tmp_path: Path) -> None:
    assert PART.run_planted(Effort(0.01, 7, tmp_path)).is_red
