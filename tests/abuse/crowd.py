"""Very many connections to a server, in a process of their own: `python -m tests.abuse.crowd ADDRESS PLAN`.

PLAN is a JSON object: how many connections of each kind, and the paths they ask for. It says `ready` when all are
made, and when its standard input ends how many of each kind the server has ended by then.
"""

import json
import re
import resource
import select
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

HOME = Path(__file__).parents[2]
EVERY = 0.5  # seconds between two bytes of those who send in drops
MUCH = 1_000_000  # bytes of a body that comes a byte at a time
ENDED = select.EPOLLRDHUP | select.EPOLLHUP | select.EPOLLERR


@dataclass(frozen=True, slots=True)
class Plan:
    """How many connections do what."""

    silent: int = 0  # nothing at all
    asked: int = 0  # one request and its answer, then nothing
    heads: int = 0  # a request's head that never ends, a byte at a time
    unread: int = 0  # GET of `blob`, of which nothing is read
    manifests: int = 0  # a manifest's body, a byte at a time
    uploads: int = 0  # an upload's body, a byte at a time
    blob: str = ""
    patience: float = 60.0  # seconds for what each one says first; a full server lets it wait

    @property
    def connections(self) -> int:
        return self.silent + self.asked + self.heads + self.unread + self.manifests + self.uploads


class Crowd:
    """A crowd's process, for as long as the block runs. `ended` has how many of each kind the server had ended."""

    def __init__(self, address: str, plan: Plan) -> None:
        self.ended: dict[str, int] = {}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.abuse.crowd", address, json.dumps(asdict(plan))],
            cwd=HOME, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def __enter__(self) -> Self:
        """Return when every connection is made. Raises RuntimeError where that fails."""
        assert self._process.stdout is not None
        if self._process.stdout.readline() != "ready\n":
            self._stop()
            raise RuntimeError(f"a crowd ended with {self._process.returncode} before its connections were made")
        return self

    def look(self) -> dict[str, int]:
        """Return how many of each kind the server has ended so far."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("?\n")
        self._process.stdin.flush()
        self.ended = json.loads(self._process.stdout.readline())
        return self.ended

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def _stop(self) -> None:
        self._process.kill()
        self._process.communicate()


class _Connections:
    """The crowd itself."""

    def __init__(self, address: str, patience: float) -> None:
        host, _, port = address.rpartition(":")
        self._place = (host, int(port))
        self._patience = patience
        self._poll = select.epoll()
        self._kinds: dict[int, str] = {}
        self._sockets: list[socket.socket] = []
        self._dripping: dict[int, socket.socket] = {}
        self.ended: dict[str, int] = {}

    def make(self, kind: str, count: int, begin: Callable[[socket.socket], None], *, drips: bool = False) -> None:
        """Make connections that `begin` something, and send a byte now and then from then on if it `drips`."""
        self.ended[kind] = 0
        for _ in range(count):
            one = socket.socket()
            one.settimeout(self._patience)
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            one.connect(self._place)
            begin(one)
            one.setblocking(False)
            self._sockets.append(one)
            self._kinds[one.fileno()] = kind
            self._poll.register(one.fileno(), ENDED)
            if drips:
                self._dripping[one.fileno()] = one

    def drip(self) -> None:
        """Send a byte on those connections that do, and note which ones the server has ended."""
        for one in self._dripping.values():
            try:
                one.send(b"x")
            except OSError:
                continue  # it is noted below
        for number, _ in self._poll.poll(0, max(len(self._sockets), 1)):
            self._poll.unregister(number)
            self._dripping.pop(number, None)
            self.ended[self._kinds[number]] += 1


def main(arguments: Iterable[str]) -> None:
    """Make the connections, say so, and answer each line of standard input with how many have been ended."""
    address, text = arguments
    plan = Plan(**json.loads(text))
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    crowd = _Connections(address, plan.patience)
    crowd.make("silent", plan.silent, lambda _: None)
    crowd.make("asked", plan.asked, _asked)
    crowd.make("heads", plan.heads, lambda one: one.sendall(_head("GET /v2/")[:-2] + b"X-Never-Ends: "), drips=True)
    crowd.make("unread", plan.unread, lambda one: one.sendall(_head(f"GET {plan.blob}")))
    put = _head("PUT /v2/slow/manifests/v1", MUCH)
    crowd.make("manifests", plan.manifests, lambda one: one.sendall(put), drips=True)
    crowd.make("uploads", plan.uploads, _uploading, drips=True)
    print("ready", flush=True)
    _answer(crowd)


def _head(request: str, length: int = 0) -> bytes:
    return f"{request} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n".encode()


def _asked(one: socket.socket) -> None:
    one.sendall(_head("GET /v2/"))
    one.recv(65536)


def _uploading(one: socket.socket) -> None:
    one.sendall(_head("POST /v2/slow/blobs/uploads/"))
    place = re.search(r"(?i)^location: (\S+)", one.recv(65536).decode(), re.MULTILINE)
    if place is not None:
        one.sendall(_head(f"PATCH {place[1]}", MUCH))


def _answer(crowd: _Connections) -> None:
    due = time.monotonic()
    while True:
        heard, _, _ = select.select([sys.stdin], [], [], max(due - time.monotonic(), 0))
        if heard:
            if not sys.stdin.readline():
                return
            crowd.drip()
            print(json.dumps(crowd.ended), flush=True)
        else:
            crowd.drip()
            due = time.monotonic() + EVERY


if __name__ == "__main__":
    main(sys.argv[1:])
