"""docs/portable-trash.md names a test for every trap, or why there is none; the tests it names are there."""

import ast
import re
from pathlib import Path

import pytest

from tools.provision import HOME

TRAPS = 19
ROWS = re.findall(r"^\| (\d+) \|(.*)\|$", (HOME / "docs" / "portable-trash.md").read_text(), re.MULTILINE)
SHOWN = {int(number): row.rpartition("|")[2] for number, row in ROWS}


def names_in(path: Path) -> set[str]:
    return {node.name for node in ast.parse(path.read_text()).body if isinstance(node, ast.FunctionDef)}


def test_every_trap_has_its_row() -> None:
    assert [int(number) for number, _ in ROWS] == list(range(1, TRAPS + 1))


@pytest.mark.parametrize("number", SHOWN)
def test_what_a_row_names_is_there(number: int) -> None:
    named = re.findall(r"`(test_\w+\.py)::(test_\w+)`", SHOWN[number])
    assert named or "none can be had: " in SHOWN[number]
    assert [name for file, name in named if name not in names_in(Path(__file__).parent / file)] == []
