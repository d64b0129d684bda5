"""Every order of events in small worlds with two or three kinds of bad luck, and long histories on a real database."""

import random
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from refloat.blobs.filesystem import FileBlobs
from tests.models import references, worlds
from tests.models.appending import explore_appends
from tests.models.explorer import LEAK, LOSS, Explored, explore
from tests.models.months import Request, live_through, requests
from tests.models.naive_designs import LOSSES, start
from tests.models.small_worlds import explore_adoption, explore_rescue, explore_two_puts
from tests.models.world import Guard
from tools.proof.part import Effort, Outcome, Part

HISTORIES = 300
PLANTED: Guard = "no-session-no-write"
K = TypeVar("K")
V = TypeVar("V")
Exploration = Callable[[set[int]], Explored]


@dataclass
class Log:
    """What was found, and the hash of every state there was: worlds overlap, and each state counts once."""

    outcome: Outcome = field(default_factory=Outcome)
    distinct: set[int] = field(default_factory=set)

    def explore(self, name: str, world: Exploration) -> None:
        seen = world(self.distinct)
        self.outcome.tried = len(self.distinct)
        say(f"{name}: {seen}")
        for kind, trace in seen.traces.items():
            told = f"{kind} in the world of {name!r}: {' > '.join(trace)}"
            self.outcome.leak(told) if kind == LEAK else self.outcome.lose(told)

    def expect(self, found: bool, what: str) -> None:
        """What is left out, or designed naively, has to lose something."""
        if not found:
            self.outcome.lose(f"the worlds are blind: {what}")


def run(effort: Effort) -> Outcome:
    """Explore all worlds at scale 1, fewer below it, and try what must fail."""
    log = Log()
    every = _worlds()
    names = sorted(every)
    if effort.scale < 1:
        names = random.Random(effort.seed).sample(names, effort.times(len(names)))
    for name in names:
        log.explore(name, every[name])
    failed = _what_must_fail(log, effort)
    changes = _short_histories(log.outcome, 5 if effort.scale >= 1 else 3)
    lived = _long_histories(log.outcome, effort)
    log.outcome.notes.append(
        f"{failed} removed guards and naive designs failed as they must; {changes:,} changes in all histories of a "
        f"few requests; {lived} long histories on the real database"
    )
    return log.outcome


def run_planted(effort: Effort) -> Outcome:
    """Explore the protocol without one guard."""
    log = Log()
    log.explore(f"no {PLANTED}", lambda distinct: worlds.run(worlds.CALM, PLANTED, LOSS, distinct))
    return log.outcome


def _worlds() -> Mapping[str, Exploration]:
    every: dict[str, Exploration] = {
        "an adopted blob": lambda distinct: explore_adoption("key of its own", distinct),
        "a rescue": lambda distinct: explore_rescue("fresh key", distinct),
        "two PUTs": lambda distinct: explore_two_puts("write nothing", distinct),
        "three PATCHes": lambda distinct: explore_appends("lock the file", distinct),
    }
    for name, world in (worlds.pairs() | worlds.threes()).items():
        every[name] = partial(worlds.run, world, None, None)
    for name, (state, changes) in worlds.INDEXED.items():
        every[name] = partial(worlds.run_indexed, state, changes, None, None)
    return every


def _what_must_fail(log: Log, effort: Effort) -> int:
    """Take each guard and rule away, try each naive design. Returns how many were tried."""
    count = 0
    for guard, (world, finding, _) in _some(worlds.WITHOUT, effort).items():
        seen = worlds.run(world, guard, finding)
        log.expect(finding in seen.traces, f"nothing is found without the guard {guard}")
        count += 1
    for rule, (state, changes, finding) in _some(worlds.RULES_NEEDED, effort).items():
        found = worlds.run_indexed(state, changes, rule, finding)
        log.expect(finding in found.traces, f"nothing is found without the rule {rule}")
        count += 1
    for kind in _some(LOSSES, effort):
        design = kind()
        naive = explore(start(design), design.steps, design.judge, until=LOSS)
        log.expect(LOSS in naive.traces, f"{kind.__name__} loses nothing")
        count += 1
    say(f"{count} removed guards and naive designs tried")
    return count


def _some(table: Mapping[K, V], effort: Effort) -> Mapping[K, V]:
    count = min(len(table), effort.times(len(table)))
    return {key: table[key] for key in random.Random(effort.seed).sample(list(table), count)}


def _short_histories(outcome: Outcome, requests_in_each: int) -> int:
    count = 0
    for name, world in references.WORLDS.items():
        try:
            count += references.check(world, requests_in_each)
        except AssertionError as failed:
            outcome.lose(f"{name}: {failed}")
        say(f"{name}: {count:,} changes")
    return count


def _long_histories(outcome: Outcome, effort: Effort) -> int:
    """Live through random histories; a failing one is made as short as it can be."""
    count, lived = effort.times(HISTORIES), 0
    blobs = FileBlobs(effort.directory / "refloat", reserve=0.0)

    @seed(effort.seed)
    @given(history=st.lists(requests, min_size=10, max_size=60))
    @settings(max_examples=count, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    def live(history: list[Request]) -> None:
        nonlocal lived
        live_through(blobs, history)
        lived += 1
        if lived % 50 == 0:
            say(f"{lived} of {count} long histories")

    try:
        live()
    except Exception as failed:  # noqa: BLE001 - whatever goes wrong is a finding
        outcome.lose(f"a history of seed {effort.seed}: {failed!r} {getattr(failed, '__notes__', '')}")
    finally:
        blobs.close()
    return lived


def say(what: str) -> None:
    print(f"  {what}", file=sys.stderr, flush=True)


PART = Part(
    name="models",
    counts="distinct states",
    run=run,
    planted="an upload that is entered though its session is gone",
    run_planted=run_planted,
)
