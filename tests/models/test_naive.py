"""Each naive design loses an image, and how; two lose none, but leave bytes nobody knows or need a perfect store."""

import pytest

from tests.models import naive
from tests.models.explorer import LEAK, LOSS, explore
from tests.models.naive_designs import LOSSES, start
from tests.models.naive_world import Design


@pytest.mark.parametrize("kind", LOSSES, ids=lambda kind: kind.__name__)
def test_a_naive_design_loses_an_image(kind: type[Design]) -> None:
    design = kind()
    seen = explore(start(design), design.steps, design.judge, until=LOSS)
    assert LOSS in seen.traces, seen
    story = iter(seen.traces[LOSS])
    assert all(label in story for label in LOSSES[kind]), f"{seen.traces[LOSS]} does not tell {LOSSES[kind]} in order"


@pytest.mark.parametrize(
    ("kind", "leaks"), [(naive.LockedDigest, True), (naive.PendingMark, False)], ids=["LockedDigest", "PendingMark"]
)
def test_locks_around_the_store_lose_nothing_as_long_as_the_store_is_perfect(kind: type[Design], leaks: bool) -> None:
    design = kind()
    seen = explore(start(design), design.steps, design.judge, design.judge_rest)
    assert LOSS not in seen.traces, seen
    assert (LEAK in seen.traces) == leaks, seen
