"""Rows that are measured again, without the others, and the page they go into."""

from pathlib import Path

from tools.bench import report
from tools.bench.plan import OURS, Plan, Results
from tools.bench.refresh import refresh
from tools.bench.rows import ROWS
from tools.bench.servers import Kind

HELP = next(row for row in ROWS if row.key == "help")
VERSION = next(row for row in ROWS if row.key == "version")
LAST = ROWS[-1]


def page(place: Path, numbers: dict[str, float], *only: str) -> tuple[Path, Plan, Results]:
    """Return a page, how much was measured, and numbers by row."""
    plan = Plan(place, (Kind(OURS, Path("/bin/true"), tree=False),), frozenset(only), 1, 1.0, 1)
    results = Results(say=lambda _: None)
    for row in ROWS:
        if row.key in numbers:
            results.add(row, OURS, numbers[row.key])
    return place / "benchmarks.md", plan, results


def test_only_what_was_measured_again_changes(tmp_path: Path) -> None:
    path, plan, results = page(tmp_path, {"help": 30, "version": 20})
    report.write(path, plan, results)
    before = path.read_text().splitlines()
    refresh(*page(tmp_path, {"help": 400}, "help"))
    after = path.read_text().splitlines()
    changed = [line for line in after if line not in before]
    assert changed[0].startswith("Measured on ")
    assert "bars met; missed: help; not measured: " in changed[0]
    assert changed[1] == f"| {HELP.title} | <= 100 ms | 400 ms | - | - | - | MISSED |"
    assert changed[2].startswith("- of help: measured on ")
    assert changed[3:] == ["| help | refloat | ms | 400 |"]
    assert f"| {VERSION.title} | <= 100 ms | 20.0 ms | - | - | - | met |" in after


def test_a_row_that_was_not_there_goes_behind_those_before_it(tmp_path: Path) -> None:
    path, plan, results = page(tmp_path, {"help": 30, "version": 20})
    report.write(path, plan, results)
    refresh(*page(tmp_path, {LAST.key: 0}, LAST.key))
    lines = path.read_text().splitlines()
    place = next(number for number, line in enumerate(lines) if line.startswith(f"| {VERSION.title} |"))
    assert lines[place + 1].startswith(f"| {LAST.title} |")
    assert lines[-1] == f"| {LAST.key} | refloat | {LAST.unit} | 0 |"
    again = path.read_text()
    refresh(*page(tmp_path, {LAST.key: 0}, LAST.key))
    assert path.read_text() == again
