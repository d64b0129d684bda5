"""A short run of the proof; each planted fault is found, and only where actors meet; a schedule repeats exactly."""

import random
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.schedules import planted
from tests.schedules.proof import PART, Trials, in_order
from tests.schedules.search import Recorded
from tests.schedules.stories import STORIES
from tools.proof.part import Effort, Outcome

Fault = Callable[[], AbstractContextManager[None]]
FAULTS: list[Fault] = [planted.condemn_in_two_transactions, planted.adopt_without_asking_again]


def test_no_schedule_loses_or_leaks(tmp_path: Path) -> None:
    outcome = PART.run(Effort(0.005, 7, tmp_path))
    assert (outcome.lost, outcome.leaked, outcome.notes) == (0, 0, [])
    assert outcome.tried > 450


def test_the_planted_fault_is_found(tmp_path: Path) -> None:
    assert PART.run_planted(Effort(0.01, 7, tmp_path)).is_red


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_shows_in_some_order_and_in_no_other(fault: Fault, tmp_path: Path) -> None:
    (story,) = [story for story in STORIES if story.name == "adopt or doom"]
    outcome = Outcome()
    with fault():
        trials = Trials(tmp_path, outcome)
        one_after_the_other = in_order(trials, story, 2, random.Random(1))
        assert (one_after_the_other, outcome.lost, outcome.leaked) == (2, 0, 0)
        in_order(trials, story, 100, random.Random(1))
        trials.close()
    assert outcome.lost > 0


def test_the_same_choices_give_the_same_steps(tmp_path: Path) -> None:
    trials = Trials(tmp_path, Outcome())
    for story in STORIES:
        steps = set()
        for _ in range(3):
            trials.attempt(story, Recorded([1, 0, 0, 1, 0, 0, 0, 1]), str)
            steps.add(trials.last_steps)
        assert len(steps) == 1
    trials.close()
