"""How much is measured, and the numbers that come out."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from math import isnan
from pathlib import Path
from statistics import median
from typing import TypeVar

from tools.bench.rows import Row
from tools.bench.servers import Kind

OURS = "refloat"
STOCK = "docker-registry"
NEXT = "distribution 3"

T = TypeVar("T")


@dataclass(frozen=True)
class Plan:
    """What to measure: `seconds` is how long one number is sampled, `images` how many the large registry holds."""

    directory: Path
    kinds: tuple[Kind, ...]
    only: frozenset[str]
    rounds: int
    seconds: float
    images: int

    def wants(self, rows: Iterable[Row]) -> list[Row]:
        """Return those rows that were asked for."""
        return [row for row in rows if not self.only or row.key in self.only]

    def turns(self, things: list[T]) -> Iterable[list[T]]:
        """Return, for each round, the order in which everybody gets a turn: whoever was first comes last next."""
        for turn in range(self.rounds):
            shift = turn % max(1, len(things))
            yield things[shift:] + things[:shift]

    def place(self, phase: str, kind: Kind) -> Path:
        """Return the data directory of a registry in one phase."""
        return self.directory / phase / kind.name.replace(" ", "-")


@dataclass
class Results:
    """All numbers, in the order of the rounds, and remarks that belong under the table."""

    numbers: dict[tuple[str, str], list[float]] = field(default_factory=lambda: defaultdict(list))
    remarks: list[str] = field(default_factory=list)
    say: Callable[[str], None] = print

    def add(self, row: Row, server: str, value: float) -> None:
        """Take one number of one round; not a number: it could not be had."""
        self.numbers[row.key, server].append(value)
        self.say(f"  {row.key:16} {server:16} {value:12,.3f} {row.unit}")

    def of(self, row: Row, server: str) -> list[float]:
        """Return a server's numbers, one a round."""
        return self.numbers.get((row.key, server), [])

    def middle(self, row: Row, server: str) -> float | None:
        """Return the median of a server's numbers. None: it was not measured."""
        found = [value for value in self.of(row, server) if not isnan(value)]
        return median(found) if found else None

    def ratio(self, row: Row, peer: str) -> float | None:
        """Return the median over the rounds of how refloat compares with a peer in the same round."""
        pairs = zip(self.of(row, OURS), self.of(row, peer), strict=False)
        ratios = [row.ratio(ours, theirs) for ours, theirs in pairs if ours > 0 and theirs > 0]
        return median(ratios) if ratios else None

    def verdict(self, row: Row) -> bool | None:
        """Is the bar met? None: no bar, or not measured."""
        ours = self.middle(row, OURS)
        return None if ours is None else row.met(ours, self.ratio(row, STOCK))
