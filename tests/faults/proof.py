"""The disk fails at each call of each operation: with EIO, with ENOSPC, with half a write, or full from there on.

Nothing is lost, no other exception comes out, and the same process goes on.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence

from tests.faults.library import build
from tests.faults.operations import OPERATIONS
from tools.proof.part import Effort, Outcome, Part
from tools.provision import HOME


def run(effort: Effort) -> Outcome:
    """At scale 1 each call fails with each errno, and every eighth in the other ways."""
    outcome, begun = Outcome(), time.monotonic()
    step = max(1, round(1 / effort.scale))
    every = {"EIO": step, "ENOSPC": step, "short": 8 * step, "full": 8 * step}
    for told in fail(effort, list(OPERATIONS), every, ""):
        enter(outcome, told)
        if told["kind"] == "full":
            seconds = f"{time.monotonic() - begun:.0f} s"
            print(f"  {told['name']}: {outcome.tried} trials, {seconds}", file=sys.stderr, flush=True)
    return outcome


def run_planted(effort: Effort) -> Outcome:
    """One operation, in processes that keep bytes an fsync refused."""
    outcome = Outcome()
    for told in fail(effort, ["finish again"], {"EIO": 1}, "fsync"):
        enter(outcome, told)
    return outcome


def fail(effort: Effort, names: Sequence[str], every: Mapping[str, int], plant: str) -> Iterator[dict[str, object]]:
    """Let the disk fail; yield for each operation and kind of fault what came of it. Raises NoCompiler."""
    asked = {"place": str(effort.directory), "names": names, "every": every, "plant": plant}
    environment = {**os.environ, "LD_PRELOAD": str(build()), "FAIL_UNDER": str(effort.directory)}
    command = [sys.executable, "-m", "tests.faults.zygote", json.dumps(asked)]
    with subprocess.Popen(command, cwd=HOME, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            yield json.loads(line)
    if process.returncode:
        raise RuntimeError(f"the trials ended with {process.returncode}")


def enter(outcome: Outcome, told: dict[str, object]) -> None:
    """Count what came of one operation and kind of fault."""
    outcome.tried += int(str(told["trials"]))
    wrong = told["wrong"]
    assert isinstance(wrong, list)
    for problem in wrong:
        outcome.lose(f"{told['name']}, {told['kind']} at {problem}")


PART = Part(
    name="I/O faults",
    counts="disk faults",
    run=run,
    planted="an fsync that failed is asked again",
    run_planted=run_planted,
)
