"""Faults put into a target on purpose: a fuzzer that does not find them finds nothing."""

import zlib
from collections.abc import Callable
from importlib import import_module
from typing import Any

RARE = 1009  # one input in so many meets the planted exception
SLOW = 100  # steps of the planted loop: length squared divided by this


class PlantedError(Exception):
    """What a planted fault raises."""


def plant(place: tuple[str, str], fault: str) -> None:
    """Put an `exception` or a quadratic `loop` around an attribute of a module."""
    module, _, path = place[0], "", place[1]
    owner: Any = import_module(module)
    *way, name = path.split(".")
    for step in way:
        owner = getattr(owner, step)
    honest = getattr(owner, name)
    planted = {"exception": _raising, "loop": _looping}[fault](honest)
    setattr(owner, name, staticmethod(planted) if isinstance(owner, type) else planted)


def _raising(honest: Callable[..., Any]) -> Callable[..., Any]:
    def planted(*given: Any, **named: Any) -> Any:
        answer = honest(*given, **named)
        if zlib.crc32(repr(given[0]).encode("utf-8", "backslashreplace")) % RARE == 0:
            raise PlantedError("planted")
        return answer

    return planted


def _looping(honest: Callable[..., Any]) -> Callable[..., Any]:
    def planted(*given: Any, **named: Any) -> Any:
        for _ in range(len(given[0]) ** 2 // SLOW):
            pass
        return honest(*given, **named)

    return planted
