"""PATCHes of one upload at once: who may write, and to what does a running hash belong?

P1 sends the byte `x` at offset 0, a proxy may send that once more, and P2 sends a stale `y` for the same place;
then P1's client sends PUT with the digest of `x`. The server may die at any moment; P1's client begins again.
"""

from collections.abc import Iterator
from typing import Literal, NamedTuple

from tests.models.explorer import LOSS, Explored, Finding, explore

Answer = Literal["append, compare, cut", "lock the file"]
FIRST, STALE, REPEATED, NOBODY = 0, 1, 2, 3
NAMES = ("P1", "P2", "P1 repeated")
SENT = ("x", "y", "x")
Three = tuple[str, str, str]


class State(NamedTuple):
    file: str = ""
    size: int = 0  # as the session's row has it
    version: int = 0
    at: Three = ("start", "start", "start")
    seen: tuple[int, int, int] = (0, 0, 0)  # the version each of them read
    hashed: str = ""  # what the first worker's running hash has seen
    lock: int = NOBODY
    acknowledged: bool = False
    crashes: int = 2

    def to(self, who: int, at: str) -> "State":
        first, stale, repeated = (at if number == who else before for number, before in enumerate(self.at))
        return self._replace(at=(first, stale, repeated))

    def having_seen(self, who: int) -> "State":
        first, stale, repeated = (self.version if number == who else seen for number, seen in enumerate(self.seen))
        return self._replace(seen=(first, stale, repeated))


Steps = Iterator[tuple[str, State]]


class Appending:
    """The three, with or without a lock that each has from its first byte to its answer."""

    def __init__(self, answer: Answer) -> None:
        self.locking = answer == "lock the file"

    def free(self, s: State) -> bool:
        return not self.locking or s.lock == NOBODY

    def held(self, who: int) -> int:
        return who if self.locking else NOBODY

    def patch(self, s: State, who: int) -> Steps:
        if s.at[who] == "start" and self.free(s) and not s.acknowledged:
            if s.size == 0:
                fits = s.having_seen(who).to(who, "write")._replace(lock=self.held(who))
                yield f"{NAMES[who]}: the offset fits", fits
            elif who != FIRST:
                yield f"{NAMES[who]}: 416", s.to(who, "end")
        elif s.at[who] == "write":
            hashed = "x" if who == FIRST else s.hashed
            written = s._replace(file=SENT[who], hashed=hashed)
            yield f"{NAMES[who]}: append {SENT[who]}", written.to(who, "record")
        elif s.at[who] == "record":
            yield record(s, who)

    def put(self, s: State) -> Steps:
        if s.at[FIRST] == "put" and self.free(s):
            matches = (s.file if self.locking else s.hashed) == "x" and s.size == 1
            yield f"PUT: digest matches={matches}", s.to(FIRST, "end")._replace(acknowledged=matches)

    def die(self, s: State) -> Steps:
        """Locks go with the process, and what a hash has seen; what was written but not recorded lies about."""
        if s.crashes and any(at in ("write", "record") for at in s.at):
            first, *others = s.at
            stale, repeated = ("end" if at in ("write", "record") else at for at in others)
            begun = "start" if first in ("write", "record") else first
            dead = s._replace(at=(begun, stale, repeated), hashed="", lock=NOBODY, crashes=s.crashes - 1)
            yield "THE SERVER DIES", dead

    def steps(self, s: State) -> Steps:
        for who in (FIRST, STALE, REPEATED):
            yield from self.patch(s, who)
        yield from self.put(s)
        yield from self.die(s)

    def judge(self, s: State) -> Iterator[Finding]:
        if s.acknowledged and s.file != "x":
            yield LOSS


def record(s: State, who: int) -> tuple[str, State]:
    """Compare the version and set it; who comes too late drops what lies beyond the recorded size."""
    if s.seen[who] != s.version:
        late = s._replace(file=s.file[: s.size], lock=NOBODY)
        return f"{NAMES[who]}: too late, cut, 416", late.to(who, "end")
    done = s._replace(size=1, version=s.version + 1, lock=NOBODY)
    return f"{NAMES[who]}: recorded, 202", done.to(who, "put" if who == FIRST else "end")


def explore_appends(answer: Answer, distinct: set[int] | None = None) -> Explored:
    """Try every order of the steps of all."""
    world = Appending(answer)
    return explore(State(), world.steps, world.judge, distinct=distinct)
