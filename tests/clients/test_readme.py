"""The README is typed line by line, and what it shows is what is printed."""

import os
import shlex
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cli.conftest import Shell
from tests.clients.drivers import saved_image
from tests.clients.engine import Engine
from tests.clients.readme import Reader, steps
from tests.conftest import Serve
from tests.programs import needed, run
from tools.content import Content, make_content
from tools.serving import Served

SHOWN = "127.0.0.1:5000"
BEFORE = ("make setup", ".venv/bin/refloat serve")
"""What the fixture has done already."""


@dataclass
class Desk:
    """Where a person types: a Docker engine that has the image to push, a registry, a shell."""

    served: Served
    engine: Engine
    shell: Shell
    place: Path

    def docker(self, arguments: str) -> str:
        """Run docker and return what it printed on both streams; failing is no failure of the test."""
        command = ["docker", "--host", self.engine.host, "--config", str(self.place), *shlex.split(arguments)]
        done = subprocess.run(
            command, env={**os.environ}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, timeout=120, check=False,
        )  # fmt: skip
        return done.stdout

    def push(self, content: Content) -> None:
        """Push an image as team/app:v1 with docker, and forget it here."""
        self.load(content)
        self.docker(f"push --quiet {self.image}")
        self.docker(f"rmi --force {self.image}")

    def load(self, content: Content) -> None:
        """Have an image here."""
        archive = saved_image(self.place / "saved.tar", content, 0, self.image)
        self.docker(f"load --quiet --input {archive}")

    @property
    def image(self) -> str:
        return f"{self.served.address}/team/app:v1"

    def read(self, section: str, number: int, reader: Reader) -> None:
        """Type what a block says and compare what is printed with what it shows."""
        for step in steps(section)[number]:
            if step.command.startswith(BEFORE):
                continue
            program, _, arguments = reader.typed(step).replace(SHOWN, self.served.address).partition(" ")
            if program.endswith("refloat"):
                reader.assert_printed(step, self.shell.on_terminal(*shlex.split(arguments)).out)
            else:
                assert program == "docker", step.command
                reader.assert_among(step, self.docker(arguments))


@pytest.fixture
def desk(serve: Serve, engine: Engine, tmp_path: Path) -> Iterator[Desk]:
    """A desk of this test's own, its shell without colours."""
    served = serve()
    shell = Shell(tmp_path, served.address)
    shell.environment["NO_COLOR"] = "1"
    desk = Desk(served, engine, shell, tmp_path)
    yield desk
    desk.docker(f"rmi --force {desk.image}")


def test_sixty_seconds(desk: Desk) -> None:
    desk.load(make_content("sixty seconds"))
    desk.read("Sixty seconds", 0, Reader())


def test_i_deleted_the_wrong_image(desk: Desk) -> None:
    title, reader = "I deleted the wrong image", Reader()
    desk.push(make_content("the wrong image"))
    run(needed("skopeo"), "delete", "--tls-verify=false", f"docker://{desk.image}")
    desk.read(title, 0, reader)
    desk.push(make_content("pushed over"))
    desk.read(title, 1, reader)
