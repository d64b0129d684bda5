"""A registry of our own for a while: `refloat serve` as a process, on loopback, on a free port."""

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

from tools.wire import Wire

REFLOAT = Path(sys.executable).parent / "refloat"
STARTING = 60.0
"""Seconds a server may take to answer before it counts as broken; a loaded machine is slow, not wrong."""


class Served:
    """`refloat serve` over `root`. Settings are environment variables: REGISTRY_REFLOAT_WINDOW=2s."""

    before: Sequence[str] = ()  # what goes before its command

    def __init__(self, root: Path, log: Path, settings: dict[str, str] | None = None) -> None:
        self.root = root
        self.log = log
        self.settings = settings or {}
        self.address = ""
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def wire(self) -> Wire:
        return Wire(self.address)

    def start(self) -> Self:
        """Start the server and return once it answers; at the same address as before, if it ran before.

        Raises RuntimeError with its log if it does not.
        """
        ready, told = os.pipe()
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(
                [
                    *self.before, str(REFLOAT), "serve", "--root", str(self.root),
                    "--listen", self.address or "127.0.0.1:0", "--ready-fd", str(told),
                ],
                env={**os.environ, **self.settings}, pass_fds=(told,), start_new_session=True,
                stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
            )
        os.close(told)
        with open(ready, encoding="utf-8") as news:
            self._hear(news)
        wait_until(self._answers, STARTING, lambda: f"refloat serve does not answer:\n{self.tail()}")
        return self

    def _hear(self, news: TextIO) -> None:
        """Learn the address from the server: the line ends when it listens, the pipe when it has ended."""
        heard, _, _ = select.select([news], [], [], STARTING)
        line = news.readline() if heard else ""
        if not line:
            raise RuntimeError(f"refloat serve does not listen:\n{self.tail()}")
        self.address = line.strip().removeprefix("http://")

    def _answers(self) -> bool:
        if self.process is None or self.process.poll() is not None:
            raise RuntimeError(f"refloat serve has ended:\n{self.tail()}")
        try:
            return self.wire.ask("GET", "/v2/").status == 200
        except OSError:
            return False

    def stop(self) -> int:
        """End the server as an operator would, by SIGTERM. Returns its exit code."""
        process, self.process = self.process, None
        if process is None:
            return 0
        process.send_signal(signal.SIGTERM)
        try:
            return process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            return process.wait(30)

    def tail(self) -> str:
        """Return the end of the server's log."""
        return self.log.read_text(errors="replace")[-4000:]

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def refloat(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the command line against this server and return how it ended."""
        return subprocess.run(
            [str(REFLOAT), *arguments],
            env={**os.environ, "REFLOAT_HOST": self.address},
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False,
        )

    def last_change(self, repository: str) -> str:
        """Return the id of the newest change in a repository."""
        answer = self.wire.ask("GET", f"/v2/_refloat/v1/changes?repository={repository}&n=1").expect(200)
        return str(json.loads(answer.body)["changes"][0]["id"])

    def files(self) -> list[Path]:
        """Return every blob file on the server's disk, finished or not."""
        places = (self.root / "refloat" / "objects", self.root / "refloat" / "incoming")
        return sorted(path for place in places for path in place.rglob("*") if path.is_file())


def wait_until(condition: Callable[[], bool], seconds: float, complaint: Callable[[], str]) -> None:
    """Return as soon as `condition()` holds. Raises RuntimeError(complaint()) after `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise RuntimeError(complaint())
        time.sleep(0.02)
