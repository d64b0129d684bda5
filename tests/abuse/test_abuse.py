"""Each attack in small, and each with its defence away: then it has to be noticed."""

from pathlib import Path

import pytest

from tests.abuse.attack import Attack
from tests.abuse.proof import attacks
from tools.proof.part import Effort

SMALL = 0.02


@pytest.mark.parametrize("attack", list(attacks()), ids=lambda attack: attack.name)
def test_nobody_else_feels_it(attack: Attack, tmp_path: Path) -> None:
    found = attack.run(Effort(SMALL, 1, tmp_path))
    assert found.tried
    assert not found.is_red, found.notes


@pytest.mark.parametrize("attack", list(attacks()), ids=lambda attack: attack.name)
def test_without_its_defence_it_is_felt(attack: Attack, tmp_path: Path) -> None:
    assert attack.run_planted(Effort(SMALL, 1, tmp_path)).is_red, attack.planted
