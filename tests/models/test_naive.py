"""Each naive design loses an image, and how; two lose none, but leave bytes nobody knows or need a perfect store."""

import pytest

from tests.models import naive
from tests.models.explorer import LEAK, LOSS, explore
from tests.models.naive_world import Design, State

STORED = "PUT manifest: stored, 201"
DELETE = "collector: delete the bytes"
LOSSES: dict[type[Design], tuple[str, ...]] = {
    naive.MarkAndSweep: (f"header: {STORED}", DELETE),
    naive.ListThenMark: (f"header: {STORED}", DELETE),
    naive.NoDirectorySync: (f"header: {STORED}", "POWER CUT"),
    naive.ReferenceCount: ("collector: count is 0", f"header: {STORED}", DELETE),
    naive.Delay: ("collector: old and unused=True", f"header: {STORED}", DELETE),
    naive.DelayWithTouch: (f"header: {STORED}", DELETE),
    naive.BytesBeforeRow: (DELETE, "the collector crashes", f"header: {STORED}"),
    naive.RowBeforeBytes: ("collector: still no row", f"uploader: {STORED}", DELETE),
    naive.LockedDigestLateDelete: (f"uploader: {STORED}", "the late DELETE is carried out"),
    naive.PendingMarkLateDelete: (f"uploader: {STORED}", "the late DELETE is carried out"),
    naive.RestoreFromHistory: ("collector: row and bytes go in one step", "take the delete back"),
}


def start(design: Design) -> State:
    if isinstance(design, naive.NoDirectorySync):
        return State(row=False, stored=False, old="gone")
    return State()


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
