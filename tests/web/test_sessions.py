"""Uploads, tags and deletes as clients made for other registries send them."""

import hashlib
import json
from collections.abc import Callable, Iterator
from urllib.parse import quote, urlencode, urljoin, urlsplit

import pytest

from tests.web.conftest import Line, Seeded, image_of
from tests.web.test_reading import first_error
from tools.content import CONFIG, LAYER, MANIFEST, Part, digest_of
from tools.serving import Served
from tools.wire import Wire

Connect = Callable[[Served], Line]
NAMES: Iterator[str] = (f"web/sessions/{number}" for number in range(10_000))
NOTHING = digest_of(b"")
END = b"\r\n\r\n"


@pytest.fixture
def name() -> str:
    """A repository of this test's own."""
    return next(NAMES)


@pytest.fixture
def wire(registry: Served) -> Wire:
    return registry.wire


def begun(wire: Wire, name: str) -> str:
    return wire.ask("POST", f"/v2/{name}/blobs/uploads/", b"").expect(202).headers["location"]


def ended(place: str, digest: str) -> str:
    """Return the address of a session's last request."""
    return f"{place}{'&' if '?' in place else '?'}digest={digest}"


# the address of a session

APPENDING: dict[str, Callable[[str, str], str]] = {
    "with an ampersand, as to an address that has a query": lambda place, digest: f"{place}&digest={digest}",
    "with a question mark, as to one that has none": lambda place, digest: f"{place}?digest={digest}",
    "with a question mark that was escaped since": lambda place, digest: f"{place}{quote('?digest=' + digest)}",
    "as the specification has it": lambda place, digest: ended(place, quote(digest)),
    "in the place of the query": lambda place, digest: f"{urlsplit(place).path}?digest={digest}",
    "before what was there": lambda place, digest: f"{urlsplit(place).path}?digest={digest}&{urlsplit(place).query}",
}


def test_the_address_of_a_session_has_a_query(wire: Wire, name: str) -> None:
    place = begun(wire, name)
    assert urlsplit(place).query.startswith("_state=")
    for method, body in (("PATCH", b"one"), ("GET", None)):
        answer = wire.ask(method, place, body).expect(202, 204)
        assert urlsplit(answer.headers["location"]).query.startswith("_state=")
    refused = wire.ask("PATCH", place, b"xyz", Content_Range="9-11").expect(416)
    assert urlsplit(refused.headers["location"]).query.startswith("_state=")
    wire.ask("PATCH", urljoin(place, refused.headers["location"]), b"two", Content_Range="3-5").expect(202)
    wire.ask("DELETE", place).expect(204)


@pytest.mark.parametrize("way", APPENDING)
def test_a_digest_may_be_appended(wire: Wire, name: str, way: str) -> None:
    body = way.encode()
    wire.ask("PUT", APPENDING[way](begun(wire, name), digest_of(body)), body).expect(201)
    assert wire.blob(name, digest_of(body)).body == body


@pytest.mark.parametrize("way", APPENDING)
def test_a_digest_that_was_appended_is_compared(wire: Wire, name: str, way: str) -> None:
    place = begun(wire, name)
    for wrong in (digest_of(b"another"), "sha256:00", "md5:00", ""):
        answer = wire.ask("PUT", APPENDING[way](place, wrong), b"body").expect(400)
        assert first_error(answer)["code"] == "DIGEST_INVALID"
    assert wire.ask("GET", place).headers["range"] == "0-0"


# what asks for a session


@pytest.mark.parametrize(
    "query",
    [
        f"?digest={digest_of(b'to come')}", f"?digest={NOTHING.replace('e3b0', 'e3b1')}", "?digest=", "?mount=&from=",
        "?mount=", "?from=web/reading", "?mount=&from=web/reading", "?mount=md5:00&from=web/reading",
        f"?mount=blake3:{64 * '0'}&from=web/reading", "?mount=latest&from=web/reading",
        f"?mount={NOTHING.upper()}&from=web/reading", f"?mount={64 * '0'}&from=web/reading",
        f"?mount={digest_of(b'none')}&from=web/reading&digest={NOTHING}",
    ],
)  # fmt: skip
def test_a_session_is_begun(wire: Wire, name: str, query: str) -> None:
    answer = wire.ask("POST", f"/v2/{name}/blobs/uploads/{query}", b"").expect(202)
    body = f"what {query} brings".encode()
    wire.ask("PUT", ended(answer.headers["location"], digest_of(body)), body).expect(201)


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_an_empty_blob_is_whole_at_once(wire: Wire, name: str, algorithm: str) -> None:
    digest = f"{algorithm}:{hashlib.new(algorithm, b'').hexdigest()}"
    wire.ask("POST", f"/v2/{name}/blobs/uploads/?digest={digest}", b"").expect(201)
    assert wire.blob(name, digest).expect(200).body == b""


def test_a_body_beside_an_empty_mount_is_a_blob(wire: Wire, name: str) -> None:
    wire.ask("POST", f"/v2/{name}/blobs/uploads/?mount=&digest={digest_of(b'whole')}", b"whole").expect(201)
    assert wire.blob(name, digest_of(b"whole")).body == b"whole"


def test_a_body_with_another_digest_is_refused_as_before(wire: Wire, name: str) -> None:
    for digest in (digest_of(b"another"), NOTHING, "sha256:00"):
        answer = wire.ask("POST", f"/v2/{name}/blobs/uploads/?digest={digest}", b"whole").expect(400)
        assert first_error(answer)["code"] == "DIGEST_INVALID"


# the last request


@pytest.mark.parametrize("said", ["0-16", "0--1", "17-16", "bytes */17", "16-16", "0-0", "x", "99-98", "-"])
def test_a_last_request_without_a_body_may_say_any_range(wire: Wire, name: str, said: str) -> None:
    body = b"seventeen letters"
    place = begun(wire, name)
    wire.ask("PATCH", place, body).expect(202)
    wire.ask("PUT", ended(place, digest_of(body)), b"", Content_Range=said).expect(201)
    assert wire.blob(name, digest_of(body)).body == body


@pytest.mark.parametrize("said", ["0-0", "0--1", "-1-0"])
def test_an_empty_blob_may_say_any_range(wire: Wire, name: str, said: str) -> None:
    wire.ask("PUT", ended(begun(wire, name), NOTHING), b"", Content_Range=said).expect(201)


@pytest.mark.parametrize(("said", "status"), [("0-2", 416), ("6-8", 416), ("5-8", 400), ("x", 400), ("5-7", 201)])
def test_a_last_request_with_a_body_says_where_it_belongs(wire: Wire, name: str, said: str, status: int) -> None:
    place = begun(wire, name)
    wire.ask("PATCH", place, b"12345").expect(202)
    wire.ask("PUT", ended(place, digest_of(b"12345678")), b"678", Content_Range=said).expect(status)


# tags beside a digest


def image_in(wire: Wire, name: str) -> Part:
    config = Part(CONFIG, b"{}")
    layer = Part(LAYER, name.encode())
    for part in (config, layer):
        wire.push_blob(name, part)
    return image_of(config, layer)


@pytest.mark.parametrize("count", [1, 2, 10, 11, 50, 99])
def test_tags_are_confirmed_in_an_answer_that_can_be_read(
    registry: Served, wire: Wire, connect: Connect, name: str, count: int
) -> None:
    """Python's HTTP client reads 100 headers and no more."""
    image, tags = image_in(wire, name), [f"t{number:03}" for number in range(count)]
    path = f"/v2/{name}/manifests/{image.digest}?{urlencode([('tag', tag) for tag in tags])}"
    wire.ask("PUT", path, image.body, Content_Type=MANIFEST).expect(201)
    line = connect(registry)
    line.head(f"PUT {path}", Content_Type=MANIFEST, Content_Length=str(len(image.body)))
    line.say(image.body)
    heads = line.heard(END).decode().split("\r\n")
    confirmed = [head.partition(": ")[2] for head in heads if head.lower().startswith("oci-tag:")]
    assert sorted(tag for one in confirmed for tag in one.split(", ")) == tags
    assert len(heads) < 50
    assert max(map(len, heads)) < 4096
    if count <= 10:
        assert confirmed == tags, "one on each line where they are few, as most registries do it"
    assert wire.ask("GET", f"/v2/{name}/tags/list").document()["tags"] == tags


def test_too_many_tags_are_refused_by_number(wire: Wire, name: str) -> None:
    image = image_in(wire, name)
    query = "&".join(f"tag=t{number}" for number in range(101))
    path = f"/v2/{name}/manifests/{image.digest}?{query}"
    answer = wire.ask("PUT", path, image.body, Content_Type=MANIFEST).expect(400)
    assert "at most 100" in str(first_error(answer)["message"])


# deletes of blobs


def test_a_delete_of_a_blob_that_stays_says_so(wire: Wire, name: str) -> None:
    image, loose = image_in(wire, name), Part(LAYER, b"loose")
    wire.push_manifest(name, "v1", image)
    wire.push_blob(name, loose)
    layer = json.loads(image.body)["layers"][0]["digest"]
    for _ in range(2):
        answer = wire.ask("DELETE", f"/v2/{name}/blobs/{layer}").expect(202)
        assert answer.headers["warning"].startswith('299 - "')
        assert "stays" in answer.headers["warning"]
    assert wire.blob(name, layer).status == 200
    assert "warning" not in wire.ask("DELETE", f"/v2/{name}/blobs/{loose.digest}").expect(202).headers
    assert wire.blob(name, loose.digest).status == 404


def test_a_delete_of_a_blob_only_the_trash_has_takes_nothing(wire: Wire, name: str) -> None:
    image = image_in(wire, name)
    wire.push_manifest(name, "v1", image)
    layer = json.loads(image.body)["layers"][0]["digest"]
    change = wire.delete(name, image.digest).headers["refloat-change"]
    assert "warning" not in wire.ask("DELETE", f"/v2/{name}/blobs/{layer}").expect(202).headers
    wire.ask("DELETE", f"/v2/{name}/blobs/{layer}").expect(404)
    wire.ask("POST", f"/v2/_refloat/v1/changes/{change}/undo", b"{}").expect(201)
    assert wire.blob(name, layer).status == 200


def test_a_blob_that_is_there_is_not_sent_twice_for_a_look(wire: Wire, name: str, seeded: Seeded) -> None:
    """HEAD answers 304 and still holds the blob for a pusher."""
    wire.ask("POST", f"/v2/{name}/blobs/uploads/?mount={seeded.layer.digest}&from=web/reading", b"").expect(201)
    path = f"/v2/{name}/blobs/{seeded.layer.digest}"
    for condition in (f'"{seeded.layer.digest}"', "*", f'"x", "{seeded.layer.digest}"'):
        answers = [wire.ask(method, path, None, If_None_Match=condition) for method in ("HEAD", "GET")]
        assert [answer.status for answer in answers] == [304, 304]
        assert answers[0].headers.keys() == answers[1].headers.keys()
