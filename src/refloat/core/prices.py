"""What a delete will free, and when: every stored byte belongs to the hold on it that ends last.

Instants are microseconds since 1970 UTC, sizes are bytes. docs/prices.md explains the model.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, Self, TypeVar

from refloat.core.clock import HOUR
from refloat.core.names import Digest

FOREVER = 1 << 62
BACKUPS_KEPT = 7  # copies of the metadata: what one of them names live is not removed
BACKUP_EVERY = 24 * HOUR
LOOK_AGAIN = HOUR  # when bytes that could not go yet are looked at again
N = TypeVar("N")
V = TypeVar("V")
UsageClass = Literal["tagged", "untagged", "trash", "leased", "uploads", "doomed", "quarantine", "unknown"]


@dataclass(frozen=True, slots=True)
class DatabaseSpace:
    """What the database takes on the disk, beside the blobs: its file, its log, and what of the file is free pages.

    `shrinks`: the collector gives free pages back to the disk.
    """

    size: int
    log: int
    free: int
    shrinks: bool


@dataclass(frozen=True, slots=True, order=True)
class Hold:
    """Something that keeps bytes until `ends`: a tip for ever, a change until its window ends, or a lease.

    The greatest hold owns the bytes: the one that ends last, of two the change that was made last, a change
    before a lease (whose `number` is 0).
    """

    ends: int
    number: int = 0
    change: str = ""


@dataclass(frozen=True, slots=True)
class Departure:
    """How bytes leave after their last hold has ended: `interval` between two rounds, then at least `graveyard`."""

    interval: int
    graveyard: int

    def by(self, ends: int) -> int:
        """Return when bytes are gone at the latest whose last hold ends at an instant, if the server keeps running.

        The next round condemns them. They go with the first round after the graveyard that finds no kept backup
        naming them live: the last that does is older than that round, and goes once seven newer ones are there,
        each made by the first round that finds the one before it a day old. A round may take as long as the pause
        after it.
        """
        turn = 2 * self.interval
        backups = BACKUPS_KEPT * (BACKUP_EVERY + turn) + LOOK_AGAIN
        return ends + turn + max(self.graveyard, backups) + turn


@dataclass(frozen=True, slots=True)
class Forecast:
    """What becomes of the bytes that a change displaced, if nobody asks anything meanwhile.

    `frees` go with the change, not before `ends` and not after `by`; `later` go when something else ends;
    `stays` is what tips still reach.
    """

    frees: int
    later: int
    stays: int
    ends: int
    by: int

    @classmethod
    def of(cls, change: str, ends: int, departure: Departure, held: Iterable[tuple[int, Hold]]) -> Self:
        """Sum up what a change displaced: for each blob its size and the hold that owns it."""
        frees = later = stays = 0
        for size, hold in held:
            if hold.ends == FOREVER:
                stays += size
            elif hold.change == change:
                frees += size
            else:
                later += size
        return cls(frees, later, stays, ends, departure.by(ends))


@dataclass(frozen=True, slots=True)
class Waiting:
    """Bytes that are condemned and still there. `condemned_at` is the last instant one was that had been live."""

    blobs: int = 0
    size: int = 0
    condemned_at: int | None = None
    delete_after: int = 0

    def by(self, departure: Departure) -> int | None:
        """Return when all of them are gone at the latest. None: there are none."""
        if not self.blobs:
            return None
        return max(self.delete_after, departure.by(self.condemned_at or 0))


@dataclass(frozen=True, slots=True)
class Place:
    """What the rows say about the file of one key."""

    state: Literal["live", "uploading", "doomed"]
    digest: Digest | None


def carried_down(above: Mapping[N, Iterable[N]], own: Mapping[N, V | None]) -> dict[N, V | None]:
    """Return for each of `own` the greatest value of itself and of all that is above it, however far. None: no value.

    Each is given its value once: whoever has the greatest gives it to all below that have none yet.
    """
    below: dict[N, list[N]] = {}
    for each, others in above.items():
        for other in others:
            below.setdefault(other, []).append(each)
    found: dict[N, V | None] = dict.fromkeys(own)
    for value, first in sorted(((value, each) for each, value in own.items() if value is not None), reverse=True):
        pending = [first]
        while pending:
            each = pending.pop()
            if found[each] is None:
                found[each] = value
                pending.extend(below.get(each, ()))
    return found


def add_up(sizes: Iterable[tuple[UsageClass, int]]) -> Mapping[UsageClass, int]:
    """Sum sizes by class. Every class is there, and all of them together are everything."""
    sums: dict[UsageClass, int] = {
        "tagged": 0, "untagged": 0, "trash": 0, "leased": 0,
        "uploads": 0, "doomed": 0, "quarantine": 0, "unknown": 0,
    }  # fmt: skip
    for usage, size in sizes:
        sums[usage] += size
    return sums
