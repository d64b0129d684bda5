"""Every fault at every call of every operation, in a process that was started with the failing library.

    python -m tests.faults.zygote '{"place": "/empty", "names": ["push"], "every": {"EIO": 1}, "plant": ""}'

`every` has, for each kind of fault, at every how manieth call. Prints one JSON line for each operation and kind: how
many trials, and what was wrong.
"""

import json
import logging
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.faults import planted
from tests.faults.operations import OPERATIONS, Operation
from tests.faults.trial import Fault, Kind, Result, attempt, judged, prepare

NEVER = 0
ENOUGH = 3  # wrong things in one operation and kind: the rest is not tried


@dataclass(frozen=True)
class Fire:
    """What fails, at every how manieth call, and what is different in the process before."""

    kind: Kind
    every: int
    before: Callable[[], None]


def main(asked: dict[str, object]) -> None:
    """Try, and print what came of it."""
    logging.disable()  # what the stores say of each fault is expected
    place, before = Path(str(asked["place"])) / "trials", planted.FAULTS[str(asked["plant"])]
    for name in asked["names"] or OPERATIONS:  # type: ignore[attr-defined]
        honest = _prepare(OPERATIONS[name], place)
        for kind, every in asked["every"].items():  # type: ignore[attr-defined]
            trials, gave_up, wrong = _try(OPERATIONS[name], place, Fire(kind, every, before), honest)
            told = {"name": name, "kind": kind, "trials": trials, "gave_up": gave_up, "wrong": wrong}
            print(json.dumps(told), flush=True)
        shutil.rmtree(place)


def _prepare(operation: Operation, place: Path) -> Result:
    """Make the template, and see that nothing is wrong when nothing fails."""
    prepare(operation, place / "template")
    honest = attempt(operation, place / "template", place / "honest", (Fault("EIO", NEVER), planted.nothing))
    if problems := judged(place / "honest", honest, honest.told):
        raise RuntimeError(f"it goes wrong on a disk that works: {problems}")
    return honest


def _try(operation: Operation, place: Path, fire: Fire, honest: Result) -> tuple[int, int, list[str]]:
    """Return how many trials there were, in how many the process gave up, and what was wrong."""
    trials, gave_up, wrong = 0, 0, list[str]()
    for number in range(1, honest.calls + 1, fire.every):
        directory = place / f"{number}"
        result = attempt(operation, place / "template", directory, (Fault(fire.kind, number), fire.before))
        wrong += [f"call {number}: {problem}" for problem in judged(directory, result, honest.told)]
        gave_up += bool(result.gave_up)
        trials += 1
        shutil.rmtree(directory)
        if len(wrong) >= ENOUGH:
            break
    return trials, gave_up, wrong


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
