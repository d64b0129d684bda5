"""HTTP as a client speaks it: one kept-open connection for each thread."""

import http.client
import json
import threading
from dataclasses import dataclass
from typing import Any

PATIENCE = 60.0  # seconds; only a broken server needs them


class LostError(Exception):
    """The connection ended before an answer came: nobody knows whether the request was carried out."""


@dataclass(frozen=True)
class Answer:
    """What came back. Header names are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    def code(self) -> str:
        """Return the code of an OCI error body, or nothing."""
        try:
            return str(self.json()["errors"][0]["code"])
        except (ValueError, KeyError, IndexError, TypeError):
            return ""


class Wire:
    """A registry at HOST:PORT. Threads share a Wire, never a connection."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._thread = threading.local()
        self._opened: list[http.client.HTTPConnection] = []

    def close(self) -> None:
        """Close every thread's connection, when no thread asks any more."""
        for connection in self._opened:
            connection.close()

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
        """Send one request; header names are written with `_` for `-`. Raises LostError."""
        connection = self._connection()
        try:
            fields = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body, fields)
            reply = connection.getresponse()
            content = reply.read()
        except (OSError, http.client.HTTPException) as problem:
            connection.close()
            raise LostError(f"{method} {path}: {problem!r}") from problem
        return Answer(reply.status, {name.lower(): value for name, value in reply.getheaders()}, content)

    def _connection(self) -> http.client.HTTPConnection:
        try:
            connection: http.client.HTTPConnection = self._thread.connection
        except AttributeError:
            connection = http.client.HTTPConnection(self.address, timeout=PATIENCE)
            self._thread.connection = connection
            self._opened.append(connection)
        return connection
