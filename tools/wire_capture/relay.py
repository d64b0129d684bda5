"""Stands between a program and a registry: passes on every byte as it is, and keeps every head.

A program speaks to whom it likes from where it likes. What it says goes on from the client's address, over a connection
for each of its own, so that an observer sees the program as any other client. Addresses in answers stay those of the
relay, because a registry makes them of the Host header.
"""

import socketserver
from threading import Thread
from types import TracebackType
from typing import Self

from tools.wire_capture.exchange import Client, Exchange, head_from, written


class Relay(socketserver.ThreadingTCPServer):
    """Listens on loopback while it is entered. `upstream` is the registry's HOST:PORT, `passed` what went through."""

    daemon_threads = True

    def __init__(self, upstream: str) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        self.upstream = upstream
        self.passed: list[Exchange] = []
        self._thread = Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05})

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()


class _Connection(socketserver.StreamRequestHandler):
    """One connection of the program: its requests go on one after the other."""

    server: Relay

    def handle(self) -> None:
        with Client(self.server.upstream) as client:
            while (request := head_from(self.rfile)) is not None:
                body = self.rfile.read(int(request.value("content-length") or 0))
                exchange = client.send("", request, body)
                self.server.passed.append(exchange)
                self.wfile.write(written(exchange.answer) + exchange.body)
