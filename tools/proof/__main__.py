"""Try to make refloat lose something.

    python -m tools.proof                          every part; prints one table, and exits 1 if anything was found
    python -m tools.proof schedules faults         some parts
    python -m tools.proof --selftest               every part with its planted fault: each must find it
    python -m tools.proof --ledger                 also append what was tried to docs/proof-ledger.jsonl

PROOF_SCALE=0.1 tries a tenth, PROOF_SEED=N repeats a run.
"""

import argparse
import os
import secrets
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

from tools.proof import ledger, page
from tools.proof.part import Effort, Outcome, Part
from tools.provision import CACHE

PARTS = ("models", "histories", "schedules", "crash", "powercuts", "faults", "guards", "verify", "prices", "abuse")
HEAD = ("part", "tried", "", "lost", "leaked", "seconds")
LONGEST_SEED = 1 << 31
WriteDown = Callable[[Part, Outcome, tuple[float, int, float]], None]  # scale, seed, seconds


def main() -> int:
    """Try, print, write down."""
    asked = _arguments()
    parts = [_part(name) for name in asked.parts or PARTS]
    scale = float(os.environ.get("PROOF_SCALE") or (0.02 if asked.selftest else 1))
    seed = int(os.environ.get("PROOF_SEED") or secrets.randbelow(LONGEST_SEED))
    print(f"commit {ledger.commit()}, PROOF_SEED={seed}, PROOF_SCALE={scale:g}", flush=True)
    if asked.selftest:
        return _selftest(parts, scale, seed)
    code = _prove(parts, scale, seed, _write_down if asked.ledger else _forget)
    if asked.ledger:
        page.update()
    return code


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tools.proof", description="Try to make refloat lose something.")
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], metavar="PART", help=" ".join(PARTS))
    parser.add_argument("--selftest", action="store_true", help="plant each part's fault; it must be found")
    parser.add_argument("--ledger", action="store_true", help="append what was tried to the ledger")
    return parser.parse_args()


def _part(name: str) -> Part:
    part: object = import_module(f"tests.{name}.proof").PART
    assert isinstance(part, Part), name
    return part


def _prove(parts: Sequence[Part], scale: float, seed: int, write_down: WriteDown) -> int:
    rows, notes, red = [HEAD], list[str](), False
    for part in parts:
        print(f"{part.name}: {part.counts} ...", flush=True)
        outcome, seconds = _try(part, scale, seed, planted=False)
        red = red or outcome.is_red
        notes += [f"{part.name}: {note}" for note in outcome.notes]
        found = (f"{outcome.lost}", f"{outcome.leaked}", f"{seconds:.0f}")
        rows.append((part.name, f"{outcome.tried:,}", part.counts, *found))
        write_down(part, outcome, (scale, seed, seconds))
    print("", _table(rows), *notes, sep="\n")
    return 1 if red else 0


def _selftest(parts: Sequence[Part], scale: float, seed: int) -> int:
    rows, green = [("part", "planted fault", "found", "seconds")], False
    for part in parts:
        print(f"{part.name}: {part.planted} ...", flush=True)
        outcome, seconds = _try(part, scale, seed, planted=True)
        green = green or not outcome.is_red
        found = f"{outcome.lost} lost, {outcome.leaked} leaked" if outcome.is_red else "NOTHING: the proof is blind"
        rows.append((part.name, part.planted, found, f"{seconds:.0f}"))
    print("", _table(rows), sep="\n")
    return 1 if green else 0


def _try(part: Part, scale: float, seed: int, *, planted: bool) -> tuple[Outcome, float]:
    begun = time.monotonic()
    CACHE.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="proof-", dir=CACHE) as place:
        effort = Effort(scale, seed, Path(place))
        outcome = part.run_planted(effort) if planted else part.run(effort)
    return outcome, time.monotonic() - begun


def _forget(part: Part, outcome: Outcome, facts: tuple[float, int, float]) -> None:
    """Write nothing down."""


def _write_down(part: Part, outcome: Outcome, facts: tuple[float, int, float]) -> None:
    scale, seed, seconds = facts
    date = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    found = (outcome.tried, outcome.lost, outcome.leaked, round(seconds, 1))
    ledger.write(ledger.Entry(part.name, part.counts, ledger.commit(), date, seed, scale, *found, outcome.notes))


def _table(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)


if __name__ == "__main__":
    sys.exit(main())
