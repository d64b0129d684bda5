"""Some rows of docs/benchmarks.md measured again: their lines are replaced, or put where they belong."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from tools.bench import report
from tools.bench.plan import Plan, Results
from tools.bench.rows import ROWS, Bar

BOUNDS = re.compile(r"\*\*\d+ of \d+ bars met.*?\.\*\*")
METHOD = re.compile(r"^## How it is measured\n.*?(?=^## )", re.DOTALL | re.MULTILINE)
TABLE, ROUNDS = "| row | bar |", "| row | registry |"


def refresh(path: Path, plan: Plan, results: Results) -> None:
    """Write the rows of `results` into the page, and on which day they were measured."""
    text = METHOD.sub(lambda _: report.METHOD + "\n", path.read_text())
    lines = text.splitlines()
    titles = [f"| {row.title} |" for row in ROWS]
    for cells in report.table(plan, results):
        _put(lines, TABLE, titles, f"| {' | '.join(cells)} |")
    order = [f"| {row.key} | {kind.name} |" for row in ROWS for kind in plan.kinds]
    for cells in report.rounds(plan, results):
        _put(lines, ROUNDS, order, f"| {' | '.join(cells)} |")
    day = datetime.now(UTC).strftime("%Y-%m-%d")
    keys = ", ".join(row.key for row in plan.wants(ROWS))
    often = "1 round" if plan.rounds == 1 else f"{plan.rounds} rounds"
    for remark in (*results.remarks, f"of {keys}: measured on {day}, {often}, without the other rows."):
        _remark(lines, f"- {remark}")
    path.write_text(BOUNDS.sub(f"**{_tally(lines)}.**", "\n".join(lines) + "\n"))


def _put(lines: list[str], header: str, order: Sequence[str], line: str) -> None:
    """Replace the line of a table that begins as `line` does, or put it behind those that come before it in `order`."""
    first = next(number for number, each in enumerate(lines) if each.startswith(header)) + 2
    end = next(number for number in range(first, len(lines) + 1) if not "".join(lines[number : number + 1]))
    place = next(number for number, beginning in enumerate(order) if line.startswith(beginning))
    for number in range(first, end):
        if lines[number].startswith(order[place]):
            lines[number] = line
            return
    before = [number for number in range(first, end) if lines[number].startswith(tuple(order[:place]))]
    lines.insert(before[-1] + 1 if before else first, line)


def _remark(lines: list[str], remark: str) -> None:
    """Replace the remark that begins with the same words, or put it behind the others under the table."""
    beginning = " ".join(remark.split()[:4])
    end = lines.index("## How it is measured")
    for number in range(end):
        if lines[number].startswith(beginning):
            lines[number] = remark
            return
    lines.insert(end - 1, remark)


def _tally(lines: Sequence[str]) -> str:
    """Count the verdicts of the page's own table."""
    verdicts = {}
    for row in ROWS:
        line = next((each for each in lines if each.startswith(f"| {row.title} |")), "")
        verdicts[row.key] = line.rstrip(" |").rpartition("| ")[2] if row.bar is not Bar.NONE else None
    barred = {key: verdict for key, verdict in verdicts.items() if verdict is not None}
    met = sum(verdict == "met" for verdict in barred.values())
    missed = [key for key, verdict in barred.items() if verdict == "MISSED"]
    unknown = [key for key, verdict in barred.items() if verdict not in ("met", "MISSED")]
    return report.counted(met, len(barred), missed, unknown)
