"""Load shedding: a worker that is nearly full ends the connections that do nothing, so that others are served.

Granian ends an idle connection after a minute, and the kernel an answer that nobody reads after `refloat.send.timeout`:
both wait long, because proxies and slow links need it. A worker with room keeps to that. One that has hardly any left
looks at its own sockets and ends as many as it takes, those first that have done nothing for longest.
"""

import logging
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass

from refloat.core.scarcity import lacking
from refloat.main.accepted import Connection, Peer, accepted, can_look, end, most_accepted
from refloat.web.capacity import Capacity

PERIOD = 1.0  # seconds between two looks, of which one at ten thousand connections takes a fifth
SHARE = 4  # times as long as a look takes pass before the next one
FULL, ENOUGH = 7 / 8, 3 / 4  # of what there may be: when it is nearly full, and how much of it may then stay
IDLE = 5.0  # seconds without a request under way, and without a byte to the client
STALLED = 10.0  # seconds in which a client takes nothing of what waits for it
SILENCE = 30.0  # seconds between two lines of the log
log = logging.getLogger("refloat.serve")


@dataclass(frozen=True, slots=True)
class Progress:
    """What a connection had taken when it was first seen to have taken that."""

    taken: int
    since: float


class Shedder:
    """Watches this process's connections. `most` are accepted at once; `files` are those of bodies on their way."""

    def __init__(self, most: int, files: Capacity) -> None:
        self._most = most
        self._files = files
        self._busy: dict[Peer, int] = {}
        self._seen: dict[Peer, Progress] = {}
        self._said = -SILENCE
        self._stop = threading.Event()

    def begin(self, peer: Peer) -> None:
        """Note that a request of a connection is under way."""
        self._busy[peer] = self._busy.get(peer, 0) + 1

    def answered(self, peer: Peer) -> None:
        """Note that it no longer is."""
        left = self._busy[peer] - 1
        if left:
            self._busy[peer] = left
        else:
            del self._busy[peer]

    def start(self) -> None:
        """Begin to look, in a thread, where the system says what a process has open."""
        if can_look():
            threading.Thread(target=self._run, name="shedder", daemon=True).start()

    def stop(self) -> None:
        """Look no more."""
        self._stop.set()

    def _run(self) -> None:
        took = 0.0
        while not self._stop.wait(max(PERIOD, SHARE * took)):
            began = time.monotonic()
            try:
                self._look(began)
            except Exception as problem:
                if not lacking(problem):  # whoever is refused for that says so
                    log.exception("the connections of this worker cannot be looked at now")
            took = time.monotonic() - began

    def _look(self, now: float) -> None:
        bodies = _excess(self._files.used, self._files.most)
        if not bodies and not _excess(most_accepted(), self._most):
            self._seen.clear()
            return
        connections = list(accepted())
        self._remember(connections, now)
        ended = end(self._doomed(connections, now, bodies))
        if ended and now - self._said >= SILENCE:
            self._said = now
            log.warning(
                "this worker is nearly full: of %d connections it ended %d that did nothing", len(connections), ended
            )

    def _remember(self, connections: Iterable[Connection], now: float) -> None:
        seen = {}
        for each in connections:
            before = self._seen.get(each.peer)
            if before is None:
                before = Progress(each.taken, now - each.quiet)
            seen[each.peer] = before if before.taken == each.taken else Progress(each.taken, now)
        self._seen = seen

    def _doomed(self, connections: list[Connection], now: float, bodies: int) -> set[Peer]:
        """Return whom to end: as many as there are too many, and so many whose bodies nobody takes."""
        by_age = sorted(connections, key=lambda each: self._seen[each.peer].since)
        stalled = [each.peer for each in by_age if self._is_stalled(each, now)]
        idle = [each.peer for each in by_age if self._is_idle(each, now)]
        return {*stalled[:bodies], *[*idle, *stalled][: _excess(len(connections), self._most)]}

    def _is_idle(self, connection: Connection, now: float) -> bool:
        """Has no request of it been under way? A head that comes in drops is none yet."""
        return connection.peer not in self._busy and now - self._seen[connection.peer].since >= IDLE

    def _is_stalled(self, connection: Connection, now: float) -> bool:
        """Does its answer wait for the client? Where nothing waits it is our turn, or a body comes."""
        is_answered = connection.peer in self._busy and connection.is_sending
        return is_answered and now - self._seen[connection.peer].since >= STALLED


def _excess(number: int, most: int) -> int:
    """Return by how many `number` has to sink: by none before it is nearly full."""
    return number - int(ENOUGH * most) if number >= FULL * most else 0
