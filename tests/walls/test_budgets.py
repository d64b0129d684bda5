"""What no linter sees: files stay short enough to be read at once, functions hold one idea, core does no I/O."""

import ast
from pathlib import Path

import pytest

from tools.provision import HOME

CODE = HOME / "src" / "refloat"
FILES = sorted(CODE.rglob("*.py"))
BUDGETS = {"core": 150, "usecases": 250}
"""Lines that are not blank, by room; 300 elsewhere."""

FUNCTION = 40
LONG_FUNCTIONS = 0.05
"""The share of functions that may be longer."""

VAGUE = {"utils", "util", "common", "helpers", "helper", "base", "misc"}


def name_of(path: Path) -> str:
    return str(path.relative_to(CODE))


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_file_can_be_read_at_once(path: Path) -> None:
    room = path.relative_to(CODE).parts[0]
    lines = [line for line in path.read_text().splitlines() if line.strip()]
    assert len(lines) <= BUDGETS.get(room, 300)
    assert path.stem not in VAGUE


def test_functions_hold_one_idea() -> None:
    lengths = {
        f"{name_of(path)} {node.name}": (node.end_lineno or node.lineno) - node.lineno + 1
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    long = {name: length for name, length in lengths.items() if length > FUNCTION}
    assert len(long) <= LONG_FUNCTIONS * len(lengths), long


@pytest.mark.parametrize("path", sorted((CODE / "core").glob("*.py")), ids=name_of)
def test_core_opens_and_prints_nothing(path: Path) -> None:
    called = {
        node.func.id
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    assert not called & {"open", "print", "input"}
