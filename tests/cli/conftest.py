"""The command line as a process, in a home of its own, against a real server."""

import os
import pty
import re
import select
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import Serve
from tools.content import Content, make_content
from tools.serving import Served

OURS = ("XDG_", "REFLOAT_", "REGISTRY_", "DOCKER_CONFIG", "NO_COLOR", "FORCE_COLOR")
DEADLINE = 120.0  # seconds; only a broken program needs them


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def change(self) -> str:
        """The id in its undo line."""
        match = re.search(r"^Undo:  refloat undo ([a-z]{10})", self.out, re.MULTILINE)
        assert match is not None, f"no undo line in:\n{self.out}\n{self.err}"
        return match[1]


class Shell:
    """A person's shell: a home, a state directory, a server in REFLOAT_HOST."""

    def __init__(self, home: Path, address: str) -> None:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
        self.home = home
        self.environment = {**kept, "HOME": str(home), "REFLOAT_HOST": address, "TERM": "xterm"}

    def __call__(self, *arguments: str, text: str = "") -> Done:
        """Run `refloat ARGUMENTS` with pipes for its streams."""
        done = subprocess.run(
            [sys.executable, "-m", "refloat", *arguments],
            env=self.environment, input=text, capture_output=True, text=True, timeout=DEADLINE, check=False,
        )
        assert "Traceback" not in done.stderr, done.stderr
        return Done(done.returncode, done.stdout, done.stderr)

    def on_terminal(self, *arguments: str, text: str = "") -> Done:
        """Run `refloat ARGUMENTS` on a terminal, `text` typed ahead; what it writes there, both streams, is `out`."""
        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            [sys.executable, "-m", "refloat", *arguments],
            env=self.environment, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
        )
        os.close(theirs)
        os.write(ours, text.encode())
        seen = b"".join(_everything(ours))
        os.close(ours)
        return Done(process.wait(DEADLINE), seen.decode().replace("\r\n", "\n"), "")


def _everything(terminal: int) -> Iterator[bytes]:
    while select.select([terminal], [], [], DEADLINE)[0]:
        try:
            piece = os.read(terminal, 65536)
        except OSError:  # Linux says EIO when the last process let go of it
            return
        if not piece:
            return
        yield piece


def known(text: str) -> str:
    """Replace what differs from run to run: ids, days, hours, ages."""
    text = re.sub(r"\b[0-9a-f]{64}\b", "HEX", text)
    text = re.sub(r"\b(?!0{12})[0-9a-f]{12}\b", "DIGEST", text)
    text = re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z", "INSTANT", text)
    text = re.sub(r"\d{4}-\d\d-\d\d", "DAY", text)
    text = re.sub(r"^  frees .*$", "  FORECAST", text, flags=re.MULTILINE)  # what else is stored decides it
    text = re.sub(r"just now|\d+ s ago", "AGO", text)
    return re.sub(r"(?<=undo )[a-z]{10}\b|(?<=back )[a-z]{10}\b(?=:)|\([a-z]{10}\)", "CHANGE", text)


@pytest.fixture
def shell(tmp_path: Path, registry: Served) -> Shell:
    """A shell of this test's own, at the server that tests share."""
    return Shell(tmp_path, registry.address)


@pytest.fixture
def own(tmp_path: Path, serve: Serve) -> tuple[Served, Shell]:
    """A server of this test's own, and a shell at it."""
    served = serve()
    return served, Shell(tmp_path, served.address)


@pytest.fixture(scope="session")
def contents() -> tuple[Content, Content]:
    """Two multi-platform images that share two layers, each with a signature."""
    return make_content("one"), make_content("two")
