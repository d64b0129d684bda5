"""One target under atheris, in a process of its own, until enough inputs passed its outer syntax.

    python -m tools.fuzz.running TARGET --goal N --seed N --place DIR [--plant exception|loop]

Writes DIR/report.json, and what atheris kept to DIR/corpus.
"""

import argparse
import os
import sys
from collections.abc import Callable
from random import Random
from typing import NoReturn

import atheris  # type: ignore[import-untyped]

from tools.fuzz.counting import Counting
from tools.fuzz.planting import plant
from tools.fuzz.target import LARGEST, Target, target
from tools.fuzz.timing import Unwatched, parser

PATIENCE = 40  # times the goal: so many inputs in all are tried at most
FRESH, RAW = 0.4, 0.1  # shares of inputs that are new, and that atheris changes without knowing the grammar


def main() -> NoReturn:
    """Fuzz, write the report, end."""
    asked = _arguments()
    with atheris.instrument_imports(include=["refloat"]):
        chosen = target(asked.target)
        attempt = chosen.open(asked.place)
    if asked.plant:
        plant(chosen.planted, asked.plant)
    counting, tries = Counting(chosen, attempt, Unwatched(_same(asked)).seconds_of), 0

    def one(data: bytes) -> None:
        nonlocal tries
        tries += 1
        counting.count(data)
        if counting.report.passed >= asked.goal or tries >= PATIENCE * asked.goal or (asked.plant and _is_found()):
            counting.report.write(asked.place / "report.json")
            os._exit(0)  # atheris ends its process itself, and says nothing on the way

    def _is_found() -> bool:
        return bool(counting.report.found)

    corpus = asked.place / "corpus"
    corpus.mkdir(exist_ok=True)
    options = [sys.argv[0], str(corpus), f"-max_len={LARGEST}", f"-seed={asked.seed}", "-verbosity=0", "-timeout=600"]
    atheris.Setup(options, one, custom_mutator=_mutator(chosen))
    atheris.Fuzz()
    raise AssertionError("atheris does not come back")


def _mutator(chosen: Target) -> Callable[[bytes, int, int], bytes]:
    def altered(data: bytes, max_size: int, seed: int) -> bytes:
        dice = Random(seed)
        chance = dice.random()
        if chance < FRESH or not data:
            made = chosen.grow(dice)
        elif chance < FRESH + RAW:
            made = bytes(atheris.Mutate(data, len(data)))
        else:
            made = chosen.alter(dice, data)
        return made[:max_size]

    return altered


def _same(asked: argparse.Namespace) -> list[str]:
    return [asked.target, "--place", str(asked.place), *(("--plant", asked.plant) if asked.plant else ())]


def _arguments() -> argparse.Namespace:
    made = parser("tools.fuzz.running")
    made.add_argument("--goal", type=int, required=True)
    made.add_argument("--seed", type=int, required=True)
    return made.parse_args()


if __name__ == "__main__":
    main()
