"""Measure refloat beside the reference registry.

    python -m tools.bench                  everything; prints the table and writes docs/benchmarks.md
    python -m tools.bench --quick          one short round on a small registry, for a look while developing
    python -m tools.bench --only push-8    some rows; neither of these writes the page
    python -m tools.bench --before DIR/.venv/bin/refloat     take turns with another refloat too, and compare
    python -m tools.bench --only push-8 --write    the same, and replaces these rows in the page
"""

import argparse
import os
import shutil
import sys
import tempfile
from pathlib import Path

from tools.bench import commands, reading, report, salvaging, scale, starting, writing
from tools.bench.generators import build
from tools.bench.plan import Plan, Results
from tools.bench.refresh import refresh
from tools.bench.rows import ROWS
from tools.bench.servers import BEFORE, kinds
from tools.provision import CACHE, HOME

PHASES = (
    ("reading", reading),
    ("writing", writing),
    ("a large registry", scale),
    ("starting", starting),
    ("the command line", commands),
    ("salvage", salvaging),
)
PAGE = HOME / "docs" / "benchmarks.md"


def main() -> int:
    """Measure, print, write. Returns the exit code: 1 only if something could not be measured."""
    asked = arguments()
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # every start would compile what an installed program has compiled
    plan = plan_of(asked)
    results = Results()
    build()
    try:
        for name, phase in PHASES:
            print(f"{name}:", flush=True)
            phase.measure(plan, results)
        results.remarks += report.beside_before(plan, results)
        print("", report.show(report.table(plan, results)), *results.remarks, sep="\n")
        print(f"\n{report.tally(results)}")
        if not (asked.quick or asked.only or asked.servers):
            report.write(PAGE, plan, results)
            print(f"written: {PAGE.relative_to(HOME)}")
        elif asked.write and not asked.quick:
            refresh(PAGE, plan, results)
            print(f"replaced in it: {', '.join(asked.only)}")
    finally:
        shutil.rmtree(plan.directory)
    return 0


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="tools.bench", description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--quick", action="store_true", help="one short round on a small registry")
    parser.add_argument("--rounds", type=int, help="how many rounds (5)")
    parser.add_argument("--only", nargs="+", default=[], choices=[row.key for row in ROWS], metavar="ROW")
    parser.add_argument("--write", action="store_true", help="with --only: replace these rows in the page")
    parser.add_argument("--servers", nargs="+", default=[], choices=[*kinds(), BEFORE], metavar="NAME")
    parser.add_argument("--before", type=Path, metavar="PROGRAM", help="another refloat, to take turns with")
    parser.add_argument("--directory", type=Path, default=CACHE, help="where data directories are made, and removed")
    return parser.parse_args()


def plan_of(asked: argparse.Namespace) -> Plan:
    """Return how much to measure."""
    before = asked.before.absolute() if asked.before else None
    chosen = tuple(kind for name, kind in kinds(before).items() if not asked.servers or name in asked.servers)
    rounds = asked.rounds or (1 if asked.quick else 5)
    seconds, images = (1.0, 1000) if asked.quick else (2.0, 10_000)
    directory = Path(tempfile.mkdtemp(prefix="bench-", dir=asked.directory.resolve()))
    return Plan(directory, chosen, frozenset(asked.only), rounds, seconds, images)


if __name__ == "__main__":
    sys.exit(main())
