"""A server in front of a registry, as proxies are: it asks for a password, or sends callers away."""

import http.client
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.listening import listening


class Front(ThreadingHTTPServer):
    """Forwards to `registry`. `refusals` are answered first, one a request; `seen` are the headers that came."""

    daemon_threads = True

    def __init__(self, registry: str) -> None:
        super().__init__(("127.0.0.1", 0), _Forward)
        self.registry = registry
        self.authorization: str | None = None
        self.refusals: list[tuple[int, dict[str, str]]] = []
        self.seen: list[tuple[str, str | None]] = []

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"


class _Forward(BaseHTTPRequestHandler):
    server: Front

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        given = self.headers.get("Authorization")
        self.server.seen.append((self.command, given))
        if self.server.refusals:
            status, headers = self.server.refusals.pop(0)
            self._send(status, headers, b"{}")
        elif self.server.authorization not in (None, given):
            self._send(401, {"WWW-Authenticate": 'Basic realm="here"'}, b"{}")
        else:
            self._forward(body)

    def _forward(self, body: bytes) -> None:
        connection = http.client.HTTPConnection(self.server.registry, timeout=60)
        connection.request(self.command, self.path, body, {"User-Agent": self.headers["User-Agent"]})
        reply = connection.getresponse()
        answer = reply.read()
        kept = {name: value for name, value in reply.getheaders() if name.lower() != "content-length"}
        self._send(reply.status, kept, answer)
        connection.close()

    def _send(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = _answer  # noqa: N815 - the library's names

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing."""


@contextmanager
def front(registry: str) -> Iterator[Front]:
    """Run a server in front of `registry` (HOST:PORT)."""
    server = Front(registry)
    with listening(server):
        yield server
