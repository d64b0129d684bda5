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
    limit: int = 3_000_000,
) -> Explored:
    """Try every step from every state.

    `judge` looks at each state, `judge_rest` at those without a next step. A world does not go on from
    a loss. With `until`, the exploration ends at the first finding of that kind.
    """
    seen, came_from = Explored(), dict[S, tuple[S, str] | None]({start: None})
    queue = deque([start])
    while queue and until not in seen.traces and len(came_from) <= limit:
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
    if seen.states > limit:
        raise TooManyStatesError(f"more than {limit:,} states")
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
