"""Room on a disk too full to write a row: doomed bytes whose date has come go first, and the rows say so later.

Whatever ends this early, or a database that is put back, finds the same keys doomed: a key goes forward only, and a
removal is repeated as often as needed. The next round finds their bytes absent and writes that down.
"""

from collections.abc import Callable
from typing import TypeVar

from refloat.core import room
from refloat.core.clock import Clock, Tick, advance, restored
from refloat.core.records import Doomed
from refloat.ports import Collecting, Metadata
from refloat.reaping import StrayReaper

T = TypeVar("T")
BATCH = 200  # keys looked at in one transaction


def reap_ahead(metadata: Metadata, blobs: StrayReaper, tick: Tick) -> int:
    """Remove doomed bytes that a round would remove now, until there is ENOUGH. Returns how many bytes that freed.

    Nothing goes where a round would not run, or where a kept backup names it live. Only one process may be in here at
    a time, and no round beside it. Raises Unavailable.
    """
    freed, after, clock = 0, "", _clock(metadata, tick)
    while clock is not None and freed < room.ENOUGH:
        due = _due(metadata, clock.at, after)
        if not due:
            break
        after = due[-1].key
        kept = metadata.named_live([doomed.key for doomed in due if doomed.was_live])  # guard: backups-keep-bytes-too
        freed += sum(_freed(blobs, doomed.key) for doomed in due if doomed.key not in kept)
    return freed


def _clock(metadata: Metadata, tick: Tick) -> Clock | None:
    """Return the clock as a round would have it; None where the database is older than its directory."""
    number, before = _look(metadata, lambda tx: tx.clock())
    return None if restored(number, metadata.epoch()) else advance(before, tick)  # guard: no-reaping-for-a-restored-one


def _due(metadata: Metadata, at: int, after: str) -> list[Doomed]:
    return _look(metadata, lambda tx: tx.due_after(at, after, BATCH))


def _look(metadata: Metadata, work: Callable[[Collecting], T]) -> T:
    """Only read, and take no room for it: this is asked because there is none."""
    return metadata.collect(work, room="spare")


def _freed(blobs: StrayReaper, key: str) -> int:
    size = blobs.bytes_of(key)
    return size if size and blobs.reap(key) else 0
