"""The load: wrk for GET, ab for HEAD, and a small Go program of ours for bodies and for pushes."""

import json
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tools.content import INDEX, MANIFEST
from tools.provision import TOOLS, find, find_go

SOURCE = Path(__file__).parent / "load"
PROGRAM = TOOLS / "bench-load"
PATIENCE = 600.0
"""Seconds after which a load counts as hung."""

MILLISECONDS = {"us": 0.001, "ms": 1.0, "s": 1000.0, "m": 60_000.0}


@dataclass(frozen=True)
class Answered:
    """What wrk or ab saw: requests a second, and the 99th percentile of their durations in milliseconds."""

    rate: float
    p99: float


@dataclass(frozen=True)
class Moved:
    """What the Go program did: wall time in seconds, pieces, bytes, durations of pieces in milliseconds."""

    seconds: float
    count: int
    bytes: int
    p50_ms: float
    p99_ms: float
    most_ms: float

    @property
    def gigabytes_per_second(self) -> float:
        return self.bytes / self.seconds / 1e9

    @property
    def per_second(self) -> float:
        return self.count / self.seconds


def build() -> None:
    """Build the Go program; it needs nothing but the standard library. Raises RuntimeError without a Go toolchain."""
    go = find_go()
    if go is None:
        raise RuntimeError("no Go toolchain to build the load program with")
    TOOLS.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "GOTOOLCHAIN": "local", "CGO_ENABLED": "0", "GOFLAGS": ""}
    subprocess.run([str(go), "build", "-o", str(PROGRAM), "."], cwd=SOURCE, env=environment, check=True)


def wrk(address: str, path: str, *, connections: int, seconds: float) -> Answered:
    """Ask for `path` again and again from one thread. Raises RuntimeError at any answer but 2xx."""
    accept = f"Accept: {INDEX}, {MANIFEST}"
    whole = max(1, round(seconds))
    said = _run([
        _needed("wrk"), "-t1", f"-c{connections}", f"-d{whole}s", "--timeout", "30s", "--latency",
        "-H", accept, f"http://{address}{path}",
    ])  # fmt: skip
    if "Non-2xx" in said or "Socket errors" in said:
        raise RuntimeError(f"wrk {path}: {said}")
    rate, p99 = re.search(r"Requests/sec:\s+([\d.]+)", said), re.search(r"99%\s+([\d.]+)(us|ms|s|m)", said)
    if rate is None or p99 is None:
        raise RuntimeError(f"wrk said: {said}")
    return Answered(float(rate[1]), float(p99[1]) * MILLISECONDS[p99[2]])


def ab_head(address: str, path: str, *, connections: int, seconds: float) -> Answered:
    """Ask HEAD `path` again and again over kept connections. Raises RuntimeError at any answer but 2xx."""
    whole = max(1, round(seconds))
    said = _run([
        _needed("ab"), "-q", "-k", "-i", "-c", str(connections), "-t", str(whole), "-n", "10000000",
        f"http://{address}{path}",
    ])  # fmt: skip
    rate, p99 = re.search(r"Requests per second:\s+([\d.]+)", said), re.search(r"99%\s+(\d+)", said)
    failed = re.search(r"Failed requests:\s+([1-9]\d*)", said)
    if rate is None or p99 is None or failed or "Non-2xx" in said:
        raise RuntimeError(f"ab {path}: {said}")
    return Answered(float(rate[1]), float(p99[1]))


def load(mode: str, address: str, **flags: object) -> Moved:
    """Run the Go program in one of its modes. Raises RuntimeError with what it said."""
    return _moved(_run(_command(mode, address, flags)))


def loading(mode: str, address: str, **flags: object) -> subprocess.Popen[str]:
    """Start the Go program and return at once; `finished` waits for it."""
    return subprocess.Popen(
        _command(mode, address, flags), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip


def finished(running: subprocess.Popen[str]) -> Moved:
    """Return what a started Go program did. Raises RuntimeError with what it said."""
    out, complaint = running.communicate(timeout=PATIENCE)
    if running.returncode:
        raise RuntimeError(complaint.strip())
    return _moved(out)


def _command(mode: str, address: str, flags: dict[str, object]) -> list[str]:
    told = [f"-{name.replace('_', '-')}={value}" for name, value in flags.items()]
    return [str(PROGRAM), mode, f"-address={address}", *told]


def _moved(line: str) -> Moved:
    return Moved(**json.loads(line))


def _needed(program: str) -> str:
    found = find(program)
    if found is None:
        raise RuntimeError(f"{program} is missing: tools/provision.py bench installs it")
    return str(found)


def _run(command: list[str]) -> str:
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{command[0]}: {(done.stderr or done.stdout).strip()[-1000:]}")
    return done.stdout
