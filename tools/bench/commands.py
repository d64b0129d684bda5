"""Rows of the command line: from the process's start to its end, as a person waits for it."""

import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from tools.bench.plan import Plan, Results
from tools.bench.rows import COMMANDS, Row
from tools.bench.seeding import push_one
from tools.bench.seeds import small_image
from tools.bench.servers import Server

RUNS = 20
"""Runs of every command in a round; a number is their median."""

SERIES = {
    "help": ("--help",),
    "version": ("--version",),
    "command-ls": ("ls",),
    "command-rm": ("rm", "bench/app:latest"),
    "command-undo": ("undo",),
}
"""What is run, one after the other: the last brings back what the one before deleted."""


def measure(plan: Plan, results: Results) -> None:
    """Measure the rows of the command line that are wanted. They are about refloat alone."""
    rows = {row.key: row for row in plan.wants(COMMANDS)}
    ours = [kind for kind in plan.kinds if not kind.tree]
    if not rows:
        return
    with ExitStack() as running:
        servers = [running.enter_context(Server(kind, plan.place("commands", kind))) for kind in ours]
        for server in servers:
            push_one(server.address, small_image("bench/app", 1, layers=10))
        for turn in plan.turns(servers):
            for server in turn:
                _take(server, plan, results, rows)


def _take(server: Server, plan: Plan, results: Results, rows: Mapping[str, Row]) -> None:
    environment = _environment(server.address, plan.directory / "home")
    taken = [_series(server.kind.program, environment) for _ in range(RUNS)]
    for key, row in rows.items():
        results.add(row, server.name, median(run[key] for run in taken))


def _environment(address: str, home: Path) -> dict[str, str]:
    home.mkdir(exist_ok=True)
    return {**os.environ, "HOME": str(home), "XDG_STATE_HOME": str(home), "REFLOAT_HOST": address}


def _series(program: Path, environment: Mapping[str, str]) -> dict[str, float]:
    """Run every command once. Returns the milliseconds each took."""
    return {key: _milliseconds([str(program), *words], environment) for key, words in SERIES.items()}


def _milliseconds(command: Sequence[str], environment: Mapping[str, str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=True)
    return (time.perf_counter() - began) * 1000
