"""Two PATCHes of one upload at once: who may write, and to what does a running hash belong?

P1 sends the byte `x` at offset 0, P2 a stale `y` for the same place; then P1's client sends PUT with the
digest of `x`.
"""

from collections.abc import Iterator
from typing import Literal, NamedTuple

from tests.models.explorer import LOSS, Explored, Finding, explore

Answer = Literal["append, compare, cut", "lock the file"]
NOBODY, FIRST, SECOND = 0, 1, 2


class State(NamedTuple):
    file: str = ""
    size: int = 0  # as the session's row has it
    version: int = 0
    first: str = "start"
    second: str = "start"
    seen: tuple[int, int] = (0, 0)  # the version each of them read
    hashed: str = ""  # what the first worker's running hash has seen
    lock: int = NOBODY
    acknowledged: bool = False


class Appending:
    """The two, with or without a lock that each has from its first byte to its answer."""

    def __init__(self, answer: Answer) -> None:
        self.locking = answer == "lock the file"

    def free(self, s: State) -> bool:
        return not self.locking or s.lock == NOBODY

    def held(self, who: int) -> int:
        return who if self.locking else NOBODY

    def first(self, s: State) -> Iterator[tuple[str, State]]:
        if s.first == "start" and self.free(s) and s.size == 0:
            yield "P1: the offset fits", s._replace(first="write", seen=(s.version, s.seen[1]), lock=self.held(FIRST))
        elif s.first == "write":
            yield "P1: append x", s._replace(file="x", hashed="x", first="record")
        elif s.first == "record":
            yield record(s, "P1", s.seen[0])
        elif s.first == "put" and self.free(s):
            matches = (s.file if self.locking else s.hashed) == "x" and s.size == 1
            yield f"PUT: digest matches={matches}", s._replace(first="end", acknowledged=matches)

    def second(self, s: State) -> Iterator[tuple[str, State]]:
        if s.second == "start" and self.free(s) and not s.acknowledged:
            fits = s._replace(second="write", seen=(s.seen[0], s.version), lock=self.held(SECOND))
            yield ("P2: 416", s._replace(second="end")) if s.size else ("P2: the offset fits", fits)
        elif s.second == "write":
            yield "P2: append y", s._replace(file="y", second="record")
        elif s.second == "record":
            yield record(s, "P2", s.seen[1])

    def steps(self, s: State) -> Iterator[tuple[str, State]]:
        yield from self.first(s)
        yield from self.second(s)

    def judge(self, s: State) -> Iterator[Finding]:
        if s.acknowledged and s.file != "x":
            yield LOSS


def record(s: State, who: str, seen: int) -> tuple[str, State]:
    """Compare the version and set it; who comes too late drops what lies beyond the recorded size."""
    if seen != s.version:
        done = s._replace(file=s.file[: s.size], lock=NOBODY)
        label = "too late, cut, 416"
    else:
        done = s._replace(size=1, version=s.version + 1, lock=NOBODY)
        label = "recorded, 202"
    if who == "P2":
        return f"P2: {label}", done._replace(second="end")
    return f"P1: {label}", done._replace(first="put" if seen == s.version else "end")


def explore_appends(answer: Answer) -> Explored:
    """Try every order of the steps of both."""
    world = Appending(answer)
    return explore(State(), world.steps, world.judge)
