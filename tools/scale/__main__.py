"""Measure a registry of a million tags beside one of ten thousand.

    python -m tools.scale                  everything; prints the table and writes docs/scale.md
    python -m tools.scale --tags 100000    a smaller large one, for a look while developing
    python -m tools.scale --only trash     some rows; neither of these writes the page
"""

import argparse
import shutil
import sqlite3
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack, closing
from pathlib import Path

from tools.provision import CACHE, HOME
from tools.scale import report
from tools.scale.filling import fill
from tools.scale.measuring import Registry, Results, measure
from tools.scale.rows import ROWS
from tools.scale.shape import TAGS_A_TEAM, Shape

LARGE, SMALL = 1_000_000, 10_000
PAGE = HOME / "docs" / "scale.md"
TABLES = ("repositories", "manifests", "refs", "blobs", "tips", "changes", "moves")


def main() -> int:
    """Generate, measure, print, write. Returns the exit code: 1 only if something could not be measured."""
    asked = arguments()
    directory = Path(tempfile.mkdtemp(prefix="scale-", dir=asked.directory.resolve()))
    try:
        made = [make(directory, Shape(tags)) for tags in (SMALL, asked.tags)]
        rows = [row for row in ROWS if not asked.only or row.key in asked.only]
        verdicts = report.Verdicts(rows, measured(directory, made, asked), SMALL, asked.tags)
        print("", report.show(verdicts.header(), verdicts.cells()), "", verdicts.tally(), sep="\n")
        if not asked.only and asked.tags == LARGE:
            report.write(PAGE, verdicts, made, directory)
            print(f"written: {PAGE.relative_to(HOME)}")
    finally:
        if asked.keep:
            print(f"kept: {directory}")
        else:
            shutil.rmtree(directory)
    return 0


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="tools.scale", description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--tags", type=_tags, default=LARGE, help="how many tags the large registry has (1000000)")
    parser.add_argument("--rounds", type=int, default=3, help="how many rounds (3)")
    parser.add_argument("--only", nargs="+", default=[], choices=[row.key for row in ROWS], metavar="ROW")
    parser.add_argument("--directory", type=Path, default=CACHE, help="where data directories are made, and removed")
    parser.add_argument("--keep", action="store_true", help="leave the data directories there")
    return parser.parse_args()


def _tags(text: str) -> int:
    """Read a number of tags, a multiple of a team's and more than the small registry has."""
    tags = int(text)
    if tags % TAGS_A_TEAM or tags <= SMALL:
        raise argparse.ArgumentTypeError(f"a multiple of {TAGS_A_TEAM:,} above {SMALL:,}")
    return tags


def make(directory: Path, shape: Shape) -> report.Made:
    """Generate a registry's data directory."""
    root = directory / f"{shape.tags}"
    root.mkdir()
    began = time.perf_counter()
    fill(root, shape, time.time_ns() // 1000)
    took = time.perf_counter() - began
    database = root / "refloat" / "refloat.db"
    with closing(sqlite3.connect(database)) as connection:
        rows = {table: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in TABLES}
    print(f"{shape.tags:,} tags: {database.stat().st_size / 1e9:.2f} GB in {took:.0f} s", flush=True)
    return report.Made(shape, took, database.stat().st_size, rows)


def measured(directory: Path, made: Sequence[report.Made], asked: argparse.Namespace) -> Results:
    """Serve what was made and measure it."""
    results = Results()
    with ExitStack() as stack:
        registries = [stack.enter_context(Registry(directory / f"{each.shape.tags}", each.shape)) for each in made]
        measure(registries, [row for row in ROWS if not asked.only or row.key in asked.only], asked.rounds, results)
    return results


if __name__ == "__main__":
    sys.exit(main())
