"""What an attack on a server is: something that is tried many times, and what it did to others."""

from collections.abc import Callable
from dataclasses import dataclass

from tools.proof.part import Effort, Outcome


@dataclass(frozen=True, slots=True)
class Attack:
    """One way to make a server useless to others.

    `run` tries it and counts what others lost: an acknowledged image, an answer, more than their patience.
    `planted` says which defence `run_planted` takes away before it tries the same, shortly: it has to be noticed.
    """

    name: str
    run: Callable[[Effort], Outcome]
    planted: str
    run_planted: Callable[[Effort], Outcome]
