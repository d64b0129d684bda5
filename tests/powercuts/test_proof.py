"""A short run of the proof, and the proof of the proof."""

from pathlib import Path

import pytest

from tests.powercuts.proof import NO_FULL, NO_SYNC, Fault, try_cuts, try_without
from tools.proof.part import Effort

FEW = 0.008


def test_a_power_cut_takes_nothing_back(tmp_path: Path) -> None:
    outcome = try_cuts(Effort(FEW, 7, tmp_path), 8)
    assert (outcome.lost, outcome.leaked, outcome.notes) == (0, 0, [])
    assert outcome.tried == 8


@pytest.mark.parametrize("fault", [NO_SYNC, NO_FULL], ids=["bytes", "rows"])
def test_what_is_not_synced_is_missed(tmp_path: Path, fault: Fault) -> None:
    assert try_without(fault, Effort(FEW, 7, tmp_path)).lost > 0
