"""Request bodies as clients really send them: refused early, announced, slow, broken off, larger than memory."""

import os
from collections.abc import Callable
from contextlib import closing
from http.client import HTTPConnection, IncompleteRead
from pathlib import Path

import pytest

from tests.conftest import Serve
from tests.web.conftest import Line, Seeded
from tools.content import Part, digest_of
from tools.serving import Served, wait_until

Connect = Callable[[Served], Line]

MIB = 1 << 20
END = b"\r\n0\r\n\r\n"  # of an answer that does not say how long it is
UNKNOWN = "/v2/web/bodies/blobs/uploads/unknown"


def begun(served: Served, name: str = "web/bodies") -> str:
    return served.wire.ask("POST", f"/v2/{name}/blobs/uploads/", b"").expect(202).headers["location"]


def recorded(served: Served, place: str) -> str:
    return served.wire.ask("GET", place).expect(204).headers["range"]


@pytest.mark.parametrize("number", range(5))
def test_an_early_refusal_is_heard_by_who_goes_on_sending(registry: Served, number: int, connect: Connect) -> None:
    """Answered and hung up on, a client sees a broken pipe instead of the answer."""
    line = connect(registry)
    line.head(f"PATCH {UNKNOWN}", Content_Length=str(8 * MIB))
    for _ in range(8):
        line.say(bytes(MIB))
    answer = line.heard(END)
    assert answer.startswith(b"HTTP/1.1 404 ")
    assert b"BLOB_UPLOAD_UNKNOWN" in answer


def test_a_client_that_asks_first_need_not_send(registry: Served, connect: Connect) -> None:
    line = connect(registry)
    line.head(f"PUT {UNKNOWN}?digest={digest_of(b'')}", Content_Length=str(MIB), Expect="100-continue")
    assert line.heard(b"\r\n").startswith(b"HTTP/1.1 404 ")


def test_a_client_that_asks_first_is_told_to_go_on(registry: Served, connect: Connect) -> None:
    place, line = begun(registry), connect(registry)
    line.head(f"PUT {place}?digest={digest_of(b'asked first')}", Content_Length="11", Expect="100-continue")
    assert line.heard(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    line.say(b"asked first")
    assert line.heard(b"\r\n").startswith(b"HTTP/1.1 201 ")


def test_a_connection_serves_again_after_a_body_nobody_asked_for(registry: Served, connect: Connect) -> None:
    line = connect(registry)
    line.head("POST /v2/web/bodies/blobs/uploads/", Content_Length="5")
    line.say(b"extra")
    assert line.heard(b"\r\n\r\n").startswith(b"HTTP/1.1 202 ")


def test_a_manifest_too_large_is_refused_before_it_came(registry: Served, connect: Connect) -> None:
    line = connect(registry)
    line.head("PUT /v2/web/bodies/manifests/v1", Content_Length=str(1 << 40), Expect="100-continue")
    assert line.heard(b"\r\n").startswith(b"HTTP/1.1 413 ")


def test_a_manifest_that_does_not_say_how_large_it_is_ends_at_the_limit(registry: Served, connect: Connect) -> None:
    line = connect(registry)
    line.head("PUT /v2/web/bodies/manifests/v1", Transfer_Encoding="chunked")
    for _ in range(5):
        line.say(b"100000\r\n" + bytes(MIB) + b"\r\n")
    line.say(b"0\r\n\r\n")
    assert b"SIZE_INVALID" in line.heard(END)


def test_a_chunked_body_is_taken_whole(registry: Served, connect: Connect) -> None:
    place, line = begun(registry), connect(registry)
    line.head(f"PATCH {place}", Transfer_Encoding="chunked")
    for _ in range(3):
        line.say(b"100000\r\n" + bytes(MIB) + b"\r\n")
    line.say(b"0\r\n\r\n")
    assert line.heard(b"\r\n\r\n").startswith(b"HTTP/1.1 202 ")
    assert recorded(registry, place) == f"0-{3 * MIB - 1}"


def test_what_came_before_a_client_was_gone_is_kept(registry: Served, connect: Connect) -> None:
    place, line = begun(registry), connect(registry)
    line.head(f"PATCH {place}", Content_Length=str(100 * MIB))
    for _ in range(3):
        line.say(b"a" * MIB)
    line.hang_up()
    wait_until(lambda: recorded(registry, place) == f"0-{3 * MIB - 1}", 60, lambda: "what came is recorded")
    whole = b"a" * 3 * MIB + b"the rest"
    registry.wire.ask("PATCH", place, b"the rest", Content_Range=f"{3 * MIB}-{3 * MIB + 7}").expect(202)
    registry.wire.ask("PUT", f"{place}?digest={digest_of(whole)}", b"").expect(201)


def test_a_second_writer_is_refused_while_the_first_still_sends(registry: Served, connect: Connect) -> None:
    place, line = begun(registry), connect(registry)
    line.head(f"PATCH {place}", Content_Length="10")
    line.say(b"first")
    wait_until(lambda: is_held(registry), 60, lambda: "the first request has the file")
    assert recorded(registry, place) == "0-0"
    for method, query in (("PATCH", ""), ("PUT", f"?digest={digest_of(b'')}")):
        registry.wire.ask(method, place + query, b"").expect(416)
    line.say(b" last")
    assert line.heard(b"\r\n\r\n").startswith(b"HTTP/1.1 202 ")
    registry.wire.ask("PUT", f"{place}?digest={digest_of(b'first last')}", b"").expect(201)


def is_held(served: Served) -> bool:
    """Does a request have an upload's file open?"""
    return any(is_open(served, path) for path in (served.root / "refloat" / "incoming").iterdir())


def test_a_client_that_sends_nothing_is_not_waited_for(serve: Serve, connect: Connect) -> None:
    served = serve(REGISTRY_REFLOAT_RECEIVE_TIMEOUT="300ms")
    place, line = begun(served), connect(served)
    line.head(f"PATCH {place}", Content_Length="10")
    line.say(b"begun")
    answer = line.heard(END)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert recorded(served, place) == "0-4", "and what it sent is kept"


def test_memory_is_bounded_while_large_bodies_come(serve: Serve, connect: Connect) -> None:
    served = serve(REGISTRY_LOG_ACCESSLOG_DISABLED="true")
    places = [begun(served) for _ in range(8)]
    lines = [connect(served) for _ in places]
    for line, place in zip(lines, places, strict=True):
        line.head(f"PATCH {place}", Content_Length=str(64 * MIB))
    before = memory(served)
    for _ in range(64):
        for line in lines:
            line.say(bytes(MIB))
    for line in lines:
        assert line.heard(b"\r\n\r\n").startswith(b"HTTP/1.1 202 ")
    assert memory(served) - before < 100 * MIB


def memory(served: Served) -> int:
    """Return the most memory the server's processes ever had, in bytes."""
    assert served.process is not None
    children = Path(f"/proc/{served.process.pid}/task/{served.process.pid}/children").read_text().split()
    peaks = 0
    for pid in (str(served.process.pid), *children):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                peaks += int(line.split()[1]) * 1024
    return peaks


def test_a_blob_shorter_than_it_should_be_is_not_there_and_a_push_heals_it(serve: Serve, seeded: Seeded) -> None:
    served, body = serve(), b"z" * 10_000
    path = f"/v2/web/bodies/blobs/{digest_of(body)}"
    served.wire.ask("POST", f"/v2/web/bodies/blobs/uploads/?digest={digest_of(body)}", body).expect(201)
    os.truncate(served.files()[0], 5000)
    for method in ("GET", "HEAD"):
        assert served.wire.ask(method, path).status == 404
    served.wire.ask("POST", f"/v2/web/bodies/blobs/uploads/?digest={digest_of(body)}", body).expect(201)
    assert served.wire.ask("GET", path).body == body


def test_ranges_stop_when_the_client_is_gone(serve: Serve, connect: Connect) -> None:
    served, body = serve(), bytes(64 * MIB)
    served.wire.ask("POST", f"/v2/web/bodies/blobs/uploads/?digest={digest_of(body)}", body).expect(201)
    line = connect(served)
    line.head(f"GET /v2/web/bodies/blobs/{digest_of(body)}", Range=f"bytes=1-{len(body)}")
    assert line.heard(b"\r\n\r\n").startswith(b"HTTP/1.1 206 ")
    line.hang_up()
    blob = served.files()[0]
    wait_until(lambda: not is_open(served, blob), 60, lambda: "the file is let go")


def test_half_a_blob_never_looks_whole(serve: Serve) -> None:
    """Its file gets shorter while it is sent: the answer breaks off before the length it promised."""
    served, body = serve(), bytes(64 * MIB)
    served.wire.ask("POST", f"/v2/web/bodies/blobs/uploads/?digest={digest_of(body)}", body).expect(201)
    with closing(HTTPConnection(served.address, timeout=60)) as connection:
        connection.request("GET", f"/v2/web/bodies/blobs/{digest_of(body)}")
        answer = connection.getresponse()
        os.truncate(served.files()[0], 48 * MIB + 1)
        with pytest.raises(IncompleteRead):
            answer.read()


def is_open(served: Served, path: Path) -> bool:
    assert served.process is not None
    children = Path(f"/proc/{served.process.pid}/task/{served.process.pid}/children").read_text().split()
    links = [link for pid in children for link in Path(f"/proc/{pid}/fd").iterdir()]
    return any(link.exists() and link.readlink() == path for link in links)


def test_every_request_is_a_line_that_nobody_can_forge(serve: Serve) -> None:
    served = serve()
    served.wire.ask("GET", "/v2/a%22%20b/manifests/v1?x=%0a", None, User_Agent='u"\\\t\xe9', Referer="r")
    served.wire.ask("GET", "/v2/_refloat/v1/")
    served.stop()
    lines = [line for line in served.tail().splitlines() if '"GET /v2/' in line and "HTTP/1.1" in line]
    first = next(line for line in lines if "%22" in line)
    assert first.startswith("127.0.0.1 - - [")
    assert '"GET /v2/a%22%20b/manifests/v1?x=%0a HTTP/1.1" 400 ' in first
    assert first.endswith(r'"r" "u\x22\x5c\x09\xe9"')
    assert any('"GET /v2/_refloat/v1/ HTTP/1.1" 200 ' in line for line in lines)


def test_a_blob_the_kernel_has_forgotten_comes_whole(serve: Serve) -> None:
    served, layer = serve(), Part("application/x", os.urandom(3_000_001))
    served.wire.push_blob("cold", layer)
    with served.files()[0].open("rb") as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    assert served.wire.blob("cold", layer.digest).expect(200).body == layer.body
