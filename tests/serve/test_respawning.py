"""Workers that end again and again: each is replaced, the others go on, and only a server that never served ends."""

import os
import re
import signal
from pathlib import Path

import pytest

from tests.serve.program import Program, eventually

LATE = """
import os, threading, time
from multiprocessing import popen_fork

real = popen_fork.Popen.poll

def late(self, flag=os.WNOHANG):
    if threading.current_thread() is threading.main_thread() or flag:
        return real(self, flag)
    try:
        _, status = os.waitpid(self.pid, flag)
    except ChildProcessError:
        return None
    time.sleep(0.5)
    self.returncode = os.waitstatus_to_exitcode(status)
    return self.returncode

popen_fork.Popen.poll = late
"""
"""A machine so busy that a thread of Granian's has to wait for its turn when it has learned that a worker ended."""


def kill(program: Program, worker: int) -> list[int]:
    """Kill a worker that serves, and return the workers there are when another is in its place."""
    there = program.workers()
    os.kill(worker, signal.SIGKILL)

    def is_replaced() -> bool:
        now = program.workers()
        return worker not in now and len(now) == len(there)

    eventually(is_replaced, "no new worker was started")
    return program.workers()


def listening(program: Program) -> int:
    """Return how many sockets listen at the server's port, of all workers."""
    port = f":{int(program.url.rpartition(':')[2]):04X}"
    rows = [row.split() for row in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(row[1].endswith(port) and row[3] == "0A" for row in rows)


def pauses(program: Program) -> list[str]:
    """Return when the next worker was said to start, for each that ended."""
    return re.findall(r"the next one starts ([^\"]+)", program.said())


def test_a_worker_that_ends_again_and_again_leaves_the_others_alone(tmp_path: Path) -> None:
    with Program(tmp_path, REGISTRY_REFLOAT_WORKERS="2") as program:
        assert program.ask("GET", "/v2/").status == 200
        eventually(lambda: len(program.workers()) == 2, "two workers were asked for")
        healthy, victim = program.workers()
        for _ in range(4):
            [victim] = [worker for worker in kill(program, victim) if worker != healthy]
            assert program.ask("GET", "/v2/").status == 200
        assert healthy in program.workers()
        assert pauses(program) == ["at once", "in 0.5 s", "in 1 s", "in 2 s"]
        assert program.said().count("with SIGKILL") == 4
        program.send(signal.SIGTERM)
        assert program.ended() == 0


def test_the_only_worker_may_end_again_and_again(tmp_path: Path) -> None:
    with Program(tmp_path, REGISTRY_REFLOAT_WORKERS="1") as program:
        for _ in range(3):
            assert program.ask("GET", "/v2/").status == 200
            kill(program, *program.workers())
        assert program.ask("GET", "/v2/").status == 200
        program.send(signal.SIGTERM)
        assert program.ended() == 0


def test_a_worker_that_cannot_start_is_tried_again_while_another_serves(tmp_path: Path) -> None:
    """And who would wait for it is served by the other."""
    with Program(tmp_path, REGISTRY_REFLOAT_WORKERS="2") as program:
        assert program.ask("GET", "/v2/").status == 200
        eventually(lambda: len(program.workers()) == 2, "two workers were asked for")
        healthy, victim = program.workers()
        objects = program.root / "refloat" / "objects"
        aside = objects.rename(objects.with_name("aside"))
        objects.write_text("in the way")
        os.kill(victim, signal.SIGKILL)
        eventually(lambda: "in 4 s" in pauses(program), "it was not tried again and again")
        for _ in range(40):
            assert program.ask("GET", "/v2/").status == 200
        assert program.workers() == [healthy], "that took longer than its pause: it shows nothing"
        objects.unlink()
        aside.rename(objects)
        eventually(lambda: listening(program) == 2, "it was not tried once more")
        for _ in range(40):
            assert program.ask("GET", "/v2/").status == 200
        program.send(signal.SIGTERM)
        assert program.ended() == 0


def test_a_server_that_has_served_waits_for_its_disk(tmp_path: Path) -> None:
    """What one worker cannot start with, none can; it may be mended, and who waits is answered then."""
    with Program(tmp_path, REGISTRY_REFLOAT_WORKERS="1") as program:
        assert program.ask("GET", "/v2/").status == 200
        objects = program.root / "refloat" / "objects"
        aside = objects.rename(objects.with_name("aside"))
        objects.write_text("in the way")
        os.kill(program.workers()[0], signal.SIGKILL)
        eventually(lambda: program.said().count("a worker cannot start") >= 4, "it was not tried again and again")
        assert program.process.poll() is None
        objects.unlink()
        aside.rename(objects)
        assert program.ask("GET", "/v2/").status == 200


def test_workers_that_never_served_end_the_server(tmp_path: Path) -> None:
    (tmp_path / "root" / "refloat").mkdir(parents=True)
    (tmp_path / "root" / "refloat" / "objects").write_text("in the way")
    with Program(tmp_path, REGISTRY_REFLOAT_WORKERS="2") as program:
        assert program.ended() == 1
        assert "no worker can start: the server ends" in program.said()
        assert "Traceback" not in program.said()


@pytest.mark.parametrize("drain", ["30s", "0s"])
def test_a_worker_that_has_ended_is_not_killed(tmp_path: Path, drain: str) -> None:
    (tmp_path / "sitecustomize.py").write_text(LATE)
    path = os.pathsep.join([str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])])
    settings = {"REGISTRY_REFLOAT_WORKERS": "3", "REGISTRY_HTTP_DRAINTIMEOUT": drain, "PYTHONPATH": path}
    with Program(tmp_path, **settings) as program:
        assert program.ask("GET", "/v2/").status == 200
        eventually(lambda: len(program.workers()) == 3, "three workers were asked for")
        program.send(signal.SIGTERM)
        assert program.ended() == 0
        said = program.said()
    assert "gracefully" not in said
    assert "cut off" not in said


def test_a_hang_up_replaces_the_workers_of_a_busy_machine_too(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(LATE)
    path = os.pathsep.join([str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])])
    with Program(tmp_path, REGISTRY_REFLOAT_WORKERS="2", PYTHONPATH=path) as program:
        assert program.ask("GET", "/v2/").status == 200
        eventually(lambda: len(program.workers()) == 2, "two workers were asked for")
        before = set(program.workers())
        program.send(signal.SIGHUP)
        eventually(lambda: len(program.workers()) == 2 and not before & set(program.workers()), "nobody was replaced")
        assert program.ask("GET", "/v2/").status == 200
        assert "gracefully" not in program.said()
        program.send(signal.SIGTERM)
        assert program.ended() == 0


def test_a_request_that_outlasts_the_drain_is_told_of(tmp_path: Path) -> None:
    with Program(tmp_path, REGISTRY_HTTP_DRAINTIMEOUT="200ms") as program:
        connection = program.connect()
        connection.putrequest("PATCH", program.ask("POST", "/v2/a/blobs/uploads/").getheader("Location") or "")
        connection.putheader("Content-Length", "100")
        connection.endheaders(b"some")
        assert program.ask("GET", "/v2/").status == 200  # the worker has taken what came before
        program.send(signal.SIGTERM)
        assert program.ended() == 0
        connection.close()
        assert "had requests under way after 0.2 s: they are cut off" in program.said()
