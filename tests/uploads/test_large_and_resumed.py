"""A 6 GB blob streamed and in chunks; uploads continued elsewhere, later, and by repeated requests.

UPLOAD_GIB (6) makes the large one smaller where disk or time is short.
"""

import hashlib
import http.client
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.serve.program import Program, eventually
from tests.uploads.sending import MIB, Body, Connections, Session, peak_memory

SIZE = int(os.environ.get("UPLOAD_GIB", "6")) << 30
CHUNKS = 16
GROWTH = 100_000_000  # bytes of memory that an upload may cost in all processes
SETTINGS = {
    "REGISTRY_REFLOAT_WORKERS": "2",
    "REGISTRY_REFLOAT_GRAVEYARD": "1ms",
    "REGISTRY_REFLOAT_COLLECT_INTERVAL": "1h",
    "REGISTRY_LOG_ACCESSLOG_DISABLED": "true",
}
Start = Callable[[], Program]
FIRST, SECOND, THIRD = b"a" * 70_000, b"b" * 50_000, b"c" * 10
WHOLE = FIRST + SECOND + THIRD
DIGEST = "sha256:" + hashlib.sha256(WHOLE).hexdigest()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a server over this test's directory, as often as the test likes, one at a time."""
    running: list[Program] = []

    def begin() -> Program:
        running.append(Program(tmp_path, **SETTINGS))
        return running[-1]

    yield begin
    for program in running:
        if program.process.poll() is None:
            end(program, signal.SIGKILL)


def end(program: Program, how: signal.Signals) -> None:
    """End a server and all its workers, and wait for it."""
    if how == signal.SIGKILL:
        os.killpg(program.process.pid, how)
    else:
        program.process.send_signal(how)
    program.process.wait(60)


def ask(connection: http.client.HTTPConnection, method: str, path: str, body: bytes = b"") -> http.client.HTTPResponse:
    connection.request(method, path, body, {"Content-Type": "application/json"} if body else {})
    answer = connection.getresponse()
    answer.body = answer.read()  # type: ignore[attr-defined]
    return answer


def check_pull(connection: http.client.HTTPConnection, digest: str, size: int) -> None:
    """Pull a blob and compare its digest, without keeping it."""
    connection.request("GET", f"/v2/team/large/blobs/{digest}")
    answer = connection.getresponse()
    assert (answer.status, answer.headers["Content-Length"]) == (200, str(size))
    pulled = hashlib.sha256()
    while block := answer.read(MIB):
        pulled.update(block)
    assert "sha256:" + pulled.hexdigest() == digest


def collected(program: Program, connection: http.client.HTTPConnection) -> bool:
    """Let the collector run; is the large blob gone from the disk?"""
    assert ask(connection, "POST", "/v2/_refloat/v1/collect", b"{}").status == 200
    return not any(path.is_file() and path.stat().st_size >= SIZE for path in program.root.rglob("*"))


def streamed(session: Session, connection: http.client.HTTPConnection, body: Body) -> None:
    session.stream(connection, body.part(SIZE))


def in_chunks(session: Session, connection: http.client.HTTPConnection, body: Body) -> None:
    for start in range(0, SIZE, SIZE // CHUNKS):
        session.patch(connection, start, SIZE // CHUNKS, body.part(SIZE // CHUNKS))


@pytest.mark.parametrize("send", [streamed, in_chunks])
def test_memory_stays_flat_at_six_gigabytes(
    start: Start, send: Callable[[Session, http.client.HTTPConnection, Body], None]
) -> None:
    program = start()
    with Connections(program) as connections:
        connection = next(iter(connections.by_worker.values()))
        before, body, session = peak_memory(program), Body(b"0123456789abcdef", SIZE), Session(connection)
        send(session, connection, body)
        session.put(connection, body.digest)
        check_pull(connection, body.digest, SIZE)
        grown = peak_memory(program) - before
        print(f"\n{SIZE >> 30} GiB {send.__name__}: memory grew by {grown / 1e6:.0f} MB in all processes")
        assert grown < GROWTH
        assert ask(connection, "DELETE", f"/v2/team/large/blobs/{body.digest}").status == 202
        eventually(lambda: collected(program, connection), "the blob's bytes stay after its lease was given up")


def test_an_upload_goes_on_in_another_worker(start: Start) -> None:
    program = start()
    with Connections(program) as connections:
        here, there = connections.by_worker.values()
        session = Session(here)
        session.patch(here, 0, len(FIRST), FIRST)
        session.patch(there, len(FIRST), len(SECOND), SECOND)
        session.put(here, DIGEST, THIRD)
        for connection in (here, there):
            check_pull(connection, DIGEST, len(WHOLE))


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_an_upload_goes_on_after_a_restart(start: Start, how: signal.Signals) -> None:
    program = start()
    with Connections(program) as connections:
        connection = next(iter(connections.by_worker.values()))
        session = Session(connection)
        session.patch(connection, 0, len(FIRST), FIRST)
    end(program, how)
    with Connections(start()) as connections:
        connection = next(iter(connections.by_worker.values()))
        answer = ask(connection, "GET", session.place)
        assert (answer.status, answer.headers["Range"]) == (204, f"0-{len(FIRST) - 1}")
        session.patch(connection, len(FIRST), len(SECOND), SECOND)
        session.put(connection, DIGEST, THIRD)
        check_pull(connection, DIGEST, len(WHOLE))


def test_a_chunk_that_was_cut_off_goes_on_from_where_it_ended(start: Start) -> None:
    program = start()
    with Connections(program) as connections:
        here, there = connections.by_worker.values()
        session = Session(here)
        here.putrequest("PATCH", session.place)
        here.putheader("Content-Length", str(len(FIRST)))
        here.endheaders(FIRST[:1000])
        here.close()
        received = 0
        while received == 0:  # the other worker tells as soon as the first has noticed
            answer = ask(there, "GET", session.place)
            received = int(answer.headers["Range"].partition("-")[2])
        assert answer.headers["Range"] == "0-999"
        session.patch(there, 1000, len(FIRST) - 1000, FIRST[1000:])
        session.patch(there, len(FIRST), len(SECOND), SECOND)
        session.put(there, DIGEST, THIRD)
        check_pull(there, DIGEST, len(WHOLE))


def test_a_repeated_chunk_is_told_where_the_upload_ends(start: Start) -> None:
    program = start()
    with Connections(program) as connections:
        here, there = connections.by_worker.values()
        session = Session(here)
        session.patch(here, 0, len(FIRST), FIRST)
        for connection in (here, there):
            fields = {"Content-Range": f"0-{len(FIRST) - 1}", "Content-Length": str(len(FIRST))}
            answer = session.send(connection, "PATCH", session.place, FIRST, fields, 416)
            assert answer.headers["Range"] == f"0-{len(FIRST) - 1}"
            connection.close()
        session.patch(there, len(FIRST), len(SECOND), SECOND)
        session.put(here, DIGEST, THIRD)
        check_pull(there, DIGEST, len(WHOLE))


def test_a_repeated_last_request_is_answered_as_the_first(start: Start) -> None:
    program = start()
    with Connections(program) as connections:
        here, there = connections.by_worker.values()
        session = Session(here)
        session.patch(here, 0, len(FIRST) + len(SECOND), FIRST + SECOND)
        first = session.put(here, DIGEST, THIRD)
        for connection in (here, there):
            again = session.put(connection, DIGEST, THIRD)
            for name in ("Location", "Docker-Content-Digest"):
                assert again.headers[name] == first.headers[name]
        check_pull(there, DIGEST, len(WHOLE))
        wrong = "sha256:" + hashlib.sha256(b"never pushed").hexdigest()
        mark = "&" if "?" in session.place else "?"
        session.send(here, "PUT", f"{session.place}{mark}digest={wrong}", b"", {}, 404)
