"""One request and its answer, over the standard library's HTTP: its import costs a fifth of any other's.

Redirects are not followed, so nothing meant for one server is ever told another.
"""

import http.client
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from refloat import __version__
from refloat.client.connecting import connect, connection_to, lost
from refloat.client.errors import Unreachable
from refloat.client.origin import Origin
from refloat.language import say

AGAIN = frozenset({502, 503, 504})  # what a server or a proxy says while the server starts or is full


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered. Names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class _Again(Exception):
    """Worth another try, if the request may be repeated."""

    def __init__(self, answer: Answer | None, problem: Exception | None) -> None:
        super().__init__()
        self.answer = answer
        self.problem = problem


class Wire:
    """Requests to one server."""

    def __init__(self, origin: Origin) -> None:
        self.origin = origin

    def get(self, path: str, headers: Mapping[str, str], patience: float) -> Answer:
        """Ask, up to four times. `patience` in seconds, for one answer. Raises Unreachable."""

        def once() -> Answer:
            answer = self._once("GET", path, None, headers, patience)
            if answer.status in AGAIN:
                raise _Again(answer, None)
            return answer

        try:
            return _repeated(once)
        except _Again as last:
            if last.answer is not None:
                return last.answer
            raise lost(self.origin, last.problem) from None

    def post(self, path: str, body: bytes, headers: Mapping[str, str], patience: float) -> Answer:
        """Ask once, for it may not be repeated. Raises Unreachable."""
        try:
            return self._once("POST", path, body, {**headers, "Content-Type": "application/json"}, patience)
        except _Again as last:
            raise Unreachable(
                say("the answer of {server} was lost: {problem}", server=self.origin.netloc, problem=last.problem),
                (say("whether it did what was asked is not known"),),
                say("refloat log   shows what was done"),
            ) from None

    def _once(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str], patience: float) -> Answer:
        connection, address = connection_to(self.origin, path)
        sent = {"User-Agent": f"refloat/{__version__}", "Accept": "application/json", **headers}
        try:
            connect(connection, self.origin)
            if connection.sock is not None:
                connection.sock.settimeout(patience)
            connection.request(method, address, body, sent)
            reply = connection.getresponse()
            fields = {name.lower(): value for name, value in reply.getheaders()}
            return Answer(reply.status, fields, reply.read())
        except (OSError, http.client.HTTPException) as problem:
            raise _Again(None, problem) from None
        finally:
            connection.close()


def _repeated(once: Callable[[], Answer]) -> Answer:
    """Call `once`, and again with growing pauses while it raises _Again."""
    try:
        return once()
    except _Again:
        import stamina
        from stamina.instrumentation import set_on_retry_hooks

        set_on_retry_hooks([])  # it would log
        for attempt in stamina.retry_context(on=_Again, attempts=3, timeout=15.0, wait_initial=0.1, wait_max=2.0):
            with attempt:
                return once()
        raise
