"""An upload from the client's side: large bodies made as they are sent, and connections to chosen workers."""

import hashlib
import http.client
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from tests.serve.program import Program

MIB = 1 << 20
PATIENCE = 600.0  # seconds; only a broken server needs them
MOST_TRIES = 1000
WORKERS = 2


class Body:
    """`size` bytes of one repeated MiB, made as they are read, and hashed on the way."""

    def __init__(self, seed: bytes, size: int) -> None:
        self.size = size
        self._block = seed * (MIB // len(seed))
        self._hash = hashlib.sha256()

    def part(self, size: int) -> Iterator[bytes]:
        """Yield the next `size` bytes, a number of whole MiB."""
        for _ in range(size // MIB):
            self._hash.update(self._block)
            yield self._block

    @property
    def digest(self) -> str:
        """The digest of what was read so far."""
        return "sha256:" + self._hash.hexdigest()


class Session:
    """One upload session of repository `team/large`."""

    def __init__(self, connection: http.client.HTTPConnection) -> None:
        self.place = ""
        self._follow(self.send(connection, "POST", "/v2/team/large/blobs/uploads/", b"", {}, 202))

    def patch(
        self, connection: http.client.HTTPConnection, start: int, size: int, body: Iterator[bytes] | bytes
    ) -> http.client.HTTPResponse:
        """Send a chunk, and take the session's new address from the answer."""
        fields = {"Content-Range": f"{start}-{start + size - 1}", "Content-Length": str(size)}
        return self._follow(self.send(connection, "PATCH", self.place, body, fields, 202))

    def stream(self, connection: http.client.HTTPConnection, body: Iterator[bytes]) -> None:
        """Send bytes whose number is not said beforehand, as Docker does."""
        self._follow(self.send(connection, "PATCH", self.place, body, {}, 202))

    def put(self, connection: http.client.HTTPConnection, digest: str, body: bytes = b"") -> http.client.HTTPResponse:
        """Send the last request. The session's address stays, so that it can be repeated."""
        mark = "&" if "?" in self.place else "?"
        fields = {"Content-Length": str(len(body))}
        return self.send(connection, "PUT", f"{self.place}{mark}digest={digest}", body, fields, 201)

    def send(
        self,
        connection: http.client.HTTPConnection,
        method: str,
        path: str,
        body: Iterator[bytes] | bytes,
        fields: dict[str, str],
        *statuses: int,
    ) -> http.client.HTTPResponse:
        connection.request(method, path, body, fields)
        answer = connection.getresponse()
        said = answer.read()
        assert answer.status in statuses, f"{method} {path}: {answer.status} {said[:500]!r}"
        return answer

    def _follow(self, answer: http.client.HTTPResponse) -> http.client.HTTPResponse:
        parts = urlsplit(answer.headers["Location"])
        self.place = parts.path + (f"?{parts.query}" if parts.query else "")
        return answer


class Connections:
    """Kept-open connections to a server, one to each of its two workers."""

    def __init__(self, program: Program) -> None:
        self._opened: list[http.client.HTTPConnection] = []
        self.by_worker: dict[int, http.client.HTTPConnection] = {}
        for _ in range(MOST_TRIES):
            if len(self.by_worker) == WORKERS:
                break
            connection = self._open(program)  # answered, so a worker is there
            self.by_worker.setdefault(serving(connection, program.workers()), connection)

    def _open(self, program: Program) -> http.client.HTTPConnection:
        place = urlsplit(program.url)
        connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=PATIENCE)
        self._opened.append(connection)
        connection.request("GET", "/v2/")
        connection.getresponse().read()
        return connection

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for connection in self._opened:
            connection.close()


def serving(connection: http.client.HTTPConnection, workers: list[int]) -> int:
    """Return the process that has the other end of a connection, as the kernel tells."""
    port = connection.sock.getsockname()[1]
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if int(fields[2].rpartition(":")[2], 16) == port:
            socket = f"socket:[{fields[9]}]"
            for worker in workers:
                if any(link_of(file) == socket for file in Path(f"/proc/{worker}/fd").iterdir()):
                    return worker
    raise AssertionError(f"nobody has the other end of port {port}")


def link_of(file: Path) -> str:
    try:
        return str(file.readlink())
    except OSError:
        return ""


def peak_memory(program: Program) -> int:
    """Return the most resident memory each process of a server ever had, added up, in bytes."""
    total = 0
    for process in (program.process.pid, *program.workers()):
        status = Path(f"/proc/{process}/status").read_text()
        total += int(status.partition("VmHWM:")[2].split()[0]) * 1024
    return total
