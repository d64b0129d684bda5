"""A proxy between a client and a registry: counts what passes, and interferes where a test asks for it.

Requests and answers pass as they are, streamed, over one connection to the registry for each of the client's. Hosts in
addresses stay those of the relay, because a registry makes them of the Host header.
"""

import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPResponse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from operator import attrgetter
from threading import Condition, Thread
from types import TracebackType
from typing import Literal, Self
from urllib.parse import parse_qsl, urlencode, urlsplit

PIECE = 1 << 18
PATIENCE = 60.0
HOP = {"connection", "keep-alive", "transfer-encoding", "expect"}

Moment = Literal["before", "after"]


@dataclass(frozen=True)
class Request:
    """One request: the how manieth, and its first line. `path` has the query."""

    number: int
    method: str
    path: str

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


class Cut(Exception):
    """Raised by what interferes: the client gets no answer, its connection just ends."""


@dataclass
class Interference:
    """`act` is called once, before or after the registry has answered the first request that `wanted` accepts."""

    moment: Moment
    wanted: Callable[[Request], bool]
    act: Callable[[], object]
    happened: Request | None = None


@dataclass
class Relay:
    """Listens on loopback while it is entered. `upstream` is the registry's HOST:PORT.

    Without `mounts` a mount is passed on as a plain upload, which the registry answers with 202 as the specification
    allows. `refused` has the status with which paths are refused that begin so. `manners` are those of a registry that
    is odd: for each request the path that is asked instead, or the status that it is refused with.
    """

    upstream: str
    mounts: bool = True
    refused: Mapping[str, int] = field(default_factory=dict)
    manners: Callable[[Request], int | str] = attrgetter("path")
    requests: list[Request] = field(default_factory=list)
    interferences: list[Interference] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._changed = Condition()
        self._under_way = 0
        self._server = _Server(self)
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._server.server_address[1]}"

    def interfere(self, moment: Moment, wanted: Callable[[Request], bool], act: Callable[[], object]) -> Interference:
        """Call `act` once, before or after the first request from now on that is `wanted`."""
        made = Interference(moment, wanted, act)
        self.interferences.append(made)
        return made

    def forget(self) -> None:
        """Wait until nothing is under way, then count from one again and interfere with nothing."""
        with self._changed:
            if not self._changed.wait_for(lambda: not self._under_way, PATIENCE):
                raise RuntimeError("a request does not end")
            self.requests.clear()
            self.interferences.clear()

    @contextmanager
    def passing(self, method: str, path: str) -> Iterator[Request]:
        """Count a request, and interfere before it. It is under way until the block ends."""
        with self._changed:
            request = Request(len(self.requests) + 1, method, path)
            self.requests.append(request)
            self._under_way += 1
        try:
            self.interrupt("before", request)
            yield request
        finally:
            with self._changed:
                self._under_way -= 1
                self._changed.notify_all()

    def interrupt(self, moment: Moment, request: Request) -> None:
        """Interfere with a request if that is wanted. Raises Cut."""
        for each in self.interferences:
            if each.moment == moment and each.happened is None and each.wanted(request):
                each.happened = request
                each.act()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def nth(number: int) -> Callable[[Request], bool]:
    """Return what accepts the request of that number."""
    return lambda request: request.number == number


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, relay: Relay) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.relay = relay

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: a client that was killed leaves broken pipes."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def relay(self) -> Relay:
        assert isinstance(self.server, _Server)
        return self.server.relay

    def setup(self) -> None:
        """Have one connection to the registry for each of the client's."""
        super().setup()
        self.upstream = HTTPConnection(self.relay.upstream, timeout=PATIENCE)

    def finish(self) -> None:
        """End both."""
        self.upstream.close()
        super().finish()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def answer(self) -> None:
        with self.relay.passing(self.command, self.path) as request:
            try:
                self.pass_on_or_refuse(request)
            except (OSError, Cut):
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)

    do_GET = do_HEAD = do_PUT = do_POST = do_PATCH = do_DELETE = answer  # noqa: N815

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except Cut:
            self.close_connection = True

    def pass_on_or_refuse(self, request: Request) -> None:
        instead = self.relay.manners(request)
        if isinstance(instead, int):
            self.refuse(instead)
        else:
            self.path = instead
            self.pass_on(request)

    def pass_on(self, request: Request) -> None:
        for beginning, status in self.relay.refused.items():
            if self.path.startswith(beginning):
                self.refuse(status)
                return
        path = self.path if self.relay.mounts else _without_mount(self.path)
        try:
            self.upstream.request(self.command, path, self.body(), self.passed_on())
            answer = self.upstream.getresponse()
            self.relay.interrupt("after", request)
            self.give(answer)
        except BaseException:
            self.upstream.close()
            raise

    def passed_on(self) -> dict[str, str]:
        names = {name.lower() for name in self.headers} - HOP
        return {name: ", ".join(self.headers.get_all(name, [])) for name in names}

    def body(self) -> Iterator[bytes] | None:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            return _chunks(self.rfile.readline, self.rfile.read)
        left = int(self.headers.get("Content-Length", 0))
        return self.pieces(left) if left else None

    def pieces(self, left: int) -> Iterator[bytes]:
        while left and (piece := self.rfile.read(min(left, PIECE))):
            left -= len(piece)
            yield piece

    def give(self, answer: HTTPResponse) -> None:
        self.send_response_only(answer.status, answer.reason)
        for name, value in answer.getheaders():
            if name.lower() not in HOP:
                self.send_header(name, value)
        if answer.getheader("Content-Length") is None and answer.status not in (204, 304):
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        left = answer.length
        while piece := answer.read(PIECE):
            self.wfile.write(piece)
            left = None if left is None else left - len(piece)
        if left and self.command != "HEAD":
            raise Cut("the registry promised more")

    def refuse(self, status: int) -> None:
        for _ in self.body() or ():
            pass
        said = b'{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}'
        self.send_response_only(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(said)))
        if status == 401:
            self.send_header("WWW-Authenticate", 'Basic realm="relay"')
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(said)


def _without_mount(path: str) -> str:
    split = urlsplit(path)
    kept = [pair for pair in parse_qsl(split.query) if pair[0] not in ("mount", "from")]
    return split._replace(query=urlencode(kept)).geturl()


def _chunks(line: Callable[[], bytes], read: Callable[[int], bytes]) -> Iterator[bytes]:
    while size := int(line().partition(b";")[0], 16):
        yield read(size)
        line()
    line()
