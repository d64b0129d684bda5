"""What a command imports is what a person waits for: none of the server's parts, and for a page of help nothing."""

import subprocess
import sys

import pytest

from tests.cli.conftest import DEADLINE, Shell
from tools.content import Content
from tools.serving import Served

SERVER = {"alembic", "asyncio", "granian", "msgspec", "sqlite3", "starlette", "uvloop", "yaml"}
ROOMS = {f"refloat.{room}" for room in ("web", "usecases", "metadata", "blobs", "stock", "settings", "core.records")}
HEAVY = {*SERVER, *ROOMS, "httpx2", "rich", "stamina", "urllib.request"}
OF_A_VERB = {"click", "http.client", "json", "refloat.cli.session", "refloat.client"}
LOOK = """
import atexit, sys
heavy = set({heavy!r})
atexit.register(lambda: print(*sorted(heavy & set(sys.modules)), file=sys.stderr, end=";"))
from refloat.__main__ import run
run()
"""


def imported(shell: Shell, heavy: set[str], *arguments: str) -> str:
    """Run the command line and return what of `heavy` it had imported at its end."""
    done = subprocess.run(
        [sys.executable, "-c", LOOK.format(heavy=sorted(heavy)), *arguments],
        env=shell.environment, capture_output=True, text=True, timeout=DEADLINE, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stderr.splitlines()[-1].removesuffix(";")


@pytest.mark.parametrize("argument", ["--help", "-h", "--version"])
def test_what_needs_no_verb_imports_nothing(argument: str, shell: Shell) -> None:
    assert imported(shell, HEAVY | OF_A_VERB, argument) == ""


def test_the_check_sees_what_a_verb_imports(shell: Shell) -> None:
    assert imported(shell, HEAVY | OF_A_VERB, "ls").split() == sorted(OF_A_VERB)


@pytest.mark.parametrize(
    "words",
    [
        "ls", "ls R", "show R:v1", "history R:v1", "log", "du", "rm -n R:v1", "trash", "restore -n R:v1@{0}", "gc -n",
        "ls --help",
    ],
)
def test_a_verb_imports_none_of_the_servers_parts(
    words: str, shell: Shell, registry: Served, contents: tuple[Content, Content]
) -> None:
    repository = f"imports/{words.split()[0]}"
    registry.wire.push(repository, "v1", contents[0])
    assert imported(shell, HEAVY, *words.replace("R", repository).split()) == ""
