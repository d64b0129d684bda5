"""Fuzz everything that reads text from outside.

    python -m tools.fuzz                     every target; prints one table, and exits 1 if anything was found
    python -m tools.fuzz pattern link        some targets
    python -m tools.fuzz --selftest          a planted exception and a planted quadratic loop in each: all must be found

FUZZ_GOAL=500000 says how many inputs of each have to pass its outer syntax, FUZZ_SEED=N repeats a run as far as
atheris does.
"""

import argparse
import json
import os
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from tools.fuzz.counting import Report
from tools.fuzz.target import NAMES
from tools.provision import CACHE

GOAL = 500_000
LEAST_BRANCHES = 95.0  # per cent
AT_ONCE = max(1, len(os.sched_getaffinity(0)))
FAULTS = ("exception", "loop")
HEAD = ("target", "accepted", "refused by name", "refused by syntax", "branches", "slowest", "found")
Row = tuple[str, ...]


def main() -> int:
    """Fuzz, print, judge."""
    asked = _arguments()
    goal = int(os.environ.get("FUZZ_GOAL") or GOAL)
    seed = int(os.environ.get("FUZZ_SEED") or secrets.randbelow(1 << 31) + 1)
    names = asked.targets or NAMES
    print(f"FUZZ_SEED={seed}, FUZZ_GOAL={goal}", flush=True)
    work = [(name, fault) for name in names for fault in FAULTS] if asked.selftest else [(name, "") for name in names]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        done = list(pool.map(partial(_one, goal=goal, seed=seed), work))
    rows = [row for row, _, _ in done]
    print(_table([("target", "planted", "found") if asked.selftest else HEAD, *rows]))
    for _, _, notes in done:
        print(*notes, sep="\n", end="\n" if notes else "")
    return 1 if any(is_red for _, is_red, _ in done) else 0


def _one(work: tuple[str, str], *, goal: int, seed: int) -> tuple[Row, bool, list[str]]:
    name, fault = work
    CACHE.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f"fuzz-{name}-", dir=CACHE) as place:
        report = run(name, fault, (goal, seed), Path(place))
        told = f"{name} {fault}: {report.passed:,} inputs, found {len(report.found)}"
        print(told, *report.found, sep="\n  ", flush=True)
        if fault:
            return (name, fault, report.found[0][:100] if report.found else "NOTHING"), not report.found, []
        reached = measure(name, seed, Path(place))
        row, is_red = _judged(name, goal, report, reached)
        notes = [f"{name}: {found}" for found in report.found]
        return row, is_red, [*notes, f"{name}: branches missed: {reached['missed']}"] if is_red else notes


def _judged(name: str, goal: int, report: Report, reached: dict[str, object]) -> tuple[Row, bool]:
    branches = float(str(reached["branches"]))
    is_red = bool(report.found) or branches < LEAST_BRANCHES or report.passed < goal
    counts = (f"{report.accepted:,}", f"{report.refused:,}", f"{report.syntax:,}")
    share = f"{branches:.1f} % of {reached['of']}"
    return (name, *counts, share, f"{1000 * report.slowest:.1f} ms", f"{len(report.found)}"), is_red


def run(name: str, fault: str, effort: tuple[int, int], place: Path) -> Report:
    """Fuzz one target in a process of its own. `effort` is the goal and the seed. Raises RuntimeError if it ends."""
    goal, seed = effort
    planted = ["--plant", fault] if fault else []
    arguments = [name, "--goal", str(goal), "--seed", str(seed), "--place", str(place), *planted]
    done = _python("tools.fuzz.running", arguments)
    if not (place / "report.json").exists():
        raise RuntimeError(f"the fuzzer of {name} ended by itself:\n{done.stdout[-1000:]}{done.stderr[-3000:]}")
    return Report.read(place / "report.json")


def measure(name: str, seed: int, place: Path) -> dict[str, object]:
    """Return which branches of a target's modules its inputs reach. Raises RuntimeError."""
    done = _python("tools.fuzz.reaching", [name, "--seed", str(seed), "--place", str(place)])
    if done.returncode:
        raise RuntimeError(f"coverage of {name} failed:\n{done.stderr[-3000:]}")
    found: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return found


def _python(module: str, arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
    )  # fmt: skip


def _table(rows: Sequence[Row]) -> str:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tools.fuzz", description="Fuzz everything that reads text from outside.")
    parser.add_argument("targets", nargs="*", choices=[*NAMES, []], metavar="TARGET", help=" ".join(NAMES))
    parser.add_argument("--selftest", action="store_true", help="plant faults in each target; all must be found")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
