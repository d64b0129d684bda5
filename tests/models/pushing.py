"""What pushers do in `world.py`, one transaction or one write to the store at a time."""

from collections.abc import Callable, Iterator

from tests.models.world import HEADER, NAMES, NO_KEY, UPLOADER, Guard, State

Steps = Iterator[tuple[str, State]]


class Pushing:
    """The pushers' programs, under the guards that are in force."""

    def __init__(self, guards: frozenset[Guard]) -> None:
        self.guards = guards
        self._program: dict[str, Callable[[State, int], Steps]] = {
            "head": self.head,
            "start": self.start,
            "write": self.write,
            "seal": self.seal,
            "judge": self.judge_live,
            "finish": self.finish,
            "put": self.put,
            "store": self.store,
        }

    def push(self, s: State, who: int) -> Steps:
        action = self._program.get(s.clients[who].at)
        if action is not None:
            for label, after in action(s, who):
                yield f"{NAMES[who]}: {label}", after

    def head(self, s: State, who: int) -> Steps:
        if s.holds(who):
            yield "HEAD 200, hold renewed", promise(s, who)
        else:
            yield "HEAD 404", to(s, who, "start")

    def start(self, s: State, who: int) -> Steps:
        if who == UPLOADER and s.holds(HEADER):
            yield "mount, 201", promise(s, who)
        key = s.next_key if "fresh-keys" in self.guards else 1
        begun = s._replace(uploading=s.uploading | {key}, next_key=s.next_key + 1)
        client = s.clients[who]._replace(at="write", key=key, promised=False)
        yield f"upload: begin key {key}", begun.client(who, client)

    def write(self, s: State, who: int) -> Steps:
        key = s.clients[who].key
        written = s._replace(stored=s.stored | {key}, volatile=s.volatile | ({key} - (s.stored - s.volatile)))
        durable = "durable-before-the-answer" in self.guards
        yield f"upload: write key {key}", to(written, who, "seal" if durable else "judge")

    def seal(self, s: State, who: int) -> Steps:
        key = s.clients[who].key
        yield f"upload: make key {key} durable", to(s._replace(volatile=s.volatile - {key}), who, "judge")

    def judge_live(self, s: State, who: int) -> Steps:
        """Outside the transaction: may the live blob be relied on?"""
        client = s.clients[who]
        if s.live in s.stored:
            yield "upload: the live blob is there", s.client(who, client._replace(at="finish", trusted=s.live))
        if s.live not in s.stored or s.doubts:
            doubts = s.doubts - (s.live in s.stored)
            doubtful = client._replace(at="finish", trusted=NO_KEY)
            yield "upload: no live blob to rely on", s._replace(doubts=doubts).client(who, doubtful)

    def finish(self, s: State, who: int) -> Steps:
        """The transaction of an upload's last request. A repeated request may come first, with the same judgement."""
        label, entered = self.enter(s, who)
        if entered is None:
            yield label, again(s, who)
        else:
            yield label, promise(entered, who)
        if s.repeats and who == UPLOADER and entered is not None:
            yield f"{label} (to a repeated request)", entered.leased(who, "running")._replace(repeats=s.repeats - 1)

    def enter(self, s: State, who: int) -> tuple[str, State | None]:
        client = s.clients[who]
        if client.key not in s.uploading and "no-session-no-write" in self.guards:
            if s.holds(who):
                return "upload: no session, but the blob is held, 201", s
            return "upload: no session, 404", None
        if s.blocked and "uploads-read-the-block" in self.guards:
            return "upload: blocked, 403", None
        own = s._replace(uploading=s.uploading - {client.key})
        checked = "adopt-only-what-is-live-now" not in self.guards or client.trusted == s.live
        if client.trusted != NO_KEY and checked:
            return f"upload: adopt key {client.trusted}, 201", own._replace(doomed=own.doomed | {client.key})
        replaced = {s.live} - {NO_KEY, client.key}
        entered = own._replace(live=client.key, doomed=own.doomed | replaced)
        return f"upload: key {client.key} is live, 201", entered

    def put(self, s: State, who: int) -> Steps:
        if not s.holds(who):
            yield from self.refuse(s, who)
        elif "foreign-key" in self.guards:
            yield from self.store(s, who)
        else:
            yield "PUT manifest: its blob is held", to(s, who, "store")

    def store(self, s: State, who: int) -> Steps:
        client = s.clients[who]._replace(at="end", promised=False)
        yield "PUT manifest: stored, 201", s._replace(pushed=s.pushed | {who}).client(who, client)

    def refuse(self, s: State, who: int) -> Steps:
        refused = s._replace(refused=s.refused or s.clients[who].promised)
        yield "PUT manifest: blob unknown", again(refused, who)


def to(s: State, who: int, at: str) -> State:
    """Move a pusher on to its next step."""
    return s.client(who, s.clients[who]._replace(at=at))


def promise(s: State, who: int) -> State:
    """The blob is there for this repository, and a lease says for how long."""
    client = s.clients[who]._replace(at="put", key=NO_KEY, trusted=NO_KEY, promised=True)
    return s.leased(who, "running").client(who, client)


def again(s: State, who: int) -> State:
    """Upload again, or give up; nothing was acknowledged."""
    client = s.clients[who]
    at = "start" if client.tries and not s.blocked else "end"
    return s.client(who, client._replace(at=at, tries=max(0, client.tries - 1), key=NO_KEY, promised=False))
