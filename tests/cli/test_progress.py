"""What people see while a server takes long; the server here answers only when they have seen it."""

import os
import pty
import re
import subprocess
import sys
import termios
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from tests.cli.conftest import DEADLINE, Shell
from tools.serving import Served

ROUND = (
    b'{"schema": "refloat.round/1", "dry_run": false, "number": 1, "clock": "2026-11-25T00:00:00Z", "pruned": 0,'
    b' "behind_seconds": 0, "let_go": 0, "swept": 0, "expired_uploads": 0, "condemned": 0, "reaped": 0,'
    b' "reaped_bytes": 0, "forgotten": 0, "held": [], "waiting": {"blobs": 0, "size": 0, "by": null}}'
)


@contextmanager
def slow(seen: threading.Event) -> Iterator[str]:
    """A server that answers a round of the collector once `seen` is set; yields its address."""

    class Slow(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert seen.wait(DEADLINE)
            self.send_response(200)
            self.send_header("Refloat-Api", "1")
            self.send_header("Content-Length", f"{len(ROUND)}")
            self.end_headers()
            self.wfile.write(ROUND)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Slow)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_long_work_says_how_long_it_takes_and_leaves_nothing_of_that(shell: Shell) -> None:
    seen = threading.Event()
    with slow(seen) as address:
        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            [sys.executable, "-m", "refloat", "gc"], env={**shell.environment, "REFLOAT_HOST": address},
            stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
        )  # fmt: skip
        os.close(theirs)
        screen = b""
        while "collecting … 1 s" not in screen.decode(errors="ignore"):
            screen += os.read(ours, 65536)
        seen.set()
        while b"held" not in screen and b"waiting" not in screen:
            screen += os.read(ours, 65536)
        assert process.wait(DEADLINE) == 0
        os.close(ours)
    lines = screen.decode(errors="ignore").split("\r\x1b[K")
    assert lines[1].startswith("collecting … 1 s")
    assert "collecting" not in lines[-1]


UPLOADING = """
import os, sys
from pathlib import Path
from datetime import UTC, datetime
from refloat.cli.printing import Printer
from refloat.cli.progress import Bar
from refloat.client.origin import parse_origin
from refloat.client.registry import Registry
from refloat.core.names import Digest

blob = bytes(20 << 20)
bar = Bar(Printer(sys.argv[2], "never", datetime(2026, 1, 1, tzinfo=UTC)))
registry = Registry(parse_origin(sys.argv[1], "loopback"), progress=bar)
registry.upload("told/one", Digest.of(blob), len(blob), lambda first: iter([blob[first:]]))
print("over")
"""


def test_a_blob_on_its_way_draws_a_bar_and_leaves_nothing_of_it(registry: Served, shell: Shell) -> None:
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 60))
    command = [sys.executable, "-c", UPLOADING, registry.address, "people"]
    process = subprocess.Popen(command, env=shell.environment, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    screen = b""
    while b"over" not in screen:
        screen += os.read(ours, 65536)
    assert process.wait(DEADLINE) == 0
    os.close(ours)
    lines = screen.decode().split("\r\x1b[K")
    assert re.fullmatch(r"━+─+ [0-9.]+ MiB of 20 MiB  told/one [0-9a-f]+", lines[1])
    assert all(len(line) < 60 for line in lines)
    assert lines[-1].split() == ["over"]


@pytest.mark.parametrize("form", ["people", "lines", "json"])
def test_no_bar_where_there_is_no_terminal(registry: Served, shell: Shell, form: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", UPLOADING, registry.address, form],
        env=shell.environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert (done.stdout, done.stderr) == ("over\n", "")


@pytest.mark.parametrize("words", [["gc"], ["du"]])
def test_quick_work_and_pipes_say_nothing_of_it(own: tuple[Served, Shell], words: list[str]) -> None:
    shell = own[1]
    assert "…" not in shell.on_terminal(*words).out
    assert shell(*words).err == ""
