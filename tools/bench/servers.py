"""The registries that are measured, each as a process with a directory of its own, on loopback."""

import http.client
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from tools.provision import TOOLS, find
from tools.serving import REFLOAT

BEFORE = "refloat before"
STARTING = 60.0
"""Seconds a server may take to answer before it counts as broken."""

CONFIG = """\
version: 0.1
log:
  fields:
    service: registry
storage:
  cache:
    blobdescriptor: inmemory
  filesystem:
    rootdirectory: {root}
  delete:
    enabled: true
http:
  addr: 127.0.0.1:{port}
  headers:
    X-Content-Type-Options: [nosniff]
health:
  storagedriver:
    enabled: true
    interval: 10s
    threshold: 3
"""


@dataclass(frozen=True)
class Kind:
    """A registry that can be started. `tree` says that it keeps registry:2's layout on disk."""

    name: str
    program: Path
    tree: bool

    def command(self, root: Path, port: int) -> list[str]:
        """Return how to serve `root`; a registry:2 gets its configuration beside the root."""
        if not self.tree:
            return [str(self.program), "serve", "--root", str(root), "--listen", f"127.0.0.1:{port}"]
        return [str(self.program), "serve", str(self.configure(root, port))]

    def configure(self, root: Path, port: int) -> Path:
        """Write a registry:2's configuration and return where."""
        config = root.with_name(root.name + ".yml")
        config.write_text(CONFIG.format(root=root, port=port))
        return config

    def version(self) -> str:
        """Return what the program says it is."""
        said = subprocess.run([str(self.program), "--version"], capture_output=True, text=True, check=False)
        found = re.search(r"v?\d+\.\d+\.\d+\S*", said.stdout + said.stderr)
        return found[0].removeprefix("v") if found else "unknown"


def kinds(before: Path | None = None) -> dict[str, Kind]:
    """Return the registries that are here, refloat first. `before` is the program of another refloat."""
    known = {"refloat": Kind("refloat", REFLOAT, tree=False)}
    if before is not None:
        known[BEFORE] = Kind(BEFORE, before, tree=False)
    stock = find("docker-registry")
    if stock is not None:
        known["docker-registry"] = Kind("docker-registry", stock, tree=True)
    if (TOOLS / "registry").exists():
        known["distribution 3"] = Kind("distribution 3", TOOLS / "registry", tree=True)
    return known


@dataclass
class Server:
    """One registry over one directory. Its log goes to a file on the same disk, as its unit would send it."""

    kind: Kind
    root: Path
    settings: Mapping[str, str] = field(default_factory=dict)
    address: str = ""
    process: subprocess.Popen[bytes] | None = None
    took: float = 0.0

    @property
    def name(self) -> str:
        return self.kind.name

    def start(self) -> Self:
        """Start it and wait for the first answer on /v2/; `took` is then how long that was, in seconds."""
        port = free_port()
        self.root.mkdir(parents=True, exist_ok=True)
        command = self.kind.command(self.root, port)
        with self.root.with_name(self.root.name + ".log").open("ab") as log:
            began = time.perf_counter()
            self.process = spawn(command, log.fileno(), self.settings)
        self.address = f"127.0.0.1:{port}"
        while not answers(self.address):
            if self.process.poll() is not None or time.perf_counter() - began > STARTING:
                raise RuntimeError(f"{self.name} does not answer: {self.tail()}")
            time.sleep(0.001)
        self.took = time.perf_counter() - began
        return self

    def stop(self) -> None:
        """End it by SIGTERM, and by SIGKILL where that is not enough."""
        process, self.process = self.process, None
        if process is None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(20)

    def tail(self) -> str:
        """Return the end of its log."""
        return self.root.with_name(self.root.name + ".log").read_text(errors="replace")[-2000:]

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def spawn(command: Sequence[str], log: int, settings: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Start a server in a session of its own. distribution 3 is told not to look for a collector of traces."""
    environment = {**os.environ, "OTEL_TRACES_EXPORTER": "none", **settings}
    return subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, env=environment,
        start_new_session=True,
    )  # fmt: skip


def free_port() -> int:
    """Return a port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(address: str) -> bool:
    """Does a registry at `address` answer on /v2/, be it that it wants to know who asks?"""
    connection = http.client.HTTPConnection(address, timeout=5)
    try:
        connection.request("GET", "/v2/")
        return connection.getresponse().status in (200, 401)
    except OSError:
        return False
    finally:
        connection.close()
