"""The server that the histories drive, over one connection, and the ways it ends and starts again."""

import json
import os
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from tests.histories.model import Wrong
from tests.histories.universe import digest_of
from tests.serve.program import DEADLINE, Program

API = "/v2/_refloat/v1"
MEMORY = Path("/dev/shm")
LONGEST_TRACE = 400
SHRINKING = 40.0  # seconds in which a history that found something may become shorter
QUIET = {"REGISTRY_LOG_ACCESSLOG_DISABLED": "true", "REGISTRY_LOG_LEVEL": "error", "REGISTRY_REFLOAT_WORKERS": "1"}
DAYS = {"REGISTRY_REFLOAT_WINDOW": "30d", "REGISTRY_REFLOAT_LEASE": "10d"}
AT_ONCE = {f"REGISTRY_REFLOAT_{name}": "1ms" for name in ("WINDOW", "LEASE", "GRAVEYARD")}
BY_HAND = {"REGISTRY_REFLOAT_COLLECT_INTERVAL": "10000h"}
HOW = ("term", "kill", "kill mid-request", "+40d", "-40d")


class LongEnough(BaseException):  # Hypothesis would shrink an Exception, too
    """Ends the search for a shorter history."""


@dataclass
class Finding:
    """What a history found, and its requests."""

    what: BaseException
    trace: list[str]


class Answer(NamedTuple):
    """What the server answered; header names are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    def document(self) -> dict[str, object]:
        document: dict[str, object] = json.loads(self.body)
        return document


class Bench:
    """A server over `place`. `windows`: "days", so that all can be undone, or "at once", so that all is due."""

    def __init__(self, place: Path, windows: str, **settings: str) -> None:
        place.mkdir(parents=True, exist_ok=True)
        self.place, self.windows = place, windows
        self.lives = 0
        self.settings = {**QUIET, **BY_HAND, **(DAYS if windows == "days" else AT_ONCE), **settings}
        self.histories = self.operations = self.asked = 0
        self.is_clean = True
        self.finding: Finding | None = None
        self.first_found = 0.0
        self.trace: list[str] = []
        self.released = set[str]()  # blobs that were deleted since the last round, in whichever history
        self._start(place)

    def _start(self, place: Path, **more: str) -> None:
        self.program = Program(place, **self.settings, **more)
        self.connection = self.program.connect()

    def begin_history(self) -> None:
        """Number a history. After one that found something the server is asked anew. May raise LongEnough."""
        if self.first_found and time.monotonic() > self.first_found + SHRINKING:
            raise LongEnough
        if not self.is_clean:
            self._renew()
        self.is_clean = False
        self.histories += 1
        self.trace.clear()

    def _renew(self) -> None:
        """Leave a connection behind on which an answer may be missing, and a directory that is to be explained."""
        if self.windows == "days" and self.program.process.poll() is None:
            self.connection.close()
            self.connection = self.program.connect()
            return
        self.end(signal.SIGKILL)
        self.lives += 1
        fresh = self.place / f"life{self.lives}"
        fresh.mkdir()
        self._start(fresh)

    def found(self, what: BaseException) -> None:
        """Keep a finding, if its history is the shortest until now."""
        self.first_found = self.first_found or time.monotonic()
        if self.finding is None or len(self.trace) < len(self.finding.trace):
            self.finding = Finding(what, list(self.trace))

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
        """Send one request; what may change something is written into the trace of the history."""
        self.asked += 1
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        self.connection.request(method, path, body, fields)
        reply = self.connection.getresponse()
        answer = Answer(reply.status, {name.lower(): value for name, value in reply.getheaders()}, reply.read())
        if method not in ("GET", "HEAD"):
            self.write_down(f"{method} {path}{_shown(path, body)} -> {answer.status}")
        if answer.status >= 500:
            raise Wrong(f"{method} {path} was answered {answer.status}: {answer.body[:300]!r}")
        return answer

    def send(self, method: str, path: str, body: bytes | None = None) -> None:
        """Send one request and hear no answer."""
        self.connection.request(method, path, body)
        self.write_down(f"{method} {path}{_shown(path, body)} -> (not heard)")

    def write_down(self, line: str) -> None:
        if len(self.trace) < LONGEST_TRACE:
            self.trace.append(line)

    def start_again(self, how: str) -> None:
        """End the server and start another over the same directory; `+40d`: whose wall clock is wrong by so much."""
        self.write_down(f"the server ends and starts: {how}")
        self.end(signal.SIGKILL if how.startswith("kill") else signal.SIGTERM)
        clock = wrong_clock(how) if how.endswith("d") else {}
        self._start(self.program.root.parent, **clock)

    def end(self, number: signal.Signals = signal.SIGTERM) -> None:
        """End the server and every process of it."""
        self.connection.close()
        if self.program.process.poll() is not None:
            return
        if number == signal.SIGKILL:
            os.killpg(self.program.process.pid, number)
        else:
            self.program.send(number)
        try:
            self.program.ended()
        except subprocess.TimeoutExpired:
            os.killpg(self.program.process.pid, signal.SIGKILL)
            raise Wrong(f"the server did not end within {DEADLINE:g} s of {number.name}") from None
        for left in (f"faketime_shm_{self.program.process.pid}", f"sem.faketime_sem_{self.program.process.pid}"):
            (MEMORY / left).unlink(missing_ok=True)  # what a wrong clock shares with its program outlives a kill

    def files(self) -> list[Path]:
        """Return every file under objects/ and incoming/."""
        ours = self.program.root / "refloat"
        return [path for place in ("objects", "incoming") for path in (ours / place).rglob("*") if path.is_file()]

    @property
    def restarts(self) -> tuple[str, ...]:
        """The ways of ending and starting again that this machine and these windows allow."""
        return HOW if self.windows == "days" and shutil.which("faketime") else HOW[:3]


def wrong_clock(offset: str) -> dict[str, str]:
    """Return the environment in which a program's wall clock is wrong by `offset`, and its uptime is right."""
    asked = subprocess.run(["faketime", "-m", "-f", offset, "env"], capture_output=True, text=True, check=True, env={
        "PATH": os.environ["PATH"]})  # fmt: skip
    environment = dict(line.split("=", 1) for line in asked.stdout.splitlines() if "=" in line)
    return {
        "LD_PRELOAD": environment["LD_PRELOAD"], "FAKETIME": offset, "DONT_FAKE_MONOTONIC": "1",
        "FAKETIME_FORCE_MONOTONIC_FIX": "0",  # with it every wait for the interpreter's lock spins: ten times slower
    }  # fmt: skip


def _shown(path: str, body: bytes | None) -> str:
    """Return of a request's body what the trace should say of it."""
    if body is None:
        return ""
    return f" {body.decode()}" if path.startswith(API) else f" {digest_of(body)}"
