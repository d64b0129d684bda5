"""A Docker engine of the tests' own: its data, socket and containerd in one directory, no network touched."""

import os
import signal
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

from tools.serving import wait_until

STARTING = 60.0
"""Seconds an engine may take to answer."""


class Engine:
    """`dockerd` under `directory`. Needs root. Ended by its own process id."""

    def __init__(self, dockerd: Path, directory: Path) -> None:
        self.dockerd = dockerd
        self.directory = directory
        self.log = directory / "dockerd.log"
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def host(self) -> str:
        """What DOCKER_HOST has to be to reach this engine."""
        return f"unix://{self.directory}/d.sock"

    def __enter__(self) -> Self:
        (self.directory / "daemon.json").write_text("{}")
        with self.log.open("wb") as out:
            self.process = subprocess.Popen(
                [
                    str(self.dockerd), f"--config-file={self.directory}/daemon.json",
                    f"--data-root={self.directory}/data", f"--exec-root={self.directory}/exec",
                    f"--pidfile={self.directory}/pid", f"--host={self.host}",
                    "--iptables=false", "--ip6tables=false", "--bridge=none", "--storage-driver=vfs",
                ],
                stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, start_new_session=True,
            )
        wait_until(self._answers, STARTING, lambda: f"dockerd does not answer:\n{self._tail()}")
        return self

    def _answers(self) -> bool:
        if self.process is None or self.process.poll() is not None:
            raise RuntimeError(f"dockerd has ended:\n{self._tail()}")
        ask = ["docker", "--host", self.host, "version"]
        return subprocess.run(ask, capture_output=True, check=False).returncode == 0

    def _tail(self) -> str:
        return self.log.read_text(errors="replace")[-4000:]

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process is None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(30)
