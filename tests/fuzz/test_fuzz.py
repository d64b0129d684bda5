"""Some thousand inputs for each target, and each target with a planted fault."""

from pathlib import Path

import pytest

from tools.fuzz.__main__ import FAULTS, LEAST_BRANCHES, measure, run
from tools.fuzz.target import NAMES

FEW = 3000
SEED = 20261130


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_found_and_the_code_is_reached(name: str, tmp_path: Path) -> None:
    report = run(name, "", (FEW, SEED), tmp_path)
    assert not report.found
    assert report.passed >= FEW
    reached = measure(name, SEED, tmp_path)
    assert float(str(reached["branches"])) >= LEAST_BRANCHES, reached


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("name", NAMES)
def test_a_planted_fault_is_found(name: str, fault: str, tmp_path: Path) -> None:
    assert run(name, fault, (50 * FEW, SEED), tmp_path).found
