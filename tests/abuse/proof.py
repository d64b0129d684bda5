"""Attacks on a real server, each beside somebody who only wants to push."""

from collections.abc import Iterator
from dataclasses import replace
from importlib import import_module

from tests.abuse.attack import Attack
from tools.proof.part import Effort, Outcome, Part

NAMES: tuple[str, ...] = ("chains", "patterns", "floods", "full_disks", "connections", "workers")
"""The modules beside this one that hold an `ATTACK`."""


def attacks() -> Iterator[Attack]:
    """Yield every attack."""
    for name in NAMES:
        attack: object = import_module(f"tests.abuse.{name}").ATTACK
        assert isinstance(attack, Attack), name
        yield attack


def run(effort: Effort) -> Outcome:
    """Try each attack, in a directory of its own."""
    whole = Outcome()
    for attack in attacks():
        found = attack.run(_placed(effort, attack))
        whole.tried += found.tried
        whole.lost += found.lost
        whole.leaked += found.leaked
        whole.notes += [f"{attack.name}: {note}" for note in found.notes]
    return whole


def run_planted(effort: Effort) -> Outcome:
    """Try each attack with its defence away; each that is not noticed makes this blind."""
    whole = Outcome()
    for attack in attacks():
        found = attack.run_planted(_placed(effort, attack))
        whole.tried += found.tried
        if not found.is_red:
            return Outcome(tried=whole.tried, notes=[f"{attack.name}: not noticed: {attack.planted}"])
        whole.lose(f"{attack.name}: {attack.planted}")
    return whole


def _placed(effort: Effort, attack: Attack) -> Effort:
    directory = effort.directory / attack.name
    directory.mkdir()
    return replace(effort, directory=directory)


PART = Part(
    name="abuse",
    counts="hostile requests",
    run=run,
    planted="each attack's defence taken away in turn",
    run_planted=run_planted,
)
