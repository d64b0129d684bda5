"""Deaths at every point of a day and at some of every story, and the count of all: it must not shrink unseen."""

from pathlib import Path

import pytest

from tests.crash import proof
from tests.crash.deaths import tell
from tests.crash.stories import STORIES
from tools.proof.part import Effort, Outcome

EVERY = 29  # points: `make proof` tries each
POINTS = {
    "a day": 100,
    "chunks": 94, "the same again": 92, "an index": 70, "overwritten": 65, "never finished": 75,
    "collected and pushed again": 178, "backups": 86, "spoiled": 82, "many at once": 200,
    "a backup put back": 160, "a newer version": 50, "purged": 140,
    "purged, and a copy put back": 100,
}  # fmt: skip


def test_a_death_at_any_point_of_a_day_loses_nothing(tmp_path: Path) -> None:
    outcome = Outcome()
    points = list(proof.die(STORIES["a day"], tmp_path, outcome))
    assert outcome.notes == []
    assert points == list(range(1, len(points) + 1))
    assert len(points) > POINTS["a day"]


@pytest.mark.parametrize("name", STORIES)
def test_a_death_loses_nothing(name: str, tmp_path: Path) -> None:
    outcome = Outcome()
    points = list(proof.die(STORIES[name], tmp_path, outcome, every=EVERY))
    assert outcome.notes == []
    assert points != []


@pytest.mark.parametrize("name", STORIES)
def test_a_story_has_as_many_points_as_it_had(name: str, tmp_path: Path) -> None:
    told = tell(STORIES[name], tmp_path / "there", POINTS[name])
    assert not told.ended
    assert tell(STORIES[name], tmp_path / "beyond", 2 * POINTS[name]).ended


def test_rows_before_bytes_are_found(tmp_path: Path) -> None:
    assert proof.PART.run_planted(Effort(1, 0, tmp_path)).is_red
