"""References moved one by one, as asked and no further: what most registries' rules come to, with an undo added.

Manifests are `A`, `B` and the index `I` of `A`; tags are `t` and `u`.
"""

from collections.abc import Iterator
from typing import NamedTuple

from tests.models.explorer import Finding

CHILDREN = {"A": (), "B": (), "I": ("A",)}
TAGS = ("t", "u")
LIVE_CHILD_GONE = "a live index has a child that answers 404"
TAG_TO_NOTHING = "a tag points to a digest that answers 404"

Move = tuple[str, str | None, str | None]  # reference, old, new


class State(NamedTuple):
    tips: frozenset[tuple[str, str]] = frozenset()
    log: tuple[tuple[Move, ...], ...] = ()


def steps(s: State) -> Iterator[tuple[str, State]]:
    """Every request, until a history has four changes."""
    if len(s.log) == 4:
        return
    tips = dict(s.tips)
    for tag in TAGS:
        for digest in CHILDREN:
            yield f"push {tag} {digest}", moved(s, {digest: digest, tag: digest})
        if tag in tips:
            yield f"delete {tag}", moved(s, {tag: None})
    for digest in CHILDREN:
        if digest in tips:
            on_it = [tag for tag in TAGS if tips.get(tag) == digest]
            yield f"delete {digest}", moved(s, {digest: None, **dict.fromkeys(on_it)})
    yield from undos(s)


def undos(s: State) -> Iterator[tuple[str, State]]:
    tips = dict(s.tips)
    for number, change in enumerate(s.log):
        if all(tips.get(reference) == new for reference, _, new in change):
            yield f"undo {number}", moved(s, {reference: old for reference, old, _ in change})


def moved(s: State, wish: dict[str, str | None]) -> State:
    tips = dict(s.tips)
    change = tuple((reference, tips.get(reference), value) for reference, value in wish.items())
    change = tuple(move for move in change if move[1] != move[2])
    for reference, _, value in change:
        tips.pop(reference, None)
        if value is not None:
            tips[reference] = value
    return State(frozenset(tips.items()), (*s.log, change)) if change else s


def judge(s: State) -> Iterator[Finding]:
    tips = dict(s.tips)
    if any(tag in tips and tips[tag] not in tips for tag in TAGS):
        yield TAG_TO_NOTHING
    if any(child not in tips and was_there(s, child) for digest in tips for child in CHILDREN.get(digest, ())):
        yield LIVE_CHILD_GONE


def was_there(s: State, digest: str) -> bool:
    """Did the repository ever have a manifest? A sparse index may name one it never had."""
    return any(move == (digest, None, digest) for change in s.log for move in change)
