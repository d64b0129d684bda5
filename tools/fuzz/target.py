"""What a target of the fuzzer is: something that reads text from outside, and how such text is made."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from random import Random
from typing import Literal

Verdict = Literal["accepted", "refused", "syntax"]
"""`refused`: by a condition with a name, though the outer syntax is right; `syntax`: the outer syntax is not right."""
Try = Callable[[bytes], Verdict]

NAMES = (
    "manifest", "media_type", "digest", "reference", "pattern", "range", "content_range", "link", "query", "body",
    "config",
)  # fmt: skip
LARGEST = 64 * 1024  # bytes of an input
QUICK = 0.050  # seconds of processor time an input of that size may take


@dataclass(frozen=True, slots=True)
class Target:
    """One reader of text from outside.

    `open` imports the reader and returns what tries one input; it raises whatever the reader should have handled.
    `modules` are those whose branches the inputs have to reach, `planted` is where a fault is put in for the
    fuzzer to find: a module and an attribute of it, called with the text that is read.
    """

    name: str
    modules: Sequence[str]
    grow: Callable[[Random], bytes]
    alter: Callable[[Random, bytes], bytes]
    open: Callable[[Path], Try]
    planted: tuple[str, str]
    slowest: float = QUICK


class UntrueError(Exception):
    """Something that has to hold of every answer does not."""


def must(holds: object, otherwise: object) -> None:
    """Raise UntrueError where something does not hold."""
    if not holds:
        raise UntrueError(str(otherwise))


def target(name: str) -> Target:
    """Return a target by its name."""
    found: object = import_module(f"tools.fuzz.targets.{name}").TARGET
    assert isinstance(found, Target), name
    return found
