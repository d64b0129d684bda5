"""Schedules of the real code: requests and the collector interleaved at every transaction and every step on bytes.

A note tells a story's name or the seed and number of a mixed one, and the choices; this repeats it, step by step:

    python -m tests.schedules "adopt or doom" 0000000001
    python -m tests.schedules "7 210" 1001000100010010100010000001011
"""

import os
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from tests.schedules import planted
from tests.schedules.baton import Chooser
from tests.schedules.judging import broken_promises, leaks
from tests.schedules.search import Recorded, Walk, spread
from tests.schedules.stories import STORIES, Story, mixed
from tests.schedules.world import World
from tools.proof.part import Effort, Outcome, Part

IN_ORDER = 50_000
BY_DICE = 65_000
PREEMPTIONS = 3
MEMORY = Path("/dev/shm")
NEWS = 20.0  # seconds


class Trials:
    """Tries schedules one after the other and counts those that were not tried before."""

    def __init__(self, directory: Path, outcome: Outcome) -> None:
        self._directory = directory
        self._outcome = outcome
        self._seen: set[int] = set()
        self._worlds = 0
        self._world: World | None = None
        self._told = time.monotonic()
        self.last_steps = ""

    def attempt(self, story: Story, chooser: Chooser, how: Callable[[], str]) -> None:
        """Run a story in one order and judge it. `how` says how to repeat it."""
        world = self._world or self._fresh()
        story.seed(world)
        world.run([partial(actor, world) for actor in story.actors], chooser)
        self.last_steps = _told(world.baton.steps)
        self._seen.add(hash((story, self.last_steps)))
        lost = broken_promises(world)
        leaked = [] if lost else leaks(world)
        for what, found in ((self._outcome.lose, lost), (self._outcome.leak, leaked)):
            if found:
                what(f"{story.name}: {'; '.join(found)}; {how()}; steps {self.last_steps}")
        if lost or leaked:
            self.close()
        else:
            world.begin_again()
        self._outcome.tried = len(self._seen)
        self._tell()

    def close(self) -> None:
        """Give the world up; the next attempt gets a fresh one."""
        if self._world is not None:
            self._world.close()
            self._world = None

    def _fresh(self) -> World:
        self._worlds += 1
        self._world = World(self._directory / str(self._worlds))
        return self._world

    def _tell(self) -> None:
        if time.monotonic() - self._told > NEWS:
            self._told = time.monotonic()
            print(f"schedules: {len(self._seen):,} tried", file=sys.stderr, flush=True)


def run(effort: Effort) -> Outcome:
    """Try all orders of each story with few preemptions, as far as the effort goes, then others by dice."""
    outcome = Outcome()
    with _memory(effort.directory) as place:
        trials = Trials(place, outcome)
        left, dice = 0, random.Random(effort.seed)
        for story, share in zip(STORIES, spread(effort.times(IN_ORDER), len(STORIES)), strict=True):
            left = share + left - in_order(trials, story, share + left, dice)
        by_dice(trials, effort.seed, left + effort.times(BY_DICE))
        trials.close()
    return outcome


def in_order(trials: Trials, story: Story, most: int, dice: random.Random) -> int:
    """Try schedules with no preemption, then with one, two, three; in each level in a diced order.

    Returns how many it tried: fewer than `most` means that there are no more.
    """
    levels: list[list[list[int]]] = [[[]], *([] for _ in range(PREEMPTIONS + 1))]
    tried = 0
    for level in range(PREEMPTIONS + 1):
        dice.shuffle(levels[level])
        while levels[level] and tried < most:
            chooser = Recorded(levels[level].pop())
            trials.attempt(story, chooser, lambda: f"choices {_short(chooser.choices)}")  # noqa: B023  # called at once
            tried += 1
            for further, choices in chooser.branches():
                levels[min(level + further, PREEMPTIONS + 1)].append(choices)
        levels[PREEMPTIONS + 1].clear()  # beyond the bound
    return tried


def by_dice(trials: Trials, seed: int, most: int) -> None:
    """Try orders that dice choose, of mixed stories mostly."""
    for number in range(most):
        dice = random.Random(f"{seed} {number}")
        story = diced(dice)
        walk = Walk(dice)
        trials.attempt(story, walk, lambda: f"'{seed} {number}' choices {_short(walk.choices)}")  # noqa: B023


def diced(dice: random.Random) -> Story:
    """Return the story that dice stand for."""
    return mixed(dice) if dice.randrange(5) else dice.choice(STORIES)


def run_planted(effort: Effort) -> Outcome:
    """The same while the collector looks first and condemns in a second transaction."""
    outcome = Outcome()
    with _memory(effort.directory) as place, planted.condemn_in_two_transactions():
        trials = Trials(place, outcome)
        for story, share in zip(STORIES, spread(effort.times(5000, least=300), len(STORIES)), strict=True):
            in_order(trials, story, share, random.Random(effort.seed))
        trials.close()
    return outcome


@contextmanager
def _memory(directory: Path) -> Iterator[Path]:
    """Durability is not what is tried here: where there is a directory in memory the schedules run in it."""
    fast = os.access(MEMORY, os.W_OK)
    with tempfile.TemporaryDirectory(prefix="schedules-", dir=MEMORY if fast else directory) as place:
        yield Path(place)


def _told(steps: Sequence[tuple[int, str]]) -> str:
    return " ".join(f"{actor}:{label}" for actor, label in steps)


def _short(choices: Sequence[int]) -> str:
    return "".join(map(str, choices)).rstrip("0")


PART = Part(
    name="schedules",
    counts="distinct schedules",
    run=run,
    planted="condemn that looks first and removes in a second transaction",
    run_planted=run_planted,
)
