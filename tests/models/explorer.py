"""Every state a small world can get into, breadth first, so that the first trace to a finding is a shortest one."""

from collections import deque
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from typing import TypeVar

S = TypeVar("S", bound=Hashable)
Trace = tuple[str, ...]
Finding = str
LOSS = "loss"  # an acknowledged image is gone
LEAK = "leak"  # at rest, bytes or rows stay that nobody will ever remove
REFUSED = "refused"  # somebody was told that a blob is there, and is refused while that promise holds
REVIVED = "revived"  # something is there, or can be there, that a purge has ended
LIMIT = 3_000_000  # states of one world


@dataclass
class Explored:
    """What an exploration saw: how much, and for each kind of finding a shortest way to it."""

    states: int = 0
    transitions: int = 0
    traces: dict[Finding, Trace] = field(default_factory=dict)

    def __str__(self) -> str:
        found = "; ".join(f"{kind}: {' > '.join(trace)}" for kind, trace in self.traces.items())
        return f"{self.states:,} states, {self.transitions:,} transitions, {found or 'nothing found'}"


class TooManyStatesError(Exception):
    """The world is larger than it was meant to be."""


def explore(
    start: S,
    steps: Callable[[S], Iterable[tuple[str, S]]],
    judge: Callable[[S], Iterable[Finding]],
    judge_rest: Callable[[S], Iterable[Finding]] = lambda state: (),
    *,
    until: Finding | None = None,
    distinct: set[int] | None = None,
) -> Explored:
    """Try every step from every state.

    `judge` looks at each state, `judge_rest` at those without a next step. A world does not go on from
    a loss. With `until`, the exploration ends at the first finding of that kind. `distinct` gets the hash of
    each state, so that what several worlds have in common can be counted once.
    """
    seen, came_from = Explored(), dict[S, tuple[S, str] | None]({start: None})
    queue = deque([start])
    while queue and until not in seen.traces and len(came_from) <= LIMIT:
        state, before = queue.popleft(), seen.transitions
        for label, after in steps(state):
            seen.transitions += 1
            if after in came_from:
                continue
            came_from[after] = (state, label)
            if LOSS not in _note(seen, came_from, judge(after), after):
                queue.append(after)
        if seen.transitions == before:
            _note(seen, came_from, judge_rest(state), state)
    seen.states = len(came_from)
    if distinct is not None:
        distinct.update(map(hash, came_from))
    if seen.states > LIMIT:
        raise TooManyStatesError(f"more than {LIMIT:,} states")
    return seen


def _note(
    seen: Explored, came_from: dict[S, tuple[S, str] | None], kinds: Iterable[Finding], state: S
) -> tuple[Finding, ...]:
    found = tuple(kinds)
    for kind in found:
        if kind not in seen.traces:
            seen.traces[kind] = _trace(came_from, state)
    return found


def _trace(came_from: dict[S, tuple[S, str] | None], state: S) -> Trace:
    labels: list[str] = []
    while (step := came_from[state]) is not None:
        state, label = step
        labels.append(label)
    return tuple(reversed(labels))
