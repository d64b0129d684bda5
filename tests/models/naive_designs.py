"""The naive designs, with the steps by which each loses an image."""

from tests.models import naive
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
