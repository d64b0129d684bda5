"""Every history of a few requests, on the real rules: live is closed, and undo is the way back."""

import pytest

from tests.models import naive_references as naive
from tests.models.explorer import explore
from tests.models.references import WORLDS, check
from tests.models.verbs import World


def test_moving_only_what_was_asked_opens_what_was_closed() -> None:
    traces = explore(naive.State(), naive.steps, naive.judge).traces
    assert traces[naive.LIVE_CHILD_GONE] == ("push t A", "push t I", "delete A")
    assert traces[naive.TAG_TO_NOTHING] == ("push t A", "push u A", "undo 0")


@pytest.mark.parametrize("world", WORLDS.values(), ids=WORLDS)
def test_every_history_of_four_requests(world: World) -> None:
    assert check(world, 4) > 3000
