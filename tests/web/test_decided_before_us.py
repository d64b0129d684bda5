"""What the HTTP server decides before our code is asked. docs/faults.md says which setting of its is missing."""

from collections.abc import Callable

import pytest

from tests.web.conftest import Line, Seeded, image_of
from tools.serving import Served, wait_until

Connect = Callable[[Served], Line]

HEAD = b"GET /v2/ HTTP/1.1\r\nHost: registry\r\n"
REFUSED = {
    "more than a hundred header lines": (HEAD + b"X-A: b\r\n" * 100 + b"\r\n", b"431"),
    "a megabyte of a header": (HEAD + b"X-A: " + b"b" * 1_000_000 + b"\r\n\r\n", b"431"),
    "a target of 70,000 bytes": (b"GET /v2/" + b"a" * 70_000 + b" HTTP/1.1\r\nHost: registry\r\n\r\n", b"414"),
    "a line that is no request": (b"hello\r\n\r\n", b"400"),
    "a header without a colon": (HEAD + b"X-A b\r\n\r\n", b"400"),
    "two lengths": (HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", b"400"),
}


@pytest.mark.parametrize(("said", "status"), REFUSED.values(), ids=REFUSED)
def test_it_refuses_without_a_word(registry: Served, connect: Connect, said: bytes, status: bytes) -> None:
    """A status, no body, and the connection ends: the access log has no line of it."""
    line = connect(registry)
    line.say(said)
    answer = line.heard(b"nothing ends it but the end")
    assert answer.startswith(b"HTTP/1.1 %b " % status)
    assert b"content-length: 0\r\n" in answer
    assert answer.endswith(b"\r\n\r\n")


@pytest.mark.parametrize("lines", [99, 60])
def test_a_hundred_header_lines_are_taken(registry: Served, connect: Connect, lines: int) -> None:
    line = connect(registry)
    line.say(HEAD + b"X-A: b\r\n" * lines + b"\r\n")
    assert line.heard(b"{}").startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_who_says_no_more_is_not_answered(registry: Served, connect: Connect, version: str) -> None:
    line = connect(registry)
    line.say_last(f"GET /v2/ HTTP/{version}\r\nHost: registry\r\n\r\n".encode())
    assert line.heard(b"{}") == b""


def test_what_who_says_no_more_has_asked_for_is_done_whole_or_not_begun(seeded: Seeded, connect: Connect) -> None:
    """Whether the HTTP server sees the end before it hands the request on is a matter of chance. Nobody hears of the
    change then, but it is in the trash like every other."""
    repository = "web/half-closed"
    for part in (seeded.config, seeded.layer):
        seeded.served.wire.push_blob(repository, part)
    seeded.served.wire.push_manifest(repository, "v1", image_of(seeded.config, seeded.layer))
    line = connect(seeded.served)
    line.say_last(f"DELETE /v2/{repository}/manifests/v1 HTTP/1.1\r\nHost: registry\r\n\r\n".encode())
    assert line.heard(b"\r\n\r\n") == b""
    status = {0: 200, 1: 404}

    def is_whole() -> bool:
        return seeded.ask("GET", f"/v2/{repository}/manifests/v1").status == status[len(deleted(seeded, repository))]

    wait_until(is_whole, 60, lambda: "it is gone and not in the trash, or there and in it")


def deleted(seeded: Seeded, repository: str) -> list[object]:
    """Return what is in a repository's trash."""
    changes = seeded.ask("GET", f"/v2/_refloat/v1/trash?repository={repository}").expect(200).document()["changes"]
    assert isinstance(changes, list)
    return changes
