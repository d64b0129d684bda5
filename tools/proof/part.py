"""What a part of the proof is: something that is tried many times, and what was found."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

MOST_NOTES = 5


@dataclass(frozen=True, slots=True)
class Effort:
    """How much to try. `scale` 1 is what `make proof` tries, `directory` is empty and thrown away afterwards."""

    scale: float
    seed: int
    directory: Path

    def times(self, count: int, *, least: int = 1) -> int:
        """Return `count` at this scale, and never less than `least`."""
        return max(least, round(count * self.scale))


@dataclass(slots=True)
class Outcome:
    """What was tried and found. `lost` and `leaked` must be 0; `notes` tell of the first findings, or of a peer's."""

    tried: int = 0
    lost: int = 0
    leaked: int = 0
    notes: list[str] = field(default_factory=list)

    @property
    def is_red(self) -> bool:
        """Was anything found that must not be?"""
        return self.lost > 0 or self.leaked > 0

    def lose(self, what: str) -> None:
        """Count a broken promise: something acknowledged is gone, damaged, or readable after its delete."""
        self.lost += 1
        self._note(what)

    def leak(self, what: str) -> None:
        """Count something that stays for ever though nothing explains it."""
        self.leaked += 1
        self._note(what)

    def _note(self, what: str) -> None:
        if len(self.notes) < MOST_NOTES:
            self.notes.append(what)


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the proof.

    `run` tries. `planted` says which fault `run_planted` puts in before it tries the same, shortly: a proof that
    stays green with its fault in place proves nothing.
    """

    name: str
    counts: str
    run: Callable[[Effort], Outcome]
    planted: str
    run_planted: Callable[[Effort], Outcome]
