"""Requests to one server over connections that are kept, repeated where that can do no harm.

A connection is in use until its answer was read whole, so a download may feed an upload to the same server.
Redirects are not followed here.
"""

import http.client
import re
import socket
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Literal

from refloat import __version__
from refloat.client.connecting import connect, connection_to, lost
from refloat.client.errors import Broken, ClientError, Unreachable
from refloat.client.origin import Origin
from refloat.language import say

PATIENCE = 120.0  # seconds without a byte
PIECE = 1 << 18  # bytes handed on at once
LARGEST = 64 << 20  # bytes of an answer that is read whole
LONGEST_PAUSE = 60.0  # seconds, whatever Retry-After says
NOT_TAKEN = frozenset({429, 503})  # the server has done nothing
AGAIN = frozenset({408, 429, 502, 503, 504})

_NUMBER = re.compile(r"[0-9]{1,18}")

Repeats = Literal["always", "resumed", "untaken"]
"""May a request be sent again? `always`: it does the same twice. `resumed`: its caller asks how far it came.
`untaken`: only where the server cannot have acted, so it goes out on a connection that is sure to be alive."""
Reading = Literal["whole", "streamed"]


@dataclass(frozen=True, slots=True)
class Stream:
    """A body of `size` bytes, made as it is sent. `pieces` may be called again; what it raises ends the request."""

    size: int
    pieces: Callable[[], Iterator[bytes]]

    def __len__(self) -> int:
        return self.size


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked. `path` is a path with its query; names of headers are as they are sent."""

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | Stream | None = None
    repeats: Repeats = "always"


class Cut(Exception):
    """A body ended before its end."""


class Lost(Unreachable):
    """The answer to a request that may have been carried out was lost."""


class Reply:
    """An answer: names of headers in lower case, and the body, whole or in pieces.

    `tries` counts how often the request was sent before without an answer that counts.
    """

    def __init__(self, response: http.client.HTTPResponse, ended: Callable[[http.client.HTTPResponse], None]) -> None:
        self.status = response.status
        self.headers: Mapping[str, str] = _joined(response.getheaders())
        self.tries = 0
        self._response = response
        self._ended: Callable[[http.client.HTTPResponse], None] | None = ended
        self._body: bytes | None = None

    @property
    def body(self) -> bytes:
        """The whole body. Raises Cut, OSError; Broken where it is larger than any answer should be."""
        if self._body is None:
            read = bytearray()
            for piece in self.pieces():
                read += piece
                if len(read) > LARGEST:
                    self.close()
                    raise Broken(say("an answer is larger than {size} bytes", size=LARGEST))
            self._body = bytes(read)
        return self._body

    def pieces(self) -> Iterator[bytes]:
        """Return the body piece by piece. Raises Cut where the connection ends before it."""
        try:
            while piece := self._response.read1(PIECE):
                yield piece
            if self._response.length:
                raise Cut
            self._response.read()  # 3.11's read1 leaves the response open at its end
        except (OSError, http.client.HTTPException) as problem:
            raise Cut from problem
        finally:
            self.close()

    def close(self) -> None:
        """Let go of the connection, once: for the next request where the body was read whole, else for good."""
        ended, self._ended = self._ended, None
        if ended is not None:
            ended(self._response)


class _Again(Exception):
    """Worth another try, if the request may be repeated. `pause` in seconds, where the server said one."""

    def __init__(self, reply: Reply | None, problem: Exception | None, pause: float | None = None) -> None:
        super().__init__()
        self.reply = reply
        self.problem = problem
        self.pause = pause


class Exchange:
    """One server."""

    def __init__(self, origin: Origin) -> None:
        self.origin = origin
        self._idle: list[http.client.HTTPConnection] = []
        self._before_path = ""  # what a proxy wants to see there
        self._has_answered = False
        weakref.finalize(self, _close, self._idle)

    def send(self, request: Request, headers: Mapping[str, str], read: Reading) -> Reply:
        """Ask, up to five times as far as `request.repeats` allows, with `headers` beside the request's own.

        Raises Unreachable; Lost where the request may not be repeated and may have been carried out.
        """
        tries = 0

        def once() -> Reply:
            nonlocal tries
            tries += 1
            return self._once(request, headers, read)

        try:
            reply = _repeated(once)
        except _Again as last:
            if last.reply is None:
                raise self._lost(last.problem) from None
            reply = last.reply
        reply.tries = tries - 1
        return reply

    def _lost(self, problem: Exception | None) -> ClientError:
        if isinstance(problem, Cut):
            return Broken(say("an answer of {server} ends before its end", server=self.origin.netloc))
        return problem if isinstance(problem, ClientError) else lost(self.origin, problem)

    def _once(self, request: Request, headers: Mapping[str, str], read: Reading) -> Reply:
        connection, address = self._taken(request)
        try:
            reply = self._asked(connection, address, request, headers)
            if read == "whole" or reply.status in AGAIN:
                _ = reply.body
        except (OSError, http.client.HTTPException, Cut) as problem:
            connection.close()
            if request.repeats == "always":
                raise _Again(None, problem) from None
            said = lost(self.origin, problem if isinstance(problem, OSError) else None)
            raise Lost(said.message) from None
        except BaseException:  # what a stream raised, or a person who had enough
            connection.close()
            raise
        self._has_answered = True
        if reply.status in (AGAIN if request.repeats == "always" else NOT_TAKEN):
            raise _Again(reply, None, _pause(reply.headers))
        return reply

    def _taken(self, request: Request) -> tuple[http.client.HTTPConnection, str]:
        """Return an open connection, and how to name the request's path on it. Raises _Again, Unreachable."""
        with suppress(IndexError):  # looked at and taken in one step: several threads may ask
            if request.repeats != "untaken":
                return self._idle.pop(), self._before_path + request.path
        connection, self._before_path = connection_to(self.origin, "")
        try:
            connect(connection, self.origin)
        except Unreachable as problem:
            connection.close()
            if self._has_answered:  # it may be starting again
                raise _Again(None, problem) from None
            raise
        except (OSError, http.client.HTTPException) as problem:
            connection.close()
            raise _Again(None, problem) from None
        connection.sock.settimeout(PATIENCE)
        connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection, self._before_path + request.path

    def _asked(
        self, connection: http.client.HTTPConnection, address: str, request: Request, headers: Mapping[str, str]
    ) -> Reply:
        sent = {"User-Agent": f"refloat/{__version__}", **request.headers, **headers}
        broken: OSError | None = None
        try:
            if request.body is not None:
                sent["Content-Length"] = str(len(request.body))
            connection.request(request.method, address, _slices(request.body), sent)
        except OSError as problem:  # a server may answer and close before it has read everything
            broken = problem
        try:
            response = connection.getresponse()
        except (OSError, http.client.HTTPException):
            if broken is not None:
                raise broken from None
            raise

        def ended(done: http.client.HTTPResponse) -> None:
            if done.isclosed() and not done.will_close and broken is None and connection.sock is not None:
                self._idle.append(connection)
            else:
                done.close()
                connection.close()

        return Reply(response, ended)


def _close(idle: list[http.client.HTTPConnection]) -> None:
    while idle:
        idle.pop().close()


def _joined(fields: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Return headers as a table; those that came several times are joined, RFC 9110 5.3."""
    found: dict[str, str] = {}
    for name, value in fields:
        found[name.lower()] = f"{found[name.lower()]}, {value}" if name.lower() in found else value
    return found


def number_in(header: str) -> int | None:
    """Return the number a header is, if it is one."""
    return int(header) if _NUMBER.fullmatch(header) else None


def _slices(body: bytes | Stream | None) -> bytes | Iterator[bytes | memoryview] | None:
    """Return a body as it is sent: the patience of a socket is for each slice, not for the whole."""
    if isinstance(body, Stream):
        return body.pieces()
    if body is None or len(body) <= PIECE:
        return body
    return (memoryview(body)[at : at + PIECE] for at in range(0, len(body), PIECE))


def _pause(headers: Mapping[str, str]) -> float | None:
    """Read Retry-After, RFC 9110 10.2.3. A date is measured by the server's own clock."""
    said = headers.get("retry-after", "")
    if (seconds := number_in(said)) is not None:
        return min(float(seconds), LONGEST_PAUSE)
    with suppress(ValueError, TypeError, KeyError):
        until = (parsedate_to_datetime(said) - parsedate_to_datetime(headers["date"])).total_seconds()
        return min(max(until, 0.0), LONGEST_PAUSE)
    return None


def _repeated(once: Callable[[], Reply]) -> Reply:
    """Call `once`, and again with growing pauses while it raises _Again."""
    try:
        return once()
    except _Again as problem:
        first = [problem]
    import stamina
    from stamina.instrumentation import set_on_retry_hooks

    set_on_retry_hooks([])  # it would log
    for attempt in stamina.retry_context(
        on=_backoff, attempts=5, timeout=4 * LONGEST_PAUSE, wait_initial=0.1, wait_max=5.0, wait_jitter=0.1
    ):
        with attempt:
            if first:
                raise first.pop()
            return once()
    raise AssertionError  # the last attempt raised


def _backoff(problem: Exception) -> bool | float:
    if not isinstance(problem, _Again):
        return False
    return True if problem.pause is None else problem.pause
