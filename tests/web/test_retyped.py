"""A type that was pushed wrong is put right: once nothing points to the manifest, a push may say another."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.conftest import Serve
from tests.web.test_types import DOCKER, document, put, refused, stored_as
from tools.content import CONFIG, INDEX, LAYER, MANIFEST, Part, digest_of
from tools.serving import Served
from tools.wire import Answer, Wire

API = "/v2/_refloat/v1"
TYPO = "application/vnd.oci.image.manifest.v1"
NAMES: Iterator[str] = (f"web/retyped/{number}" for number in range(10_000))


@pytest.fixture
def name() -> str:
    """A repository of this test's own."""
    return next(NAMES)


@pytest.fixture
def wire(registry: Served) -> Wire:
    return registry.wire


def prepared(wire: Wire, name: str) -> bytes:
    """Push what an image needs; return its body, which says no type of its own."""
    config, layer = Part(CONFIG, b"{}"), Part(LAYER, b"layer ")
    for part in (config, layer):
        wire.push_blob(name, part)
    return document(schemaVersion=2, config=config.descriptor(), layers=[layer.descriptor()])


def type_of(wire: Wire, name: str, reference: str) -> str:
    return wire.manifest(name, reference).expect(200).headers["content-type"]


def gone(wire: Wire, name: str, reference: str) -> str:
    """Delete and return the change."""
    return wire.delete(name, reference).expect(202).headers["refloat-change"]


def undo(wire: Wire, change: str) -> Answer:
    return wire.ask("POST", f"{API}/changes/{change}/undo", b"{}")


def test_a_part_is_told_that_its_index_has_to_go(wire: Wire, name: str) -> None:
    body = prepared(wire, name)
    put(wire, name, digest_of(body), body, DOCKER).expect(201)
    entry = {"mediaType": DOCKER, "digest": digest_of(body), "size": len(body)}
    index = document(schemaVersion=2, manifests=[entry])
    put(wire, name, "v1", index, INDEX).expect(201)
    sentence = refused(put(wire, name, "v2", body, MANIFEST))
    told = f"refloat rm {name}@{digest_of(index)} "
    assert told in sentence
    wire.ask("POST", f"{API}/remove", json.dumps({"images": [told.split()[2]]}).encode()).expect(201)
    put(wire, name, "v2", body, MANIFEST).expect(201)


def test_another_type_does_not_name_more_than_a_first_push_may(wire: Wire, name: str) -> None:
    part = Part(CONFIG, b"{}")
    wire.push_blob(name, part)
    vast = [{"digest": digest_of(b"%d" % number)} for number in range(30_001)]
    body = document(schemaVersion=2, config=part.descriptor(), more=vast)
    put(wire, name, "v1", body, MANIFEST).expect(201)
    gone(wire, name, digest_of(body))
    assert "30000" in refused(put(wire, name, "v1", body, "application/vnd.example.bundle.v1+json"))
    put(wire, name, "v1", body, MANIFEST).expect(201)


def test_the_type_stays_while_something_points_to_it_and_the_error_names_the_way_out(wire: Wire, name: str) -> None:
    body = prepared(wire, name)
    put(wire, name, "v1", body, DOCKER).expect(201)
    gone(wire, name, "v1")
    for reference in ("v1", "v2", digest_of(body)):
        sentence = refused(put(wire, name, reference, body, MANIFEST))
        assert DOCKER in sentence
        assert f"delete it, by its digest or with  refloat rm {name}@{digest_of(body)}  and push it again" in sentence
    wire.ask("POST", f"{API}/remove", document(images=[f"{name}@{digest_of(body)}"])).expect(201)
    put(wire, name, "v1", body, MANIFEST).expect(201)
    assert type_of(wire, name, digest_of(body)) == MANIFEST


@pytest.mark.parametrize("way", ["digest", "rm", "repository"])
def test_once_nothing_points_to_it_a_push_says_its_type_anew(wire: Wire, name: str, way: str) -> None:
    body = prepared(wire, name)
    first = put(wire, name, "v1", body, DOCKER).expect(201)
    assert "warning" not in first.headers
    if way == "digest":
        gone(wire, name, digest_of(body))
    else:
        what = {"repositories": [name]} if way == "repository" else {"images": [f"{name}:v1"]}
        wire.ask("POST", f"{API}/remove", document(**what)).expect(201)
    answer = put(wire, name, "v1", body, MANIFEST).expect(201)
    said = f"this digest was stored as {DOCKER}; what history holds of it comes back as {MANIFEST}"
    assert answer.headers["warning"] == f'299 - "{said}"'
    assert len(answer.headers["refloat-change"]) == 10
    read = wire.manifest(name, "v1").expect(200)
    assert (read.headers["content-type"], read.body) == (MANIFEST, body)
    assert wire.blob(name, Part(LAYER, b"layer ").digest).body == b"layer "
    assert "warning" not in put(wire, name, "v1", body, MANIFEST).expect(201).headers


def test_what_history_holds_comes_back_with_the_new_type(wire: Wire, name: str) -> None:
    body = prepared(wire, name)
    put(wire, name, "old", body, DOCKER).expect(201)
    deleted = gone(wire, name, digest_of(body))
    pushed = put(wire, name, "new", body, MANIFEST).expect(201).headers["refloat-change"]
    undo(wire, pushed).expect(201)
    wire.manifest(name, digest_of(body)).expect(404)
    undo(wire, deleted).expect(201)
    assert type_of(wire, name, "old") == MANIFEST
    gone(wire, name, digest_of(body))
    put(wire, name, "old", body, "application/json").expect(201)
    assert type_of(wire, name, "old") == MANIFEST, "a type that says nothing takes the stored one"


def test_another_repository_has_a_type_of_its_own(wire: Wire, name: str) -> None:
    body = prepared(wire, name)
    prepared(wire, name + "/other")
    put(wire, name, "v1", body, DOCKER).expect(201)
    put(wire, name + "/other", "v1", body, MANIFEST).expect(201)
    assert (type_of(wire, name, "v1"), type_of(wire, name + "/other", "v1")) == (DOCKER, MANIFEST)


def test_what_may_not_be_pushed_first_may_not_be_said_anew(wire: Wire, name: str) -> None:
    body = prepared(wire, name)
    put(wire, name, "v1", body, DOCKER).expect(201)
    gone(wire, name, digest_of(body))
    for said in (TYPO, "text/html", "application/x-tar", f"{MANIFEST},application/json", INDEX, "x"):
        refused(put(wire, name, "v1", body, said))
    put(wire, name, "v1", body, DOCKER).expect(201)


def test_a_condition_that_fails_changes_no_type(wire: Wire, name: str) -> None:
    body = prepared(wire, name)
    put(wire, name, "v1", body, DOCKER).expect(201)
    deleted = gone(wire, name, digest_of(body))
    answer = wire.ask("PUT", f"/v2/{name}/manifests/v1", body, Content_Type=MANIFEST, If_Match="*")
    assert answer.status == 412
    undo(wire, deleted).expect(201)
    assert type_of(wire, name, "v1") == DOCKER


class TestWhatWasPushedWrong:
    """Types that were taken for images and indexes once, when any word was one."""

    def test_an_image_needs_as_one_what_it_named_before(self, serve: Serve) -> None:
        served = serve()
        body = prepared(served.wire, "old")
        put(served.wire, "old", "v1", body, MANIFEST).expect(201)
        self._as_a_word(served, digest_of(body))
        assert type_of(served.wire, "old", "v1") == TYPO
        gone(served.wire, "old", digest_of(body))
        again = put(served.wire, "old", "v1", body, MANIFEST).expect(201)
        assert TYPO in again.headers["warning"]
        config = served.wire.ask("GET", f"{API}/repositories/old/image?reference=v1").expect(200).document()["config"]
        assert isinstance(config, dict)
        assert config["digest"] == Part(CONFIG, b"{}").digest

    def test_an_index_has_its_children_as_one(self, serve: Serve) -> None:
        served = serve()
        child = Part(MANIFEST, prepared(served.wire, "old"))
        served.wire.push_manifest("old", child.digest, child)
        body = document(schemaVersion=2, manifests=[child.descriptor()])
        put(served.wire, "old", "v1", body, INDEX).expect(201)
        self._as_a_word(served, digest_of(body))
        whole = document(repositories=["old"])
        deleted = served.wire.ask("POST", f"{API}/remove", whole).expect(201).headers["refloat-change"]
        put(served.wire, "old", "v2", body, INDEX).expect(201)
        assert served.wire.delete("old", child.digest).status == 403
        assert type_of(served.wire, "old", child.digest) == MANIFEST
        undo(served.wire, deleted).expect(201)
        assert type_of(served.wire, "old", "v1") == INDEX

    def _as_a_word(self, served: Served, digest: str) -> None:
        """Make a stored image or index what it was when its type was read as a word that nobody knows."""
        self._edit(served, "UPDATE refs SET kind = 'other', required = 0 WHERE parent = ?", digest)
        stored_as(served, digest, TYPO)

    def _edit(self, served: Served, statement: str, digest: str) -> None:
        served.stop()
        with closing(sqlite3.connect(served.root / "refloat" / "refloat.db")) as database, database:
            assert database.execute(statement, (digest,)).rowcount > 0
        served.start()


def test_history_names_the_state_as_before(wire: Wire, name: str) -> None:
    body = prepared(wire, name)
    put(wire, name, "v1", body, DOCKER).expect(201)
    gone(wire, name, digest_of(body))
    put(wire, name, "v1", body, MANIFEST).expect(201)
    history = json.loads(wire.ask("GET", f"{API}/repositories/{name}/history?reference=v1").expect(200).body)["history"]
    assert [(entry["old"], entry["new"]) for entry in history] == [
        (None, digest_of(body)), (digest_of(body), None), (None, digest_of(body)),
    ]  # fmt: skip
