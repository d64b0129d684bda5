"""Clients that send in drops, break off, or do not read what they asked for."""

import os
import select
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Serve
from tests.web.conftest import Line
from tools.content import digest_of
from tools.serving import Served, wait_until

Connect = Callable[[Served], Line]

MIB = 1 << 20
MOST_DROPS = 200  # ten seconds of them
BODIES = {
    "an upload's": "PATCH {place}",
    "a whole blob's": f"POST /v2/web/slow/blobs/uploads/?digest={digest_of(b'whole')}",
    "a manifest's": "PUT /v2/web/slow/manifests/v1",
    "the management API's": "POST /v2/_refloat/v1/remove",
}


def begun(served: Served) -> str:
    return served.wire.ask("POST", "/v2/web/slow/blobs/uploads/", b"").expect(202).headers["location"]


def workers(served: Served) -> list[str]:
    assert served.process is not None
    return Path(f"/proc/{served.process.pid}/task/{served.process.pid}/children").read_text().split()


def begin(line: Line, request: str, length: int) -> Line:
    """Send the head of a request with a body of `length` bytes."""
    line.head(request, Content_Type="application/json", Content_Length=str(length))
    return line


@pytest.mark.parametrize("request_", BODIES.values(), ids=BODIES)
def test_a_body_that_comes_a_byte_at_a_time_is_not_waited_for(serve: Serve, connect: Connect, request_: str) -> None:
    served = serve(REGISTRY_REFLOAT_RECEIVE_TIMEOUT="1s")
    line = begin(connect(served), request_.format(place=begun(served)), MIB)
    assert line.drip(b" ", MOST_DROPS).startswith(b"HTTP/1.1 408 ")


def test_a_slow_link_is_waited_for(serve: Serve, connect: Connect) -> None:
    """Four kilobytes a second for several times as long as the deadline."""
    served, piece = serve(REGISTRY_REFLOAT_RECEIVE_TIMEOUT="1s"), bytes(200)
    line = begin(connect(served), f"PATCH {begun(served)}", 61 * len(piece))
    assert line.drip(piece, 60) == b""
    line.say(piece)
    assert line.heard(b"\r\n").startswith(b"HTTP/1.1 202 ")


def test_how_fast_a_body_has_to_come_is_the_operators_choice(serve: Serve, connect: Connect) -> None:
    served = serve(REGISTRY_REFLOAT_RECEIVE_TIMEOUT="1s", REGISTRY_REFLOAT_RECEIVE_RATE="0")
    line = begin(connect(served), f"PATCH {begun(served)}", 61)
    assert line.drip(b" ", 60) == b""
    line.say(b" ")
    assert line.heard(b"\r\n").startswith(b"HTTP/1.1 202 ")


def test_a_fast_beginning_earns_no_slow_end(serve: Serve, connect: Connect) -> None:
    served = serve(REGISTRY_REFLOAT_RECEIVE_TIMEOUT="1s")
    line = begin(connect(served), f"PATCH {begun(served)}", 3 * MIB)
    line.say(bytes(2 * MIB))
    assert line.drip(b" ", MOST_DROPS).startswith(b"HTTP/1.1 408 ")


BROKEN = {
    "a size that is no number": ("Transfer-Encoding: chunked", b"zz\r\n{}\r\n0\r\n\r\n"),
    "a negative size": ("Transfer-Encoding: chunked", b"-2\r\n{}\r\n0\r\n\r\n"),
    "a chunk longer than it says": ("Transfer-Encoding: chunked", b"1\r\n{}\r\n0\r\n\r\n"),
    "a chunk broken off": ("Transfer-Encoding: chunked", b"5\r\n{}"),
    "no last chunk": ("Transfer-Encoding: chunked", b"2\r\n{}\r\n"),
    "less than was announced": ("Content-Length: 100", b"abc"),
}


@pytest.mark.parametrize("body", BROKEN.values(), ids=BROKEN)
@pytest.mark.parametrize("request_", BODIES.values(), ids=BODIES)
def test_a_body_that_is_not_written_as_bodies_are_is_a_bad_request(
    registry: Served, connect: Connect, request_: str, body: tuple[str, bytes]
) -> None:
    """The client is told, also one that has said all it will say and only reads."""
    said, sent = body
    line = connect(registry)
    line.say_last(f"{request_.format(place=begun(registry))} HTTP/1.1\r\nHost: x\r\n{said}\r\n\r\n".encode() + sent)
    answer = line.heard(b"}]}")
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"SIZE_INVALID" in answer


def unread(served: Served, path: str, receive: int = 4096) -> socket.socket:
    """Ask for something and read nothing of it."""
    host, _, port = served.address.rpartition(":")
    client = socket.socket()
    client.settimeout(60)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive)
    client.connect((host, int(port)))
    client.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    return client


def has(served: Served, client: socket.socket) -> bool:
    """Does the server still have the other end of a connection?"""
    _, port = client.getsockname()
    lines = Path(f"/proc/{workers(served)[0]}/net/tcp").read_text().splitlines()[1:]
    remote_ends = {line.split()[2]: line.split()[3] for line in lines}
    return f"0100007F:{port:04X}" in remote_ends


@pytest.mark.parametrize("times", [1, 40], ids=["one answer", "many answers"])
def test_an_answer_nobody_reads_is_given_up(serve: Serve, times: int) -> None:
    """Also where each is small and the application has finished with it long ago: the server has not."""
    served, body = serve(REGISTRY_REFLOAT_SEND_TIMEOUT="1s"), bytes(16 * MIB // times)
    path = f"/v2/web/slow/blobs/{digest_of(body)}"
    served.wire.ask("POST", f"/v2/web/slow/blobs/uploads/?digest={digest_of(body)}", body).expect(201)
    with unread(served, path) as client:
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode() * (times - 1))
        wait_until(lambda: has(served, client), 20, lambda: "the connection is not there")
        wait_until(lambda: not has(served, client), 20, lambda: "an answer that nobody reads is kept")
    assert served.wire.ask("GET", path).body == body


def test_a_client_that_reads_slowly_gets_it_all(serve: Serve) -> None:
    served, body = serve(REGISTRY_REFLOAT_SEND_TIMEOUT="1s"), os.urandom(6 * MIB)
    served.wire.ask("POST", f"/v2/web/slow/blobs/uploads/?digest={digest_of(body)}", body).expect(201)
    with unread(served, f"/v2/web/slow/blobs/{digest_of(body)}", receive=65536) as client:
        read = b""
        while body not in read[-len(body) :] and select.select([], [], [], 0.02) and (more := client.recv(100_000)):
            read += more
    assert read.endswith(body)


def test_who_hangs_up_is_not_sent_the_rest(serve: Serve, connect: Connect) -> None:
    """What is written to nobody is taken at once: a server that only writes on reads the whole blob for nothing."""
    served, body = serve(), bytes(256 * MIB)
    served.wire.ask("POST", f"/v2/web/slow/blobs/uploads/?digest={digest_of(body)}", body).expect(201)
    [worker] = workers(served)
    blob = served.files()[0]
    before = bytes_read(worker)
    line = connect(served)
    line.head(f"GET /v2/web/slow/blobs/{digest_of(body)}")
    line.heard(b"\r\n\r\n")
    line.hang_up()
    wait_until(lambda: not is_open(worker, blob), 60, lambda: "the file is let go")
    assert bytes_read(worker) - before < len(body) // 2


def bytes_read(pid: str) -> int:
    """Return how many bytes a process has read, from memory or disk."""
    return int(Path(f"/proc/{pid}/io").read_text().split()[1])


def is_open(pid: str, path: Path) -> bool:
    return any(link.exists() and link.readlink() == path for link in Path(f"/proc/{pid}/fd").iterdir())
