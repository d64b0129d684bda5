"""How long a target takes for one input, in a process that nothing watches: atheris makes code several times slower.

    python -m tools.fuzz.timing TARGET --place DIR [--plant exception|loop] < INPUT

Prints the least seconds of processor time of three tries.
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


def seconds_of(arguments: Sequence[str], data: bytes) -> float:
    """Return the seconds of processor time that an input takes. Raises CalledProcessError."""
    command = [sys.executable, "-m", "tools.fuzz.timing", *arguments]
    done = subprocess.run(command, input=data, capture_output=True, check=True)
    return float(done.stdout.splitlines()[-1])


def main() -> None:
    """Try, print."""
    asked = parser("tools.fuzz.timing").parse_args()
    chosen = target(asked.target)
    attempt = chosen.open(asked.place)
    if asked.plant:
        plant(chosen.planted, asked.plant)
    data = sys.stdin.buffer.read()
    print(min(_taken(attempt, data) for _ in range(TRIES)))


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
