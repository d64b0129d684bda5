"""Power cuts under load: what was acknowledged is there afterwards, what was deleted is not, and nothing is left over.

Each round is a server on fresh disks; each cut copies what has reached them, and another process opens the copy.
"""

import multiprocessing
import random
import shutil
import sys
import time
from collections import deque
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from tests.powercuts import disk, peer
from tests.powercuts.judge import Verdict, judge
from tests.powercuts.load import Load
from tools.proof.part import Effort, Outcome, Part
from tools.provision import HOME

CUTS = 1000
CUTS_A_ROUND = 100
PEER_CUTS = 100
JUDGES = 2
MOST_WAITING = 2 * JUDGES  # cuts that were taken and not judged, so that memory stays small
TELL_EVERY = 20.0  # seconds


@dataclass(frozen=True, slots=True)
class Fault:
    """A guard that is edited out: the file under src/refloat, the text there, and what takes its place."""

    file: str
    old: str
    new: str


NO_SYNC = Fault("durable.py", "os.fsync(file)  # guard: bytes-before-row", "pass")
NO_FULL = Fault("metadata/batches.py", 'durability = "FULL" if', 'durability = "NORMAL" if')


def run(effort: Effort) -> Outcome:
    """Cut the power, and then that of another registry, whose losses are only told."""
    outcome = try_cuts(effort, effort.times(CUTS))
    if disk.missing() is None:
        outcome.notes += peer.told(effort.directory, effort.seed, effort.times(PEER_CUTS))
    return outcome


def run_planted(effort: Effort) -> Outcome:
    """The same, of a refloat that does not sync the bytes of blobs."""
    return try_without(NO_SYNC, replace(effort, scale=min(effort.scale, 0.02)))


def try_without(fault: Fault, effort: Effort) -> Outcome:
    """Take cuts of a refloat with a fault in a copy of its source."""
    source = effort.directory / "src"
    shutil.copytree(HOME / "src", source, ignore=shutil.ignore_patterns("__pycache__"))
    file = source / "refloat" / fault.file
    text = file.read_text("utf-8")
    assert text.count(fault.old) == 1, fault.file
    file.write_text(text.replace(fault.old, fault.new), "utf-8")
    return try_cuts(effort, effort.times(CUTS), PYTHONPATH=str(source), PYTHONDONTWRITEBYTECODE="1")


def try_cuts(effort: Effort, cuts: int, **settings: str) -> Outcome:
    """Take and judge so many cuts of a server with these settings."""
    outcome = Outcome()
    reason = disk.missing()
    if reason is not None:
        outcome.notes.append(f"not tried: {reason}")
        return outcome
    context = multiprocessing.get_context("spawn")
    with disk.memory(effort.directory / "memory") as space, ProcessPoolExecutor(JUDGES, context) as judges:
        if not disk.loses_what_is_not_synced(space):
            raise RuntimeError("this disk keeps what was not synced: a cut of its power would prove nothing")
        progress = Progress(cuts, outcome, judges)
        for number in range(0, cuts, CUTS_A_ROUND):
            dice = random.Random(f"{effort.seed} {number // CUTS_A_ROUND}")
            _round(space, dice, progress, (effort.seed, number, min(cuts, number + CUTS_A_ROUND)), settings)
    return outcome


class Progress:
    """Hands cuts to the judges and counts what they found."""

    def __init__(self, cuts: int, outcome: Outcome, judges: ProcessPoolExecutor) -> None:
        self.outcome, self.judges = outcome, judges
        self._cuts, self._promises, self._told = cuts, 0, time.monotonic()
        self._waiting: deque[Future[Verdict]] = deque()

    def judge(self, load: Load, name: str, to: Path) -> None:
        """Take a cut and have it judged."""
        self.settle(MOST_WAITING - 1)
        self._waiting.append(self.judges.submit(judge, load.cut(name, to)))

    def settle(self, most: int) -> None:
        """Wait until no more than `most` cuts wait for their verdict."""
        while len(self._waiting) > most:
            self._count(self._waiting.popleft().result())
            if time.monotonic() - self._told > TELL_EVERY:
                self._told = time.monotonic()
                said = f"{self.outcome.tried} of {self._cuts} cuts, {self._promises:,} promises looked at"
                print(f"  power cuts: {said}", file=sys.stderr, flush=True)

    def _count(self, verdict: Verdict) -> None:
        self.outcome.tried += 1
        self._promises += verdict.looked_at
        if verdict.lost:
            self.outcome.lose(f"{verdict.cut}: {'; '.join(verdict.lost[:3])}")
        if verdict.leaked:
            self.outcome.leak(f"{verdict.cut}: {'; '.join(verdict.leaked[:3])}")


def _round(
    space: disk.Memory, dice: random.Random, progress: Progress, cuts: tuple[int, int, int], settings: dict[str, str]
) -> None:
    seed, first, last = cuts
    place = space.place / f"round{first}"
    place.mkdir()
    with Load(space, place, dice, **settings) as load:
        for number in range(first, last):
            progress.judge(load, f"PROOF_SEED={seed}, cut {number}", space.place / f"cut{number}")
            load.check()
        progress.settle(0)
    shutil.rmtree(place)


PART = Part(
    name="power cuts",
    counts="power cuts under load",
    run=run,
    planted="the bytes of a blob are not synced before its row",
    run_planted=run_planted,
)
