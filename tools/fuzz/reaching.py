"""Which branches of a target's modules its inputs reach: the same inputs once more, under coverage.

    python -m tools.fuzz.reaching TARGET --seed N --place DIR

Prints the share of branches reached and of lines, then each line that was missed.
"""

import argparse
import json
from importlib.util import find_spec
from pathlib import Path
from random import Random

import coverage

from tools.fuzz.target import NAMES, Target, target

INPUTS = 20_000


def main() -> None:
    """Measure and print one JSON object."""
    parser = argparse.ArgumentParser(prog="tools.fuzz.reaching", description="Measure what a target's inputs reach.")
    parser.add_argument("target", choices=NAMES)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--place", type=Path, required=True)
    asked = parser.parse_args()
    print(json.dumps(reached(target(asked.target), asked.seed, asked.place)))


def reached(chosen: Target, seed: int, place: Path) -> dict[str, object]:
    """Return the share of branches reached, in per cent, and the lines that were missed in each module."""
    files = [_file(module) for module in chosen.modules]
    cover = coverage.Coverage(branch=True, include=files, data_file=None, config_file=False)
    cover.start()
    try:
        _try_all(chosen, seed, place)
    finally:
        cover.stop()
    cover.json_report(morfs=files, outfile=str(place / "coverage.json"))
    said = json.loads((place / "coverage.json").read_text("utf-8"))
    total = said["totals"]
    missed = {Path(name).name: each["missing_branches"] for name, each in said["files"].items()}
    share = 100.0 * total["covered_branches"] / max(1, total["num_branches"])
    return {"branches": round(share, 1), "of": total["num_branches"], "missed": missed}


def _try_all(chosen: Target, seed: int, place: Path) -> None:
    attempt, dice = chosen.open(place), Random(seed)
    corpus = sorted((place / "corpus").iterdir()) if (place / "corpus").is_dir() else []
    kept = [path.read_bytes() for path in corpus]
    for data in kept:
        attempt(data)
    for number in range(INPUTS):
        fresh = number % 2 == 0 or not kept
        data = chosen.grow(dice) if fresh else chosen.alter(dice, dice.choice(kept))
        attempt(data)
        if len(kept) < 2000:
            kept.append(data)


def _file(module: str) -> str:
    spec = find_spec(module)
    assert spec is not None, module
    return str(spec.origin)


if __name__ == "__main__":
    main()
