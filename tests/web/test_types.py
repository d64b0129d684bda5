"""The media types of manifests on the wire: what is taken can be served, and nothing served is a page."""

import json
import sqlite3
import string
from collections.abc import Iterator
from contextlib import closing

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conftest import Serve
from tests.web.conftest import Seeded, image_of
from tests.web.test_reading import first_error
from tools.content import CONFIG, INDEX, LAYER, MANIFEST, Part, digest_of
from tools.serving import Served
from tools.wire import Answer, Wire

DOCKER = "application/vnd.docker.distribution.manifest.v2+json"
SIGNED = "application/vnd.docker.distribution.manifest.v1+prettyjws"
VENDOR = "application/vnd.example.thing+json"
NAMES: Iterator[str] = (f"web/types/{number}" for number in range(10_000))
PAGES = {"text", "image", "multipart", "audio", "video", "message", "model", "font"}


@pytest.fixture
def name() -> str:
    """A repository of this test's own."""
    return next(NAMES)


@pytest.fixture
def wire(registry: Served) -> Wire:
    return registry.wire


def put(wire: Wire, name: str, reference: str, body: bytes, said: str) -> Answer:
    """Put a manifest; `said` is its Content-Type, where it has one."""
    headers = {"Content_Type": said} if said else {}
    return wire.ask("PUT", f"/v2/{name}/manifests/{reference}", body, **headers)


def refused(answer: Answer) -> str:
    """Return the sentence of a manifest that was refused."""
    error = first_error(answer.expect(400))
    assert error["code"] == "MANIFEST_INVALID"
    return str(error["message"])


def document(**fields: object) -> bytes:
    return json.dumps(fields).encode()


def stored_as(served: Served, digest: str, media_type: str) -> None:
    """Make a stored manifest one of another type, as it was taken once. The server is started again."""
    served.stop()
    with closing(sqlite3.connect(served.root / "refloat" / "refloat.db")) as database, database:
        done = database.execute("UPDATE manifests SET media_type = ? WHERE digest = ?", (media_type, digest))
        assert done.rowcount == 1
    served.start()


letters = st.sampled_from(string.ascii_letters + string.digits + "!#$&-^_.+")
words = st.text(letters, min_size=1, max_size=20)
types = st.one_of(
    st.builds("{}/{}".format, st.sampled_from(["application", "Application", "text", "image", "x"]), words),
    st.builds("{}/{}{}".format, words, words, st.text(st.characters(max_codepoint=255), max_size=5)),
    st.text(st.characters(max_codepoint=0x3000), min_size=1, max_size=20),
    st.builds("application/{}{}".format, words, st.sampled_from(["\r\nX-A: 1", "\n", "\0", "\x1b[31m", ";a=b", ","])),
    st.builds(lambda length: "application/" + "x" * length, st.sampled_from([126, 127, 128, 255, 3000])),
)


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(["mediaType", "artifactType", "Content-Type"]), types)
def test_what_is_taken_is_read_back_and_the_rest_is_refused(registry: Served, place: str, said: str) -> None:
    """Whatever is said where: 201 and a header that any client reads, or 400; never an answer that cannot be sent."""
    wire, name = registry.wire, "web/types/any"
    fields = {"x": said, **({} if place == "Content-Type" else {place: said})}
    declared = {"Content-Type": said, "mediaType": "application/json", "artifactType": VENDOR}[place]
    if place == "Content-Type" and not sendable(declared):
        return
    answer = put(wire, name, digest_of(document(**fields)), document(**fields), declared)
    if answer.status != 201:
        assert refused(answer)
        return
    kept = VENDOR if place == "artifactType" else said.partition(";")[0].strip(" \t").lower()
    for method in ("GET", "HEAD"):
        read = wire.ask(method, f"/v2/{name}/manifests/{digest_of(document(**fields))}").expect(200)
        assert read.headers["content-type"] == kept
        assert kept.partition("/")[0] not in PAGES
        assert len(kept) <= 255
        assert read.body == (document(**fields) if method == "GET" else b"")


def sendable(value: str) -> bool:
    """May this stand in a header? RFC 9110 section 5.5."""
    return all(0x20 <= ord(letter) <= 0xFF and ord(letter) != 0x7F for letter in value)


class TestWhatWasStored:
    """Types that were taken once and are not any more."""

    @pytest.mark.parametrize(
        "media_type",
        [
            "text/html", "image/svg+xml", "application/xhtml+xml", "TEXT/HTML", "application/x\r\nX-Injected: yes",
            "a\0b", "a/\x1b[31m", "application/\xe9x", "application/\u0394", "x", "", "a/" + 1_000_000 * "b",
        ],
        ids=lambda said: ascii(said[:20]),
    )  # fmt: skip
    def test_it_is_served_as_bytes_and_comes_back(self, serve: Serve, media_type: str) -> None:
        served, body = serve(), document(x="<script>alert(1)</script>", mediaType=VENDOR)
        put(served.wire, "old", "v1", body, VENDOR).expect(201)
        stored_as(served, digest_of(body), media_type)
        self._is_bytes(served.wire, "v1", body)
        change = served.wire.delete("old", digest_of(body)).expect(202).headers["refloat-change"]
        served.wire.manifest("old", "v1").expect(404)
        served.wire.ask("POST", f"/v2/_refloat/v1/changes/{change}/undo", b"{}").expect(201)
        saved = self._is_bytes(served.wire, "v1", body)
        served.wire.delete("old", digest_of(body)).expect(202)
        again = put(served.wire, "old", "v1", saved.body, saved.headers["content-type"]).expect(201)
        assert "warning" not in again.headers
        self._is_bytes(served.wire, "v1", body)
        assert put(served.wire, "another", "v1", body, VENDOR).status == 201
        assert "Traceback" not in served.tail()

    def _is_bytes(self, wire: Wire, reference: str, body: bytes) -> Answer:
        head = wire.ask("HEAD", f"/v2/old/manifests/{reference}").expect(200)
        read = wire.ask("GET", f"/v2/old/manifests/{reference}").expect(200)
        for answer in (head, read):
            assert answer.headers["content-type"] == "application/octet-stream"
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.headers["content-disposition"] == "attachment"
            assert answer.headers["content-security-policy"].startswith("sandbox;")
            assert "x-injected" not in answer.headers
        assert read.body == body
        return read

    def test_lists_name_it_as_it_is_stored(self, serve: Serve) -> None:
        served = serve()
        subject = {"mediaType": VENDOR, "digest": digest_of(b"a subject"), "size": 9}
        body = document(subject=subject, annotations={"a": "b"})
        put(served.wire, "old", "v1", body, VENDOR).expect(201)
        stored_as(served, digest_of(body), "text/html\r\n")
        listed = served.wire.ask("GET", f"/v2/old/referrers/{subject['digest']}").expect(200)
        assert json.loads(listed.body)["manifests"] == [{
            "mediaType": "text/html\r\n", "digest": digest_of(body), "size": len(body), "annotations": {"a": "b"},
        }]  # fmt: skip
        images = served.wire.ask("GET", "/v2/_refloat/v1/repositories/old/images").expect(200).document()["images"]
        assert isinstance(images, list)
        assert images[0]["media_type"] == "text/html\r\n"

    @pytest.mark.parametrize("media_type", [SIGNED, SIGNED.replace("prettyjws", "json")])
    def test_schema_1_is_served_undone_and_put_again_as_it_is(self, serve: Serve, media_type: str) -> None:
        served = serve()
        layer = Part(LAYER, b"a layer of long ago")
        served.wire.push_blob("old", layer)
        signatures: dict[str, object] = {"signatures": []} if media_type == SIGNED else {}
        body = document(schemaVersion=1, name="old", history=[{"blobSum": layer.digest}], **signatures)
        put(served.wire, "old", "v1", body, VENDOR).expect(201)
        stored_as(served, digest_of(body), media_type)
        for said in (media_type, "", "application/json"):
            change = served.wire.delete("old", digest_of(body)).expect(202).headers["refloat-change"]
            assert served.wire.blob("old", layer.digest).status == 404
            if said == "":
                served.wire.ask("POST", f"/v2/_refloat/v1/changes/{change}/undo", b"{}").expect(201)
            else:
                put(served.wire, "old", "v1", body, said).expect(201)
            read = served.wire.manifest("old", "v1").expect(200)
            assert (read.headers["content-type"], read.body) == (media_type, body)
            assert served.wire.blob("old", layer.digest).body == layer.body
        assert "schema 1" in refused(put(served.wire, "another", "v1", body, media_type))


class TestFirstPushes:
    @pytest.mark.parametrize(
        "said",
        [
            "application/vnd.oci.image.manifest.v1", "application/vnd.oci.image.config.v1+json", "application/x-tar",
            "text/json", "text/html", f"{MANIFEST},application/json", VENDOR,
        ],
    )  # fmt: skip
    def test_an_image_under_another_word_is_refused_and_nothing_is_in_the_way_of_the_right_one(
        self, wire: Wire, name: str, said: str
    ) -> None:
        config = Part(CONFIG, b"{}")
        wire.push_blob(name, config)
        body = document(schemaVersion=2, config=config.descriptor(), layers=[])
        refused(put(wire, name, "v1", body, said))
        put(wire, name, "v1", body, MANIFEST).expect(201)
        read = wire.manifest(name, "v1").expect(200)
        assert (read.headers["content-type"], read.body) == (MANIFEST, body)

    def test_an_index_under_another_word_is_refused(self, wire: Wire, name: str) -> None:
        empty: tuple[object, ...] = ([], None)
        for manifests in empty:
            body = document(schemaVersion=2, manifests=manifests)
            assert INDEX in refused(put(wire, name, "v1", body, "application/vnd.oci.image.index.v1"))
            put(wire, name, "v1", body, INDEX).expect(201)

    @pytest.mark.parametrize("said", ["", SIGNED, SIGNED.replace("prettyjws", "json"), "application/x-tar"])
    def test_schema_1_is_refused_by_its_name(self, wire: Wire, name: str, said: str) -> None:
        body = document(schemaVersion=1, name=name, tag="v1", fsLayers=[], history=[], signatures=[])
        assert "schema 1" in refused(put(wire, name, "v1", body, said))

    def test_a_type_is_the_same_in_any_case(self, wire: Wire, name: str) -> None:
        said = "Application/VND.Example.Thing+JSON"
        for declared in (said, "application/json", VENDOR):
            put(wire, name, "v1", document(mediaType=said), declared).expect(201)
            assert wire.manifest(name, "v1").headers["content-type"] == VENDOR


def test_nothing_that_is_served_is_a_page(seeded: Seeded) -> None:
    """Whatever is asked, a browser is told of bytes or JSON, and not to look closer."""
    config = Part("text/html", b"<script>alert(1)</script>")
    seeded.served.wire.push_blob("web/reading", config)
    picture = Part("image/svg+xml", config.body)
    page = image_of(config, picture, subject=seeded.image.descriptor(), artifactType="text/html")
    seeded.served.wire.push_manifest("web/reading", page.digest, page)
    places = ["/", "/v2/", "/v2/_catalog", "{r}/tags/list", "{r}/manifests/v1", f"{{r}}/manifests/{page.digest}",
              "{r}/blobs/{layer}", f"{{r}}/blobs/{config.digest}", "{r}/referrers/{image}", "{r}/manifests/%3Cp%3E",
              "/v2/%3Cp%3E/manifests/v1", "/v2/no/where/tags/list", "/v2/_refloat/v1/changes", "/v2/_refloat/%3Cp%3E",
              "{r}/referrers/{image}?artifactType=text/html", "/v2/_catalog?n=%3Cp%3E"]  # fmt: skip
    for place in places:
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
            if method == "GET" or "%" in place or place.startswith("/v2/_catalog"):
                answer = seeded.ask(method, place, None if method == "GET" else b"<script>", Accept="text/html")
                kind = answer.headers.get("content-type", "")
                assert kind.startswith("application/") or not answer.body, (method, place, kind)
                assert not any(word in kind for word in ("html", "xml", "script"))
                assert answer.headers.get("x-content-type-options") == "nosniff", (method, place, answer)
