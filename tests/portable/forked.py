"""Commands that are killed: each a process of its own, forked from one that has imported everything already.

    python -m tests.portable.forked

Reads a JSON list of arguments a line, forks, and prints the id of the child; when it has ended, its exit code (-9 if it
was killed) and what it wrote. Starting Python hundreds of times would take minutes; the command is the same.
"""

import importlib
import json
import os
import pkgutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import IO, Self

import refloat.cli
import refloat.client
from tests.cli.conftest import Done


@dataclass
class Running:
    """A command that runs."""

    pid: int
    answers: IO[str]

    def ended(self) -> Done:
        """Wait for its end."""
        code, out, err = json.loads(self.answers.readline())
        assert "Traceback" not in err, err
        return Done(code, out, err)


class Commands:
    """Starts commands in an environment, one at a time."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.environment = environment

    def start(self, *arguments: str) -> Running:
        """Start `refloat ARGUMENTS`."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(arguments) + "\n")
        self._process.stdin.flush()
        return Running(int(self._process.stdout.readline()), self._process.stdout)

    def __call__(self, *arguments: str) -> Done:
        """Run `refloat ARGUMENTS` to its end."""
        return self.start(*arguments).ended()

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.portable.forked"],
            env=dict(self.environment), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(60)
        self._process.stdout.close()


def main() -> None:
    """Fork a command for every line."""
    for package in (refloat.cli, refloat.client, importlib.import_module("refloat.portable")):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)
    group = importlib.import_module("refloat.main.group").refloat
    for line in sys.stdin:
        with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
            pid = os.fork()
            if not pid:
                os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
                os.dup2(out.fileno(), 1)
                os.dup2(err.fileno(), 2)
                sys.argv = ["refloat", *json.loads(line)]
                group(prog_name="refloat")
            print(pid, flush=True)
            code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            said = [_all(stream) for stream in (out, err)]
            print(json.dumps([code, *said]), flush=True)


def _all(stream: IO[str]) -> str:
    stream.seek(0)
    return stream.read()


if __name__ == "__main__":
    main()
