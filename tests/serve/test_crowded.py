"""More connections than a worker may have: those that do nothing make room for those that do something."""

import re
import resource
import signal
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.serve.program import Program, eventually, limited
from tests.serve.test_serving import begin, upload
from tools.content import digest_of

MIB = 1 << 20


class Poor(Program):
    """A server with 64 descriptors for each of its processes."""

    before = limited(64)


class Modest(Program):
    """A server with 256 descriptors for each of its processes."""

    before = limited(256)


@contextmanager
def crowd(program: Program, number: int, say: Callable[[socket.socket], None] = lambda _: None) -> Iterator[None]:
    """Keep that many connections open, each of which says something or nothing, for as long as the block lasts."""
    place = urlsplit(program.url)
    with ExitStack() as stack:
        for _ in range(number):
            one = stack.enter_context(socket.socket())
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            one.settimeout(60)
            one.connect((place.hostname, place.port))
            say(one)
        yield


def push(program: Program, body: bytes) -> str:
    """Push a blob and return its address."""
    assert program.ask("POST", f"/v2/a/blobs/uploads/?digest={digest_of(body)}", body).status == 201
    return f"/v2/a/blobs/{digest_of(body)}"


def test_a_crowd_takes_no_descriptor_that_a_pull_needs(tmp_path: Path) -> None:
    with Poor(tmp_path, REGISTRY_REFLOAT_WORKERS="1") as program, closing(program.connect()) as client:
        path = push(program, bytes(1000))
        client.request("GET", "/v2/")
        client.getresponse().read()
        with crowd(program, 100):
            for _ in range(200):
                client.request("GET", path)
                answer = client.getresponse()
                assert (answer.status, answer.read()) == (200, bytes(1000))


def test_a_crowd_without_descriptors_costs_no_processor(tmp_path: Path) -> None:
    """A worker that accepts what it has no descriptor for tries again at once, for ever."""
    with Poor(tmp_path, REGISTRY_REFLOAT_WORKERS="1") as program:
        assert program.ask("GET", "/v2/").status == 200
        [worker] = program.workers()
        with crowd(program, 100):
            eventually(lambda: descriptors_of(worker) > 40, "nobody of the crowd was accepted")
            assert descriptors_of(worker) < 64
            assert "each worker takes up to 12 connections at once" in program.said()


def descriptors_of(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


SAYINGS: Mapping[str, bytes] = {
    "nothing": b"",
    "one request": b"GET /v2/ HTTP/1.1\r\nHost: x\r\n\r\n",
    "half a head": b"GET /v2/ HTTP/1.1\r\nX-Never-Ends: ",
}


@pytest.mark.parametrize("said", SAYINGS.values(), ids=SAYINGS)
def test_who_says_nothing_makes_room(tmp_path: Path, said: bytes) -> None:
    body = b"layer" * 1000
    with Modest(tmp_path, REGISTRY_REFLOAT_WORKERS="1") as program, closing(program.connect()) as busy:
        begin(busy, f"PATCH {upload(program)}", len(body))
        busy.send(body[:-1])
        with crowd(program, 300, lambda one: one.sendall(said)):
            assert program.ask("GET", "/v2/").status == 200
            busy.send(body[-1:])
            assert busy.getresponse().status == 202, "a request is under way there"
        assert "this worker is nearly full" in program.said()
        program.send(signal.SIGTERM)
        assert program.ended() == 0


def test_who_reads_nothing_makes_room(tmp_path: Path) -> None:
    """Blobs that are being read have files open: there are fewer of those than of connections."""
    with Modest(tmp_path, REGISTRY_REFLOAT_WORKERS="1") as program:
        path = push(program, bytes(16 * MIB))
        small = push(program, b"small")
        request = f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
        with crowd(program, 40, lambda one: one.sendall(request)):
            eventually(lambda: is_put_off(program, small), "so many files may not be open")
            assert program.ask("GET", "/v2/a/tags/list").status == 200, "who needs no file is answered"
            eventually(lambda: program.ask("GET", small).status == 200, "nobody made room")


def is_put_off(program: Program, path: str) -> bool:
    answer = program.ask("GET", path)
    return answer.status == 503 and int(answer.getheader("Retry-After") or "0") > 0


def test_the_limit_is_raised_to_what_the_operator_grants(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (128, hard))
    try:
        with Program(tmp_path, REGISTRY_REFLOAT_WORKERS="1") as program:
            assert program.ask("GET", "/v2/").status == 200
            [worker] = program.workers()
            limits = re.search(r"Max open files +(\d+) +(\d+)", Path(f"/proc/{worker}/limits").read_text())
            assert limits is not None
            assert (limits[1], limits[2]) == (str(hard), str(hard))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
