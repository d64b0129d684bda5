"""What clients asked for and what they were told: the promises a power cut must not break.

A place is something a promise can be made of: what a reference points to, that a blob can be read, that a
change can be undone. A request says when it begins what its places will be; its answer makes that certain.
"""

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

GONE_KEPT = 100  # places with nothing at them that are still looked at, the newest


class Place(NamedTuple):
    """`name` is a tag or digest of a manifest, the digest of a blob, or the id of a change."""

    kind: Literal["manifest", "blob", "change"]
    repository: str
    name: str


@dataclass(frozen=True, slots=True)
class Until:
    """A promise with an end, in microseconds: a blob is readable, or a change brings back what it displaced."""

    instant: int
    brings: tuple[tuple[Place, str], ...] = ()


Value = str | Until | None
"""Of a manifest: the digest a reference points to, None: it must not be readable. Else None: no promise."""

Effects = Mapping[Place, Value]


@dataclass(frozen=True, slots=True)
class Asked:
    """A request under way: its number in the journal, what it was, and what it leads to."""

    number: int
    what: str
    effects: Effects


@dataclass(frozen=True, slots=True)
class Standing:
    """What was promised at an instant (microseconds), `position` requests and answers after the beginning."""

    at: int
    position: int
    certain: Effects
    under_way: tuple[Asked, ...]


@dataclass
class Journal:
    """Safe for threads. A place belongs to one thread, so no two requests under way are about the same."""

    position: int = 0
    _certain: dict[Place, Value] = field(default_factory=dict)
    _under_way: dict[int, Asked] = field(default_factory=dict)
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _awaited: str = ""

    def begin(self, what: str, effects: Effects) -> int:
        """Write down that a request is about to be sent. Returns its number."""
        with self._changed:
            self.position += 1
            self._under_way[self.position] = Asked(self.position, what, effects)
            return self.position

    def acknowledge(self, number: int, more: Effects | None = None) -> None:
        """Write down that a request was answered with success; `more` is what only the answer could tell."""
        with self._changed:
            self.position += 1
            asked = self._under_way.pop(number)
            for place, value in {**asked.effects, **(more or {})}.items():
                self._certain.pop(place, None)  # the newest last
                self._certain[place] = value
            if asked.what == self._awaited:
                self._awaited = ""
                self._changed.notify_all()

    def refuse(self, number: int) -> None:
        """Write down that a request was answered with a refusal: it did nothing."""
        with self._changed:
            self.position += 1
            del self._under_way[number]

    def wait_for(self, what: str, seconds: float) -> bool:
        """Return as soon as a request of this kind is acknowledged. False: none was for so long."""
        with self._changed:
            self._awaited = what
            return self._changed.wait_for(lambda: not self._awaited, seconds)

    @contextmanager
    def paused(self) -> Iterator[Standing]:
        """Give what is promised now; until the end nothing is begun and nothing counts as acknowledged."""
        with self._changed:
            at = time.time_ns() // 1000
            self._forget(at)
            yield Standing(at, self.position, dict(self._certain), tuple(self._under_way.values()))

    def _forget(self, at: int) -> None:
        """Let go of promises that are over, so that looking at all of them stays quick."""
        over = [place for place, value in self._certain.items() if isinstance(value, Until) and value.instant <= at]
        over += [place for place, value in self._certain.items() if value is None and place.kind != "manifest"]
        gone = [place for place, value in self._certain.items() if value is None and place.kind == "manifest"]
        for place in (*over, *gone[:-GONE_KEPT]):
            del self._certain[place]
