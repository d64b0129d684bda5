"""Long random histories of a real server, checked at every step against a model of what must be there."""

import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.histories.bench import MEMORY, Bench, Finding, LongEnough
from tests.histories.faults import FAULTS, Fault, plant
from tests.histories.machine import Histories
from tests.histories.universe import readable
from tests.histories.watching import Unexplained
from tools.proof.part import Effort, Outcome, Part

STEPS = 50
HISTORIES = {"days": 300, "at once": 100}
PROGRESS = 20.0  # seconds between lines of progress
SHRUNK = (Phase.generate, Phase.shrink)
FOUND_ONCE = (Phase.generate,)


def run(effort: Effort) -> Outcome:
    """Live through histories where all can be undone, then through some where all is due at once."""
    outcome = Outcome()
    for windows, count in HISTORIES.items():
        with _bench(effort.directory, windows) as bench:
            _live_through(bench, effort, outcome, effort.times(count, least=2), SHRUNK)
    return outcome


@contextmanager
def _bench(directory: Path, windows: str, **settings: str) -> Iterator[Bench]:
    """Have a server in memory, where there is such a place: what a power cut leaves of a disk is another part's matter.

    Who ends this program by SIGTERM ends the server too.
    """
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    with tempfile.TemporaryDirectory(prefix="histories-", dir=MEMORY if MEMORY.is_dir() else directory) as place:
        bench = Bench(Path(place) / "server", windows, **settings)
        try:
            yield bench
        finally:
            bench.end()
            signal.signal(signal.SIGTERM, before)


def run_planted(effort: Effort) -> Outcome:
    """The same with a fault in a copy of the source, one after the other: each must be found."""
    outcome = Outcome()
    for number, fault in enumerate(FAULTS):
        found = _run_with(fault, replace(effort, directory=effort.directory / str(number)))
        if not found.is_red:
            return Outcome(found.tried, notes=[f"{fault.what}: not found in {found.tried} operations"])
        outcome.tried += found.tried
        (outcome.lose if found.lost else outcome.leak)(f"{fault.what}: {found.notes[0].splitlines()[0]}")
    return outcome


def _run_with(fault: Fault, effort: Effort) -> Outcome:
    effort.directory.mkdir()
    outcome, settled = Outcome(), plant(fault, effort.directory / "src")
    with _bench(effort.directory, fault.windows, **settled) as bench:
        _live_through(bench, effort, outcome, 60, FOUND_ONCE)
    return outcome


def _live_through(bench: Bench, effort: Effort, outcome: Outcome, count: int, phases: tuple[Phase, ...]) -> None:
    """Let Hypothesis make histories; what it finds it makes as short as it can, and its requests are the note."""
    machine = type("Histories", (_Told,), {"bench": bench})
    wanted = settings(
        max_examples=count, stateful_step_count=STEPS, deadline=None, database=None, phases=phases,
        report_multiple_bugs=False, suppress_health_check=list(HealthCheck), print_blob=False,
    )  # fmt: skip
    try:
        run_state_machine_as_test(seed(effort.seed)(machine), settings=wanted)
    except (Exception, LongEnough) as problem:  # noqa: BLE001  # a server that is gone is a finding too
        found = bench.finding or Finding(problem, bench.trace)
        tell = outcome.leak if isinstance(found.what, Unexplained) else outcome.lose
        tell(_note(bench, effort, found))
    outcome.tried += bench.operations


def _note(bench: Bench, effort: Effort, finding: Finding) -> str:
    steps = "\n".join(f"    {line}" for line in finding.trace)
    return readable(
        f"{type(finding.what).__name__}: {finding.what}\n  windows {bench.windows}, PROOF_SEED={effort.seed}, "
        f"PROOF_SCALE={effort.scale:g}; the requests of the shortest such history:\n{steps}"
    )


class _Told(Histories):
    """A history that says on standard error from time to time how far the run is."""

    told = time.monotonic()

    def teardown(self) -> None:
        super().teardown()
        if time.monotonic() - _Told.told > PROGRESS:
            _Told.told = time.monotonic()
            done = f"{self.bench.histories} histories, {self.bench.operations} operations"
            print(f"  histories ({self.bench.windows}): {done}", file=sys.stderr, flush=True)


PART = Part(
    name="histories",
    counts="operations on a real server",
    run=run,
    planted=", ".join(fault.what for fault in FAULTS),
    run_planted=run_planted,
)
