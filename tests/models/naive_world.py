"""A registry whose bytes lie under their digest, as most do: one shared blob, two pushers, one collector.

Each actor is a little program of atomic steps; the designs in `naive.py` differ in what the collector
does and in what the pushers take part in.

- the *header* asks with HEAD first, and uploads only if told that the blob is missing
- the *uploader* uploads without asking
- the old image is deleted, its window ends, somebody takes the delete back
- the collector may crash once between any two of its steps
- once, the power fails: what was not made durable is gone
- a DELETE that the store did not answer in time may be carried out later
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from tests.models.explorer import LEAK, LOSS, Finding

HEADER, UPLOADER = 0, 1
NAMES = ("header", "uploader")


class Client(NamedTuple):
    """A pusher: the step that comes next, and how often it will still begin again."""

    at: str
    tries: int = 1


class State(NamedTuple):
    """Everything that is remembered anywhere."""

    row: bool = True  # the database knows the blob
    stored: bool = True  # its bytes are on the store
    durable: bool = True  # and would outlive a power cut
    late: bool = False  # a DELETE of them is still under way
    old: str = "live"  # the old image: live, trash (can come back), history (only written down), gone
    pushed: frozenset[int] = frozenset()  # whose manifest was acknowledged
    young: bool = False
    pending: bool = False  # marked for deletion
    lock: int | None = None  # who has the digest's lock; COLLECTOR, or a pusher
    clients: tuple[Client, Client] = (Client("head"), Client("start"))
    collector: str = "idle"
    rounds: int = 2
    restores: int = 1
    crashes: int = 1
    power_cuts: int = 1
    ticks: int = 1

    @property
    def needed(self) -> bool:
        return self.old in ("live", "trash") or bool(self.pushed)


COLLECTOR = 2
Steps = Iterator[tuple[str, State]]


class Design:
    """What the designs have in common. The attributes say what a design does."""

    verifies_first = False  # looks for a manifest's blobs in one step, stores the manifest in another
    syncs_directory = True
    deletes_late = False
    locks_pushes = False  # an upload holds the digest's lock from its beginning to its end
    touches = False  # HEAD and upload make the bytes young
    ages = False
    restores_from_history = False

    def sees(self, s: State) -> bool:
        return s.stored if self.verifies_first else s.row and not s.pending

    def judge(self, s: State) -> Iterator[Finding]:
        if s.needed and not (s.stored and (self.verifies_first or s.row)):
            yield LOSS

    def judge_rest(self, s: State) -> Iterator[Finding]:
        if s.stored and not s.row and not self.verifies_first:
            yield LEAK

    def steps(self, s: State) -> Steps:
        for who in (HEADER, UPLOADER):
            yield from self.push(s, who)
        yield from self.delete(s)
        yield from self.collect(s)
        yield from self.happen(s)

    def collect(self, s: State) -> Steps:
        """The collector's next step; each design has its own."""
        yield from ()

    # pushers

    def push(self, s: State, who: int) -> Steps:
        program: dict[str, Callable[[State, int], Steps]] = {
            "head": self.head,
            "start": self.start,
            "write": self.write,
            "sync": self.sync,
            "finish": self.finish,
            "put": self.put,
            "store": self.store,
        }
        action = program.get(s.clients[who].at)
        if action is not None:
            for label, after in action(s, who):
                yield f"{NAMES[who]}: {label}", after

    def head(self, s: State, who: int) -> Steps:
        if self.sees(s):
            yield "HEAD 200", to(s._replace(young=s.young or self.touches), who, "put")
        else:
            yield "HEAD 404", to(s, who, "start")

    def start(self, s: State, who: int) -> Steps:
        if self.locks_pushes and s.lock is not None:
            return
        locked = s._replace(lock=who) if self.locks_pushes else s
        if s.stored and not s.pending:
            yield "upload: the bytes are there, skip", to(locked, who, "finish")
        else:
            yield "upload: begin", to(locked, who, "write")

    def write(self, s: State, who: int) -> Steps:
        written = s._replace(stored=True, durable=s.stored and s.durable, young=True)
        yield "upload: write", to(written, who, "sync" if self.syncs_directory else "finish")

    def sync(self, s: State, who: int) -> Steps:
        yield "upload: make durable", to(s._replace(durable=s.stored or s.durable), who, "finish")

    def finish(self, s: State, who: int) -> Steps:
        lock = None if self.locks_pushes else s.lock
        done = s._replace(row=True, pending=False, lock=lock, young=s.young or self.touches)
        yield "upload: 201", to(done, who, "put")

    def put(self, s: State, who: int) -> Steps:
        if not self.sees(s):
            yield from refuse(s, who)
        elif self.verifies_first:
            yield "PUT manifest: its blobs are there", to(s, who, "store")
        else:
            yield from self.store(s, who)

    def store(self, s: State, who: int) -> Steps:
        yield "PUT manifest: stored, 201", to(s._replace(pushed=s.pushed | {who}), who, "end")

    # the old image

    def delete(self, s: State) -> Steps:
        if s.old == "live":
            yield "delete the old image", s._replace(old="history" if self.restores_from_history else "trash")
        if s.old == "trash":
            yield "its window ends", s._replace(old="gone")
        if s.restores and s.old in ("trash", "history"):
            yield "take the delete back", s._replace(old="live", restores=0)

    # the world

    def happen(self, s: State) -> Steps:
        if s.late:
            yield "the late DELETE is carried out", s._replace(stored=False, durable=True, late=False)
        if s.crashes and s.collector != "idle":
            lock = None if s.lock == COLLECTOR else s.lock
            yield "the collector crashes", s._replace(collector="idle", rounds=1, crashes=0, lock=lock)
        if s.ticks and s.young and self.ages:
            yield "the delay passes", s._replace(young=False, ticks=0)
        if s.power_cuts and s.stored and not s.durable:
            ended = (Client("end"), Client("end"))
            yield (
                "POWER CUT",
                s._replace(
                    stored=False, durable=True, lock=None, clients=ended, collector="idle", rounds=0, power_cuts=0
                ),
            )

    def remove(self, s: State, label: str, after: State) -> Steps:
        """The store's DELETE: done, or timed out and still under way."""
        yield label, after._replace(stored=False, durable=True)
        if self.deletes_late and s.stored and not s.late:
            yield f"{label} (times out)", after._replace(late=True)


def to(s: State, who: int, at: str) -> State:
    """Move a pusher on to its next step."""
    clients = list(s.clients)
    clients[who] = clients[who]._replace(at=at)
    return s._replace(clients=(clients[0], clients[1]))


def refuse(s: State, who: int) -> Steps:
    client = s.clients[who]
    if not client.tries:
        yield "PUT manifest: 404, gives up", to(s, who, "end")
        return
    clients = list(s.clients)
    clients[who] = Client("start", client.tries - 1)
    yield "PUT manifest: 404, uploads again", s._replace(clients=(clients[0], clients[1]))
