"""What became of the inputs of one target, and what was found: how a run reports to the program that started it."""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from time import process_time

from tools.fuzz.target import Target, Try

MOST_FOUND = 5


@dataclass(slots=True)
class Report:
    """How many inputs were accepted, refused by name, refused by syntax; each finding in a sentence."""

    accepted: int = 0
    refused: int = 0
    syntax: int = 0
    slowest: float = 0.0
    found: list[str] = field(default_factory=list)

    @property
    def passed(self) -> int:
        """Return how many inputs passed the outer syntax."""
        return self.accepted + self.refused

    def write(self, path: Path) -> None:
        """Write the report down."""
        path.write_text(json.dumps(asdict(self)), "utf-8")

    @classmethod
    def read(cls, path: Path) -> "Report":
        """Return a report that was written down."""
        return cls(**json.loads(path.read_text("utf-8")))


class Counting:
    """Tries inputs on a target and counts what becomes of them.

    `unwatched` returns how many seconds of processor time an input takes where nothing is instrumented.
    """

    def __init__(self, target: Target, attempt: Try, unwatched: Callable[[bytes], float]) -> None:
        self.report = Report()
        self._target = target
        self._try = attempt
        self._unwatched = unwatched
        self._kinds: Counter[str] = Counter()

    def count(self, data: bytes) -> None:
        """Try one input. A finding is noted, once for each kind."""
        begun = process_time()
        try:
            verdict = self._try(data)
        except Exception as problem:  # noqa: BLE001  # whatever the reader let through is what is looked for
            self._find(f"{type(problem).__name__}: {str(problem)[:200]!r}", type(problem).__name__, data)
            return
        taken = process_time() - begun
        if taken > self._target.slowest:
            taken = min(taken, self._unwatched(data))
        self._note(verdict, taken, data)

    def _note(self, verdict: str, taken: float, data: bytes) -> None:
        report = self.report
        setattr(report, verdict, getattr(report, verdict) + 1)
        report.slowest = max(report.slowest, taken)
        if taken > self._target.slowest:
            self._find(f"{taken:.3f} s of processor time for {len(data)} bytes", "slow", data)

    def _find(self, what: str, kind: str, data: bytes) -> None:
        self._kinds[kind] += 1
        if self._kinds[kind] == 1 and len(self.report.found) < MOST_FOUND:
            self.report.found.append(f"{what}: {data[:300]!r}")
