"""`refloat serve` as a process of its own, ready when it says so."""

import http.client
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

DEADLINE = 60.0  # seconds; only a broken program needs them


def environment(settings: Mapping[str, str], home: Path) -> dict[str, str]:
    """Return an environment in which nothing of this machine's settings counts."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("REGISTRY_", "XDG_"))}
    return {**kept, "HOME": str(home), **settings}


def refloat(*arguments: str, home: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "refloat", *arguments],
        env=environment(settings, home), stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=DEADLINE, check=False,
    )  # fmt: skip


def limited(descriptors: int) -> list[str]:
    """Return what goes before a command that may have so many descriptors, and no more when it asks."""
    return ["/bin/sh", "-c", 'ulimit -n "$0" && exec "$@"', str(descriptors)]


class Program:
    """A server over `place/root`; its standard error is `place/log`, its access log `place/access`."""

    before: Sequence[str] = ()  # what goes before its command

    def __init__(self, place: Path, *arguments: str, **settings: str) -> None:
        self.root = place / "root"
        self.log = place / "log"
        self.access = place / "access"
        ready, told = os.pipe()
        command = ["serve", "--root", str(self.root), "--listen", "127.0.0.1:0", *arguments]
        with self.log.open("ab") as log, self.access.open("ab") as access:
            self.process = subprocess.Popen(
                [*self.before, sys.executable, "-m", "refloat", *command, "--ready-fd", str(told)],
                env=environment(settings, place), stdin=subprocess.DEVNULL, stdout=access, stderr=log,
                pass_fds=[told], start_new_session=True,
            )  # fmt: skip
        os.close(told)
        with open(ready) as line:
            self.url = line.readline().strip()
        if not self.url:
            raise RuntimeError(f"the server has ended with {self.process.wait(DEADLINE)}:\n{self.said()}")

    def connect(self) -> http.client.HTTPConnection:
        """Return a connection to the server."""
        place = urlsplit(self.url)
        return http.client.HTTPConnection(place.hostname or "", place.port, timeout=DEADLINE)

    def ask(self, method: str, path: str, body: bytes | None = None) -> http.client.HTTPResponse:
        """Send one request and return its answer, read."""
        connection = self.connect()
        connection.request(method, path, body, {"Connection": "close"})
        answer = connection.getresponse()
        answer.read()
        connection.close()
        return answer

    def workers(self) -> list[int]:
        """Return the process ids of the workers."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(pid) for pid in children.read_text().split()]

    def said(self) -> str:
        """Return what the server logged so far."""
        return self.log.read_text()

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the server's first process."""
        self.process.send_signal(number)

    def ended(self) -> int:
        """Wait for the server's end and return its exit code."""
        return self.process.wait(DEADLINE)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(DEADLINE)


def eventually(condition: Callable[[], bool], what: str) -> None:
    """Return as soon as the condition holds; fail with `what` when it never does."""
    deadline = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.01)
