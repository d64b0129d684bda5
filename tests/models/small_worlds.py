"""Three questions small enough to answer on a page, each with the tempting answer and ours."""

from collections.abc import Iterator
from typing import Literal, NamedTuple

from tests.models.explorer import LOSS, Explored, Finding, explore

Adoption = Literal["same path", "same path, inode checked", "key of its own"]
Rescue = Literal["same key", "fresh key"]
SecondPut = Literal["doom the key", "write nothing"]


class Adopted(NamedTuple):
    """A registry:2's blob file that was taken over, while that registry is still started now and then."""

    path: str = "ours"  # who wrote what lies at the old path: ours, theirs, nobody
    ours: str = "live"  # live, doomed, gone
    used: bool = True
    stock: str = "idle"
    reaper: str = "idle"


class Adopting:
    """What happens when the reaper removes a taken-over blob, and the old registry pushes to the same tree?"""

    def __init__(self, answer: Adoption) -> None:
        self.answer = answer

    def steps(self, s: Adopted) -> Iterator[tuple[str, Adopted]]:
        if s.used:
            yield "refloat: its last manifest is swept", s._replace(used=False)
        if s.ours == "live" and not s.used:
            yield "refloat: condemn", s._replace(ours="doomed")
        if s.ours == "doomed":
            yield from self.reap(s)
        yield from self.push(s)

    def push(self, s: Adopted) -> Iterator[tuple[str, Adopted]]:
        if s.stock == "idle" and s.path == "nobody":
            yield "stock: push writes the path", s._replace(path="theirs", stock="pushed")
        elif s.stock == "idle":
            yield "stock: push finds the path, skips the bytes", s._replace(stock="pushed")
        elif s.stock == "pushed":
            yield "stock: 201", s._replace(stock="acknowledged")

    def reap(self, s: Adopted) -> Iterator[tuple[str, Adopted]]:
        if self.answer == "key of its own":  # a hard link of our own goes, the old name stays
            yield "reaper: unlink our own name", s._replace(ours="gone")
        elif self.answer == "same path" or s.reaper == "looked":
            yield "reaper: unlink", s._replace(path="nobody", ours="gone", reaper="idle")
        elif s.path == "ours":
            yield "reaper: the inode is ours", s._replace(reaper="looked")
        else:
            yield "reaper: not ours", s._replace(ours="gone")

    def judge(self, s: Adopted) -> Iterator[Finding]:
        if s.stock == "acknowledged" and s.path == "nobody":
            yield LOSS


def explore_adoption(answer: Adoption, distinct: set[int] | None = None) -> Explored:
    world = Adopting(answer)
    return explore(Adopted(), world.steps, world.judge, distinct=distinct)


class Rescued(NamedTuple):
    """A doomed key whose image somebody wants back."""

    live: int = 1
    doomed: frozenset[int] = frozenset()
    stored: frozenset[int] = frozenset({1})
    late: frozenset[int] = frozenset()
    used: bool = False
    next_key: int = 2


class Rescuing:
    """May a key go back from doomed to live?"""

    def __init__(self, answer: Rescue) -> None:
        self.answer = answer

    def steps(self, s: Rescued) -> Iterator[tuple[str, Rescued]]:
        if s.live and not s.used:
            yield f"condemn key {s.live}", s._replace(live=0, doomed=s.doomed | {s.live})
        for key in s.doomed & s.stored:
            yield f"reaper: remove key {key}", s._replace(stored=s.stored - {key})
            yield f"reaper: removing key {key} times out", s._replace(late=s.late | {key})
            if not s.live:
                yield from self.rescue(s, key)
        for key in s.late:
            yield (
                f"the late removal of key {key} is carried out",
                s._replace(stored=s.stored - {key}, late=s.late - {key}),
            )

    def rescue(self, s: Rescued, key: int) -> Iterator[tuple[str, Rescued]]:
        fresh = s.next_key
        if self.answer == "same key":
            yield f"key {key} is live again", s._replace(live=key, doomed=s.doomed - {key}, used=True)
        elif fresh < 4:
            copied = s._replace(live=fresh, stored=s.stored | {fresh}, used=True, next_key=fresh + 1)
            yield f"copy key {key} to key {fresh}", copied

    def judge(self, s: Rescued) -> Iterator[Finding]:
        if s.used and s.live not in s.stored:
            yield LOSS


def explore_rescue(answer: Rescue, distinct: set[int] | None = None) -> Explored:
    world = Rescuing(answer)
    return explore(Rescued(), world.steps, world.judge, distinct=distinct)


class TwoPuts(NamedTuple):
    """One upload session, and its last request sent twice."""

    session: bool = True
    key: str = "uploading"
    row: str = "nobody"  # whose key the blob's row names: ours, another's, nobody
    stored: bool = True
    waiting: int = 2
    acknowledged: bool = False


class Finishing:
    """What does the second of two requests to finish a session do?"""

    def __init__(self, answer: SecondPut) -> None:
        self.answer = answer

    def steps(self, s: TwoPuts) -> Iterator[tuple[str, TwoPuts]]:
        if s.waiting:
            yield self.put(s._replace(waiting=s.waiting - 1))
        if s.session:
            yield "janitor: the session is over", s._replace(session=False, key="doomed")
        if s.key == "doomed" and s.stored:
            yield "reaper: remove the key", s._replace(stored=False)
        if s.row == "nobody":
            yield "another session brings the same blob", s._replace(row="another's")

    def put(self, s: TwoPuts) -> tuple[str, TwoPuts]:
        if s.session and s.row == "nobody":
            return "PUT: our key is live, 201", s._replace(session=False, key="live", row="ours", acknowledged=True)
        if s.session:
            return "PUT: the other is adopted, 201", s._replace(session=False, key="doomed", acknowledged=True)
        if self.answer == "doom the key":
            return "PUT: no session, the key is doomed, 404", s._replace(key="doomed")
        return "PUT: no session, nothing is written", s

    def judge(self, s: TwoPuts) -> Iterator[Finding]:
        if s.acknowledged and s.row == "ours" and not s.stored:
            yield LOSS


def explore_two_puts(answer: SecondPut, distinct: set[int] | None = None) -> Explored:
    world = Finishing(answer)
    return explore(TwoPuts(), world.steps, world.judge, distinct=distinct)
