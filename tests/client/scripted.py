"""A server that answers as a test says, and writes down what it was asked: servers there are, and hostile ones."""

import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.certificates import Signer
from tests.listening import listening


@dataclass(frozen=True)
class Seen:
    """One request. Names of headers are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


@dataclass(frozen=True)
class Say:
    """One answer. `promised` is a Content-Length that is not that of the body: the connection ends after it."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    promised: int | None = None


class Scripted(ThreadingHTTPServer):
    """Answers by `answer`. `seen` is what came."""

    daemon_threads = True

    def __init__(self, answer: Callable[[Seen], Say]) -> None:
        super().__init__(("127.0.0.1", 0), _Answering)
        self.answer = answer
        self.seen: list[Seen] = []

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: a client that ends a request in its middle leaves a broken pipe."""

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"


class _Answering(BaseHTTPRequestHandler):
    server: Scripted
    protocol_version = "HTTP/1.1"

    def _one(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(int(headers.get("content-length", 0)))
        seen = Seen(self.command, self.path, headers, body)
        self.server.seen.append(seen)
        said = self.server.answer(seen)
        self.send_response(said.status)
        for name, value in said.headers.items():
            for one in value.split("\n"):
                self.send_header(name, one)
        if said.status != 204:
            length = len(said.body) if said.promised is None else said.promised
            self.send_header("Content-Length", str(length))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(said.body)
        self.close_connection = self.close_connection or said.promised is not None

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _one  # noqa: N815 - the library's names

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def scripted(answer: Callable[[Seen], Say], certificate: Signer | None = None) -> Iterator[Scripted]:
    """Run a server that answers by `answer`, over TLS where it has a certificate."""
    server = Scripted(answer)
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate.certificate, certificate.key)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    with listening(server):
        yield server
