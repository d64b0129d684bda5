"""Every guard in the code is taken away in turn, in a copy; the test that it is there for has to fail."""

import random
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from queue import SimpleQueue

from tests.guards.mutants import MUTANTS, Mutant
from tests.guards.removing import copied, is_missed, passes
from tools.proof.part import Effort, Outcome, Part

AT_ONCE = 2  # copies, each with one guard away at a time
NEEDLESS = {"bytes-before-row": replace(MUTANTS["bytes-before-row"], new="assert os.fsync(file) is None")}


def run(effort: Effort) -> Outcome:
    """Take guards away: all of them at scale 1."""
    count = min(len(MUTANTS), effort.times(len(MUTANTS)))
    chosen = random.Random(effort.seed).sample(sorted(MUTANTS), count)
    return _take_away({name: MUTANTS[name] for name in sorted(chosen)}, effort.directory)


def run_planted(effort: Effort) -> Outcome:
    """Take one away in such a way that it is still there."""
    return _take_away(NEEDLESS, effort.directory)


def _take_away(mutants: Mapping[str, Mutant], directory: Path) -> Outcome:
    outcome, copies = Outcome(), SimpleQueue[Path]()
    for number in range(min(AT_ONCE, len(mutants))):
        copies.put(copied(directory / f"copy-{number}"))
    tests = sorted({mutant.test for mutant in mutants.values()})
    assert passes(directory / "copy-0", *tests), f"not all of these pass with their guards: {tests}"

    def is_noticed(name: str) -> bool:
        copy = copies.get()
        try:
            return is_missed(copy, name, mutants[name])
        finally:
            copies.put(copy)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        for name, noticed in zip(mutants, pool.map(is_noticed, mutants), strict=True):
            outcome.tried += 1
            print(f"  {outcome.tried} of {len(mutants)}: {name}", file=sys.stderr, flush=True)
            if not noticed:
                outcome.lose(f"without the guard {name}, {mutants[name].test} still passes")
    return outcome


PART = Part(
    name="guards",
    counts="guards removed",
    run=run,
    planted="a guard that is removed by a change that changes nothing",
    run_planted=run_planted,
)
