"""The collector's clock, for an operator: where it stands, and vouching for it."""

from dataclasses import dataclass

from refloat.core import clock
from refloat.core.clock import Clock, Tick, advance, restored
from refloat.ports import Collecting, Metadata


@dataclass(frozen=True, slots=True)
class Standing:
    """Where the clock stands at `wall`, in microseconds.

    `number` is the last round's in the database and `epoch` the one in the file beside it, `left` the clock
    that round left (None: there was no round yet), `due` the one that the next round of a new server has.
    """

    wall: int
    number: int
    epoch: int
    left: Clock | None
    due: Clock

    @property
    def behind(self) -> int:
        """How much of the wall's time the clock has not followed; less than nothing: it is ahead."""
        return 0 if self.left is None else self.wall - self.left.at

    @property
    def waiting(self) -> int:
        """How much of that the next round will not follow either."""
        return self.due.behind

    @property
    def stopped(self) -> str | None:
        """Why nothing is collected."""
        return restored(self.number, self.epoch)


def stand(metadata: Metadata, tick: Tick) -> Standing:
    """Return where the clock stands; nothing is changed."""
    number, left = metadata.collect(lambda tx: tx.clock())
    return Standing(tick.wall, number, metadata.epoch(), left, advance(left, tick))


def accept(metadata: Metadata, tick: Tick) -> int:
    """Vouch for the wall's clock and for the database: return the number of the round that does.

    It counts above both the database's and the file's, so whichever of them is older is so no more.
    """
    seen = metadata.epoch()

    def vouch(tx: Collecting) -> int:
        number = max(tx.clock()[0], seen) + 1
        tx.begin_round(number, clock.accept(tick))
        return number

    number = metadata.collect(vouch)
    metadata.set_epoch(number)
    return number
