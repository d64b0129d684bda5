"""A short run of the histories, and the proof that they see."""

from pathlib import Path

import pytest

from tests.histories import proof
from tests.histories.faults import FAULTS, Fault
from tests.histories.proof import PART
from tools.proof.part import Effort


def test_random_histories_lose_and_leak_nothing(tmp_path: Path) -> None:
    outcome = PART.run(Effort(0.02, 7, tmp_path))
    assert (outcome.lost, outcome.leaked, outcome.notes) == (0, 0, [])
    assert outcome.tried > 200


@pytest.mark.parametrize("fault", [FAULTS[0], FAULTS[-1]], ids=lambda fault: fault.what)
def test_a_planted_fault_is_found(fault: Fault, tmp_path: Path) -> None:
    assert proof._run_with(fault, Effort(0.01, 7, tmp_path / "here")).is_red
