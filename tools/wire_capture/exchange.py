"""A client that shows what it sent and got: HTTP/1.1 over one plain socket, every head kept as it was on the wire."""

import json
import socket
from dataclasses import dataclass
from io import BufferedIOBase
from types import TracebackType
from typing import Self

PATIENCE = 60.0
"""Seconds an answer may take before the registry counts as broken."""

CLIENT = "127.0.0.2"
"""Where the client speaks from, so that an observer of loopback sees who speaks to whom."""


@dataclass(frozen=True)
class Head:
    """A request line or status line, and the header lines under it, in their order and their case."""

    first: str
    lines: tuple[str, ...]

    def value(self, name: str) -> str | None:
        """Return a header's value, whatever the case of its name."""
        for line in self.lines:
            found, _, value = line.partition(": ")
            if found.lower() == name.lower():
                return value
        return None


@dataclass(frozen=True)
class Exchange:
    """One request and its answer. `step` is what the request is for; `body` is as much as came of the answer's."""

    step: str
    request: Head
    answer: Head
    body: bytes

    @property
    def method(self) -> str:
        return self.request.first.partition(" ")[0]

    @property
    def path(self) -> str:
        """What is asked for, with its query."""
        return self.request.first.split(" ")[1]

    @property
    def status(self) -> int:
        return int(self.answer.first.split(" ")[1])

    @property
    def promised(self) -> int:
        """How many bytes the answer says its body has: none after HEAD."""
        return 0 if self.method == "HEAD" else int(self.answer.value("content-length") or 0)

    def error(self) -> str:
        """Return the first error of the body as `CODE: message`, and nothing where there is none."""
        if self.status < 400 or not self.body.startswith(b"{"):
            return ""
        first = json.loads(self.body)["errors"][0]
        return f"{first['code']}: {first['message']}"


def written(head: Head) -> bytes:
    """Return a head as it is sent."""
    return "\r\n".join([head.first, *head.lines, "", ""]).encode("ascii")


def head_from(stream: BufferedIOBase) -> Head | None:
    """Read a head; None where the connection has ended."""
    lines = []
    while line := stream.readline().decode("ascii").rstrip("\r\n"):
        lines.append(line)
    return Head(lines[0], tuple(lines[1:])) if lines else None


class Client:
    """One connection to the registry at `address` (HOST:PORT)."""

    def __init__(self, address: str) -> None:
        self.address = address
        host, _, port = address.partition(":")
        self._socket = socket.create_connection((host, int(port)), timeout=PATIENCE, source_address=(CLIENT, 0))
        self._answers = self._socket.makefile("rb")

    def ask(self, step: str, first: str, body: bytes = b"", **headers: str) -> Exchange:
        """Send a request (`first` is METHOD PATH) and read the answer. Header names are written with `_` for `-`.

        Raises RuntimeError for an answer whose end its head does not tell.
        """
        fields = {"Host": self.address} | {name.replace("_", "-"): value for name, value in headers.items()}
        if body or first.startswith(("PUT", "POST")):
            fields["Content-Length"] = str(len(body))
        lines = tuple(f"{name}: {value}" for name, value in fields.items())
        return self.send(step, Head(f"{first} HTTP/1.1", lines), body)

    def send(self, step: str, request: Head, body: bytes) -> Exchange:
        """Send a request whose head is as it shall be on the wire, and read the answer.

        Raises RuntimeError for an answer whose end its head does not tell.
        """
        self._socket.sendall(written(request) + body)
        answer = head_from(self._answers)
        if answer is None:
            raise RuntimeError("the connection ended before an answer")
        if answer.value("content-length") is None and " 204" not in answer.first:
            raise RuntimeError(f"an answer without a length: {answer}")
        asked = Exchange(step, request, answer, b"")
        return Exchange(step, request, answer, self._answers.read(asked.promised))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._answers.close()
        self._socket.close()
