"""What a delete will free, and when: every stored byte belongs to the hold on it that ends last.

Instants are microseconds since 1970 UTC, sizes are bytes. docs/prices.md explains the model.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, Self

from refloat.core.clock import HOUR
from refloat.core.names import Digest

FOREVER = 1 << 62
KEPT_BACKUPS = 7 * 24 * HOUR  # for how long after its last use a backup of the metadata may name a blob
SLACK = 2 * HOUR  # rounds come every minute, and what could not go is looked at again every hour
UsageClass = Literal["tagged", "untagged", "trash", "leased", "uploads", "doomed", "quarantine", "unknown"]


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
    def of(cls, change: str, ends: int, graveyard: int, held: Iterable[tuple[int, Hold]]) -> Self:
        """Sum up what a change displaced: for each blob its size and the hold that owns it."""
        frees = later = stays = 0
        for size, hold in held:
            if hold.ends == FOREVER:
                stays += size
            elif hold.change == change:
                frees += size
            else:
                later += size
        return cls(frees, later, stays, ends, removed_by(ends, graveyard))


def removed_by(ends: int, graveyard: int) -> int:
    """Return when bytes are gone at the latest whose last hold ends at an instant."""
    return ends + max(graveyard, KEPT_BACKUPS) + SLACK


@dataclass(frozen=True, slots=True)
class Place:
    """What the rows say about the file of one key."""

    state: Literal["live", "uploading", "doomed"]
    digest: Digest | None


def add_up(sizes: Iterable[tuple[UsageClass, int]]) -> Mapping[UsageClass, int]:
    """Sum sizes by class. Every class is there, and all of them together are everything."""
    sums: dict[UsageClass, int] = {
        "tagged": 0, "untagged": 0, "trash": 0, "leased": 0,
        "uploads": 0, "doomed": 0, "quarantine": 0, "unknown": 0,
    }  # fmt: skip
    for usage, size in sizes:
        sums[usage] += size
    return sums
