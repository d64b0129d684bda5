"""Every sentence of the command line goes through one door, `refloat.language`."""

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from refloat import language
from tools.provision import HOME

SOURCES = sorted(
    [
        *(HOME / "src/refloat/cli").glob("*.py"),
        *(HOME / "src/refloat/client").glob("*.py"),
        *(HOME / f"src/refloat/main/{name}.py" for name in ("verify", "clock", "compact")),
    ]
)
PROSE = re.compile(r"[A-Za-z]{2,}[^A-Za-z]* |  ?[A-Za-z]{2,}")
THROUGH = {"say", "say_counted", "counted", "Column"}
"""What takes English and hands it to the door."""
NO_SENTENCES = {"commands.py", "shells.py"}
"""`page` hands those of the one to the door, the other has scripts."""
NO_PROSE = {"cast", "compile", "Literal"}
LATER = {"help", "short_help", "metavar"}
"""Keywords that `Verb` hands to the door when it is made."""
KNOWN = (
    "Basic ",  # RFC 7617
    "Bearer ",  # RFC 6750
    "--host {}",
    "not found",  # what credential helpers answer
    "refloat clock accept --root {}",
    "refloat verify {}--repair",
    "--deep ",
    "printf %s PASSWORD | refloat … --password-stdin",
    "2h, 3d, yesterday, 2026-11-20, 2026-11-20T14:00Z",
)
MARKED = """
from refloat import language

class Marked:
    def gettext(self, message): return f"<{message}>"
    def ngettext(self, one, many, n): return f"<{one if n == 1 else many}>"

language.catalog = Marked
from refloat.__main__ import run
run()
"""


def _text(node: ast.AST) -> str | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
    return None


def _inside(node: ast.AST) -> list[ast.AST]:
    """Return what of a node may hold sentences that nothing hands to the door."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
        name = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
        return [*([] if name in NO_PROSE | THROUGH else node.args), *node.keywords]
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return []  # a docstring; a verb's own is handed to the door by `Verb`
    if isinstance(node, ast.keyword) and node.arg in LATER:
        return []
    if isinstance(node, ast.JoinedStr):
        return [part.value for part in node.values if isinstance(part, ast.FormattedValue)]
    return list(ast.iter_child_nodes(node))


def _around(tree: ast.Module) -> Iterator[str]:
    """Return every sentence that does not pass the door."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        text = _text(node)
        if text is not None and PROSE.search(text) and text not in KNOWN:
            yield repr(text)
        waiting.extend(_inside(node))


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_every_sentence_goes_through_the_door(path: Path) -> None:
    if path.name not in NO_SENTENCES:
        assert list(_around(ast.parse(path.read_text()))) == []


def test_the_reader_of_sources_sees_one_that_goes_around() -> None:
    assert list(_around(ast.parse('print(f"{name} does not exist")')))
    assert list(_around(ast.parse('Problem("no such image", exit)')))
    assert not list(_around(ast.parse('print(say("{name} does not exist", name=name))')))


def test_what_is_said_is_filled_in_and_counted() -> None:
    assert language.say("{name} does not exist", name="app:1") == "app:1 does not exist"
    assert language.say("left as it is: {}") == "left as it is: {}"
    assert [language.say_counted("{count} tag", "{count} tags", count) for count in (1, 2)] == ["1 tag", "2 tags"]


@pytest.mark.parametrize(
    ("words", "translated"),
    [
        (["--help"], "<List what can be brought back.>"),
        (["rm", "--help"], "<Move images to the trash."),
        (["rm", "--help"], "<Take the tag alone;"),
        (["rm", "app:1", "app:2@{1}"], "<error:> <app:2@{1} is in the past;"),
        (["ls", "--host", "http://127.0.0.1:1"], "<nothing listens at 127.0.0.1:1>"),
    ],
)
def test_a_catalog_reaches_what_is_said(words: list[str], translated: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", MARKED, *words], capture_output=True, text=True, env=dict(os.environ), check=False
    )
    assert translated in " ".join((done.stdout + done.stderr).split())
