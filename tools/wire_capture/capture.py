"""Packets on loopback, taken by tshark while something happens, and read back as the heads that were sent."""

import json
import os
import re
import select
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from tools.wire_capture.exchange import Head

PATIENCE = 60.0
"""Seconds tshark may take to see a packet before the capture counts as broken."""

READING = ("-o", "http.desegment_body:FALSE")
"""A head is shown where it was sent, also if its body never came."""

SEEN = "http or tcp.flags.fin == 1"
"""A filter that lets through each HTTP message and each end of a connection."""


class Mark:
    """Datagrams to a port of our own. Once tshark has shown one, it holds whatever was sent before."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port = int(self._socket.getsockname()[1])

    def send(self) -> None:
        self._socket.sendto(b"", ("127.0.0.1", self.port))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()


@contextmanager
def captured(tshark: Path, port: int, into: Path) -> Iterator[None]:
    """Capture what goes to and from `port` on loopback during the body, into a pcapng file of only that.

    Raises RuntimeError if tshark does not capture; taking packets needs root or the like.
    """
    raw = into.with_suffix(".raw")
    with Mark() as began, Mark() as ended:
        wanted = f"tcp port {port} or udp port {began.port} or udp port {ended.port}"
        command = [
            str(tshark), "-i", "lo", "-f", wanted, "-q", "-l", "-P", "-w", str(raw), "-T", "fields", "-e", "udp.dstport"
        ]  # fmt: skip
        with subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
        ) as process:
            try:
                _wait(process, began)
                yield
                _wait(process, ended)
            finally:
                _end(process)
    _keep(tshark, raw, port, into)


def _wait(process: subprocess.Popen[bytes], mark: Mark) -> None:
    """Send marks until tshark shows one. Raises RuntimeError."""
    assert process.stdout is not None
    seen = b""
    deadline = time.monotonic() + PATIENCE
    while str(mark.port).encode() not in seen.split():
        mark.send()
        if select.select([process.stdout], [], [], 0.05)[0]:
            news = os.read(process.stdout.fileno(), 65536)
            if not news:
                raise RuntimeError(f"tshark has ended with {process.wait()}; does it take root to capture here?")
            seen += news
        if time.monotonic() > deadline:
            raise RuntimeError("tshark sees no packets on loopback")


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the capture as Ctrl-C would, and by SIGKILL where that is not enough."""
    process.send_signal(signal.SIGINT)
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)


def _keep(tshark: Path, raw: Path, port: int, into: Path) -> None:
    """Write only the registry's packets, by way of pcap, which has no place for facts about this machine."""
    plain = into.with_suffix(".pcap")
    _tshark(tshark, "-r", str(raw), "-Y", f"tcp.port == {port}", "-F", "pcap", "-w", str(plain))
    _tshark(tshark, "-r", str(plain), "-F", "pcapng", "-w", str(into))
    raw.unlink()
    plain.unlink()


def _tshark(tshark: Path, *arguments: str) -> str:
    done = subprocess.run(
        [str(tshark), *arguments],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"tshark {' '.join(arguments)} ended with {done.returncode}: {done.stderr[-2000:]}")
    return done.stdout


def read_heads(tshark: Path, capture: Path) -> list[Head]:
    """Return every head in a capture, in the order they were sent."""
    fields = [
        "http.request.method", "http.request.uri", "http.request.version", "http.request.line",
        "http.response.version", "http.response.code", "http.response.phrase", "http.response.line",
    ]  # fmt: skip
    chosen = [part for name in fields for part in ("-e", name)]
    wanted = ("-Y", "http.request or http.response", "-T", "json", *chosen)
    packets = json.loads(_tshark(tshark, "-r", str(capture), *READING, *wanted))
    return [_head(packet["_source"]["layers"]) for packet in packets]


def _head(layers: dict[str, list[str]]) -> Head:
    kind = "request" if "http.request.method" in layers else "response"
    names = ("method", "uri", "version") if kind == "request" else ("version", "code", "phrase")
    first = " ".join(layers[f"http.{kind}.{name}"][0] for name in names)
    lines = (line.replace("\\r\\n", "").rstrip("\r\n") for line in layers[f"http.{kind}.line"])
    return Head(first, tuple(lines))


def list_packets(tshark: Path, capture: Path, seen: str) -> str:
    """Return what tshark prints of a capture: a line for each packet that the filter `seen` lets through."""
    lines = _tshark(tshark, "-r", str(capture), *READING, "-Y", seen).splitlines()
    return "\n".join(line.rstrip() for line in lines)


def version_of(tshark: Path) -> str:
    """Return tshark's version."""
    found = re.search(r"\d+\.\d+\.\d+", _tshark(tshark, "--version"))
    return found[0] if found else "unknown"
