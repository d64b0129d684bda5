"""Connections that break: what is gone on with, what is sent again, and what is told when it does not help."""

import json
import os
from collections.abc import Iterator

import pytest

from refloat.client import uploading
from refloat.client.errors import Broken, ClientError, Refused, Unreachable
from refloat.client.origin import parse_origin
from refloat.client.registry import Registry
from refloat.core.media import OCI_INDEX
from refloat.core.names import Digest
from tests.client.cutting import Cutting, cutting
from tests.client.scripted import Say, Seen, scripted
from tests.client.test_authentication import EMPTY
from tests.client.test_registry import sessions
from tests.portable.relay import Cut, Relay, Request
from tools.bench.servers import Server

MIB = 1 << 20
BLOB = os.urandom(40 * MIB + 1)
DIGEST = Digest.of(BLOB)
SMALL = os.urandom(100_000)


@pytest.fixture
def relay(server: Server) -> Iterator[Cutting]:
    with cutting(server.address) as running:
        yield running


@pytest.fixture
def losing(server: Server) -> Iterator[Relay]:
    with Relay(server.address) as running:
        yield running


def at(address: str) -> Registry:
    return Registry(parse_origin(address, "loopback"))


def from_memory(first: int) -> Iterator[bytes]:
    for at_byte in range(first, len(BLOB), MIB):
        yield BLOB[at_byte : at_byte + MIB]


def lose(relay: Relay, method: str, part: str) -> None:
    """Let the registry do one request, and nobody hear of it."""

    def wanted(request: Request) -> bool:
        return request.method == method and part in request.path

    def cut() -> None:
        raise Cut

    relay.interfere("after", wanted, cut)


def test_an_upload_goes_on_where_it_broke(server: Server, relay: Cutting) -> None:
    relay.cuts["up"] = [13 * MIB, 30 * MIB]
    at(relay.address).upload("breaks/up", DIGEST, len(BLOB), from_memory)
    assert at(server.address).has("breaks/up", DIGEST)
    assert relay.cuts["up"] == []
    if server.name == "docker-registry":  # it forgets a session in the moment it breaks: all is sent again
        assert relay.passed["up"] > 1.5 * len(BLOB)
    else:
        assert len(BLOB) < relay.passed["up"] < len(BLOB) + 4 * uploading.PIECE  # 43 MiB more from anew
        assert sessions(server) == []


@pytest.mark.parametrize("lost", ["PATCH", "PUT", "POST"])
def test_an_upload_whose_answer_is_lost(server: Server, losing: Relay, lost: str) -> None:
    repository = f"breaks/lost-{lost.lower()}"
    lose(losing, lost, "/blobs/uploads/")
    at(losing.address).upload(repository, DIGEST, len(BLOB), from_memory)
    assert at(server.address).has(repository, DIGEST)


def test_a_small_upload_whose_answer_is_lost(server: Server, losing: Relay) -> None:
    lose(losing, "PUT", "/blobs/uploads/")
    digest = Digest.of(SMALL)
    at(losing.address).upload("breaks/small", digest, len(SMALL), lambda first: iter([SMALL[first:]]))
    assert at(server.address).has("breaks/small", digest)


def test_an_upload_that_always_breaks_is_given_up(server: Server, relay: Cutting) -> None:
    relay.cuts["up"] = [100_000 * number for number in range(1, 50)]
    with pytest.raises(Unreachable):
        at(relay.address).upload("breaks/given-up", DIGEST, len(BLOB), from_memory)
    assert relay.cuts["up"]


def test_a_download_goes_on_where_it_broke(server: Server, relay: Cutting) -> None:
    at(server.address).upload("breaks/down", DIGEST, len(BLOB), from_memory)
    relay.cuts["down"] = [5 * MIB + 7, 17 * MIB, 17 * MIB + 1000]
    assert b"".join(at(relay.address).download("breaks/down", DIGEST)) == BLOB
    assert relay.cuts["down"] == []
    assert relay.passed["down"] < len(BLOB) + 15 * MIB  # a break takes along what waits in buffers; 39 from anew
    relay.forget()
    relay.cuts["down"] = [MIB]
    assert at(relay.address).piece("breaks/down", DIGEST, 10, 3 * MIB) == BLOB[10 : 3 * MIB + 1]
    assert relay.passed["down"] < 8 * MIB


def test_a_delete_whose_answer_is_lost_has_happened(server: Server, losing: Relay) -> None:
    digest = Digest.of(EMPTY)
    at(server.address).put("breaks/delete", "v1", OCI_INDEX, EMPTY)
    registry = at(losing.address)
    lose(losing, "DELETE", "/manifests/")
    assert registry.delete("breaks/delete", digest)
    assert not registry.delete("breaks/delete", digest)


def test_a_delete_of_a_tag_is_not_sent_twice(server: Server, losing: Relay) -> None:
    at(server.address).put("breaks/tag", "v1", OCI_INDEX, EMPTY)
    lose(losing, "DELETE", "/manifests/")
    with pytest.raises(Unreachable):
        at(losing.address).delete("breaks/tag", "v1")
    assert [request.method for request in losing.requests] == ["DELETE"]


def test_a_put_and_a_mount_whose_answers_are_lost_are_sent_again(server: Server, losing: Relay) -> None:
    digest = Digest.of(SMALL)
    at(server.address).upload("breaks/source", digest, len(SMALL), lambda first: iter([SMALL[first:]]))
    registry = at(losing.address)
    lose(losing, "PUT", "/manifests/")
    registry.put("breaks/put", "v1", OCI_INDEX, EMPTY)
    lose(losing, "POST", "mount=")
    assert registry.mount("breaks/target", digest, "breaks/source")
    assert at(server.address).resolve("breaks/put", "v1") is not None


def test_connections_are_kept(server: Server, relay: Cutting) -> None:
    registry = at(relay.address)
    for _ in range(20):
        registry.resolve("nothing/here", "v1")
    assert relay.connections == 1


def test_a_body_that_always_ends_early_is_broken() -> None:
    whole = SMALL + SMALL

    def answer(seen: Seen) -> Say:
        first = int(seen.headers.get("range", "bytes=0-").removeprefix("bytes=").partition("-")[0])
        headers = {"Content-Range": f"bytes {first}-{len(whole) - 1}/{len(whole)}"} if first else {}
        return Say(206 if first else 200, headers, whole[first : len(SMALL)], promised=len(whole) - first)

    with scripted(answer) as server:
        with pytest.raises(Broken, match=r"does not send sha256:[0-9a-f]+ to its end"):
            list(at(server.address).download("any/one", Digest.of(whole)))
        assert len(server.seen) == 6


def test_an_answer_that_always_ends_early_is_broken() -> None:
    with (
        scripted(lambda seen: Say(200, {"Content-Type": OCI_INDEX}, EMPTY[:10], promised=len(EMPTY))) as server,
        pytest.raises(Broken, match=r"ends before its end"),
    ):
        at(server.address).manifest("any/one", "v1")


def test_other_bytes_are_broken() -> None:
    def answer(seen: Seen) -> Say:
        said = {"Docker-Content-Digest": DIGEST} if seen.path.endswith("said") else {}
        return Say(200, {"Content-Type": OCI_INDEX, **said}, EMPTY)

    with scripted(answer) as server:
        registry = at(server.address)
        for act in (
            lambda: registry.manifest("any/one", DIGEST),
            lambda: registry.manifest("any/one", "said"),
            lambda: list(registry.download("any/one", DIGEST)),
        ):
            with pytest.raises(Broken, match=f"sends other bytes as {DIGEST}"):
                act()
        held = registry.manifest("any/one", "silent")
        assert held is not None
        assert held.digest == Digest.of(EMPTY)
        pointer = registry.resolve("any/one", "silent")
        assert pointer is not None
        assert (pointer.digest, pointer.size) == (Digest.of(EMPTY), len(EMPTY))


@pytest.mark.parametrize("said", ["a/b\r\nX-Injected: 1", "a/\0b", "a/" + 1000 * "b", "\ud800", "a/\u0394"])
def test_a_type_that_a_body_says_is_put_nowhere_where_it_is_none(said: str) -> None:
    """What a hostile registry says of its manifests gets into headers of requests to others."""
    body = json.dumps({"mediaType": said, "x": 1}).encode()

    def answer(seen: Seen) -> Say:
        return Say(201) if seen.method == "PUT" else Say(200, {"Content-Type": "application/json"}, body)

    with scripted(answer) as server:
        registry = at(server.address)
        held = registry.manifest("any/one", "v1")
        assert held is not None
        assert (held.media_type, held.body) == ("application/json", body)
        registry.put("any/one", "v1", held.media_type, body)
        with pytest.raises(Broken, match="no media type"):
            registry.put("any/one", "v1", said, body)
        assert [seen.headers["content-type"] for seen in server.seen if seen.method == "PUT"] == ["application/json"]


def test_a_registry_that_ignores_ranges_is_read_from_its_beginning() -> None:
    def answer(seen: Seen) -> Say:
        cut = "range" not in seen.headers
        return Say(200, {}, SMALL[:50_000] if cut else SMALL, promised=len(SMALL) if cut else None)

    with scripted(answer) as server:
        registry = at(server.address)
        assert registry.piece("any/one", Digest.of(SMALL), 10, 99) == SMALL[10:100]
        assert b"".join(registry.download("any/one", Digest.of(SMALL))) == SMALL


@pytest.mark.parametrize("status", [408, 429, 502, 503, 504])
def test_a_read_is_repeated_while_a_registry_is_not_ready(status: int) -> None:
    answers = [Say(status, {"Retry-After": "0"}), Say(status, {}), Say(200, {}, EMPTY)]
    with scripted(lambda seen: answers.pop(0)) as server:
        assert at(server.address).manifest("any/one", "v1") is not None
        assert len(server.seen) == 3


@pytest.mark.parametrize(("status", "expected", "times"), [(503, Unreachable, 5), (429, Refused, 5), (500, Refused, 1)])
def test_what_never_gets_ready_is_told(status: int, expected: type[ClientError], times: int) -> None:
    with scripted(lambda seen: Say(status, {"Retry-After": "0"})) as server:
        with pytest.raises(expected, match=f"{server.address} answers {status}"):
            at(server.address).manifest("any/one", "v1")
        assert len(server.seen) == times


@pytest.mark.parametrize("status", [400, 405, 501])
def test_a_registry_that_takes_no_pieces_gets_all_at_once(status: int) -> None:
    def answer(seen: Seen) -> Say:
        if seen.method == "PUT":
            return Say(201 if Digest.of(seen.body) == DIGEST else 400)
        place = {"Location": f"/v2/any/one/blobs/uploads/{seen.method}"}
        return Say({"POST": 202, "DELETE": 204}.get(seen.method, status), place)

    with scripted(answer) as server:
        at(server.address).upload("any/one", DIGEST, len(BLOB), from_memory)
        assert [seen.method for seen in server.seen] == ["POST", "PATCH", "DELETE", "POST", "PUT"]
        for length in (len(BLOB) - 1, len(BLOB) + 1):
            with pytest.raises(Broken, match=r"has not the"):
                at(server.address).upload("any/one", DIGEST, length, from_memory)


def test_a_blob_the_registry_only_remembers_is_sent_again() -> None:
    """The last answer is lost and the session gone; HEAD says the blob is there, and there are no bytes."""
    taken = bytearray()
    ends = [Say(504), Say(201)]

    def answer(seen: Seen) -> Say:
        if seen.method == "POST":
            taken.clear()
        if seen.method == "PATCH":
            taken.extend(seen.body)
            return Say(202, {"Location": "/v2/any/one/blobs/uploads/1", "Range": f"0-{len(taken) - 1}"})
        if seen.method == "PUT":
            return ends.pop(0)
        if seen.method == "HEAD":
            return Say(200, {}, BLOB)
        return Say(202 if seen.method == "POST" else 404, {"Location": "/v2/any/one/blobs/uploads/1"})

    with scripted(answer) as server:
        at(server.address).upload("any/one", DIGEST, len(BLOB), from_memory)
    assert ends == []
    assert taken == BLOB


def test_pieces_are_as_large_as_a_registry_wants_them() -> None:
    """The registry takes a piece only in part at first, says so, and refuses what does not go on there."""
    taken = bytearray()
    short = [True]

    def answer(seen: Seen) -> Say:
        place = {"Location": "/v2/any/one/blobs/uploads/1?state=a"}
        if seen.method == "POST":
            return Say(202, {**place, "OCI-Chunk-Min-Length": str(20 * MIB)})
        if seen.method == "PATCH":
            first = int(seen.headers["content-range"].partition("-")[0])
            if first != len(taken):
                return Say(416)
            taken.extend(seen.body[:MIB] if short.pop() else seen.body)
            short.append(False)
        if seen.method == "PUT":
            return Say(201 if Digest.of(bytes(taken)) == DIGEST else 400)
        return Say(202 if seen.method == "PATCH" else 204, {**place, "Range": f"0-{len(taken) - 1}"})

    with scripted(answer) as server:
        at(server.address).upload("any/one", DIGEST, len(BLOB), from_memory)
        pieces = [len(seen.body) for seen in server.seen if seen.method == "PATCH"]
    assert pieces == [20 * MIB, 19 * MIB, 20 * MIB, 1]
