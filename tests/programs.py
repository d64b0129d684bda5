"""Where the programs are that the tests drive and the project did not write."""

import os
import subprocess
from pathlib import Path

import pytest

from tools.provision import find


def needed(program: str) -> Path:
    """Return where a program is. Without it the test is skipped, but with CI=true it fails."""
    found = find(program)
    if found is not None:
        return found
    missing = f"{program} is missing here; `make test` installs it where apt and the Go proxy can be reached"
    if os.environ.get("CI") == "true":
        pytest.fail(missing)
    pytest.skip(missing)


def needed_root() -> None:
    """Go on only as root: namespaces and a Docker engine take it."""
    if os.geteuid() != 0:
        if os.environ.get("CI") == "true":
            pytest.fail("needs root")
        pytest.skip("needs root")


class ProgramError(Exception):
    """A program ended with an error: its command line, exit code and what it said."""


def run(*command: str | Path, env: dict[str, str] | None = None, cwd: Path | None = None) -> str:
    """Run a program to its end and return what it printed. Raises ProgramError."""
    done = subprocess.run(
        [str(part) for part in command], env={**os.environ, **(env or {})}, cwd=cwd,
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=180, check=False,
    )
    if done.returncode:
        line = " ".join(str(part) for part in command)
        raise ProgramError(f"{line}\nended with {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
    return done.stdout
