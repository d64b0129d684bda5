"""How long a target takes for one input, in a process that nothing watches: atheris makes code several times slower.

    python -m tools.fuzz.timing TARGET --place DIR [--plant exception|loop]

Reads inputs, each after four bytes that say its length, and prints for each the least seconds of processor time of
three tries.
"""

import argparse
import contextlib
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from time import process_time

from tools.fuzz.planting import plant
from tools.fuzz.target import NAMES, Try, target

TRIES = 3  # a machine that does something else is no fault


class Unwatched:
    """A process that times inputs of one target; it is started with the first. `arguments` are those of this module."""

    def __init__(self, arguments: Sequence[str]) -> None:
        self._command = [sys.executable, "-m", "tools.fuzz.timing", *arguments]
        self._process: subprocess.Popen[bytes] | None = None

    def seconds_of(self, data: bytes) -> float:
        """Return the seconds of processor time that an input takes."""
        if self._process is None:
            self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(len(data).to_bytes(4, "big") + data)
        self._process.stdin.flush()
        return float(self._process.stdout.readline())


def main() -> None:
    """Time inputs until there are no more."""
    asked = parser("tools.fuzz.timing").parse_args()
    chosen = target(asked.target)
    attempt = chosen.open(asked.place)
    if asked.plant:
        plant(chosen.planted, asked.plant)
    while length := sys.stdin.buffer.read(4):
        data = sys.stdin.buffer.read(int.from_bytes(length, "big"))
        print(min(_taken(attempt, data) for _ in range(TRIES)), flush=True)


def parser(name: str) -> argparse.ArgumentParser:
    """Return what reads which target is meant, where it may write, and what is planted in it."""
    made = argparse.ArgumentParser(prog=name, description="Run one target.")
    made.add_argument("target", choices=NAMES)
    made.add_argument("--place", type=Path, required=True)
    made.add_argument("--plant", choices=("exception", "loop"))
    return made


def _taken(attempt: Try, data: bytes) -> float:
    begun = process_time()
    with contextlib.suppress(Exception):  # it is the time that is asked for
        attempt(data)
    return process_time() - begun


if __name__ == "__main__":
    main()
