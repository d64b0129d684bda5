"""Manifests as others write them: what registry:2 takes is taken too, byte for byte, or refused for what it is."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.portable.peers import Peer
from tests.web.test_types import VENDOR, put, refused
from tools.content import CONFIG, INDEX, LAYER, MANIFEST, Part, digest_of
from tools.serving import Served
from tools.wire import Wire

CONFIG_PART, LAYER_PART = Part(CONFIG, b"{}"), Part(LAYER, b"a layer")
NOBODY = {"mediaType": "", "digest": "", "size": 0}
IMAGE = {
    "schemaVersion": 2, "mediaType": MANIFEST, "config": CONFIG_PART.descriptor(), "layers": [LAYER_PART.descriptor()],
}  # fmt: skip
EMPTY = {"schemaVersion": 2, "mediaType": INDEX, "manifests": None}
SUBJECT = digest_of(b"what all of them speak about")
REFERRER = {**IMAGE, "subject": {"mediaType": MANIFEST, "digest": SUBJECT, "size": 28}}


def written(document: dict[str, object], annotations: bytes = b"") -> bytes:
    """Return a document as JSON, with annotations as they are to be written."""
    body = json.dumps(document).encode()
    return body[:-1] + b', "annotations": ' + annotations + b"}" if annotations else body


TAKEN = {
    "no-manifests": (written(EMPTY), INDEX),
    "no-layers": (written({**IMAGE, "layers": None}), MANIFEST),
    "no-annotations": (written(IMAGE, b"null"), MANIFEST),
    "a-null-annotation": (written(REFERRER, b'{"a": null, "b": "c"}'), MANIFEST),
    "a-zero-subject": (written({**IMAGE, "subject": NOBODY}), MANIFEST),
    "a-zero-subject-of-an-index": (written({**EMPTY, "subject": NOBODY}), INDEX),
    "half-a-surrogate-pair": (written(REFERRER, rb'{"a": "\ud800", "\udc00": "x\ud83d\ude00\ud83d"}'), MANIFEST),
    "Latin-1": (written(REFERRER, b'{"a": "caf\xe9", "\xe9": "b"}'), MANIFEST),
    "zero-bytes": (written(REFERRER, rb'{"a": "\u0000"}'), MANIFEST),
    "an-escaped-digest": (written(IMAGE).replace(b'"sha256:', rb'"\u0073ha256:'), MANIFEST),
    "space-around": (b"\n " + written(IMAGE) + b"\r\n", MANIFEST),
    "parameters": (written({**IMAGE, "x": 1}), MANIFEST + "; charset=utf-8"),
}
LISTED = {
    "a-null-annotation": {"a": "", "b": "c"},
    "half-a-surrogate-pair": {"a": "\ufffd", "\ufffd": "x\U0001f600\ufffd"},
    "Latin-1": {"a": "caf\ufffd", "\ufffd": "b"},
    "zero-bytes": {"a": "\0"},
}
REFUSED = {
    "cut-off": (written(IMAGE)[:-1], "truncated"),
    "cut-off-within-a-letter": (written(IMAGE, rb'{"a": "\ud8')[:-1], "truncated"),
    "half-a-pair-and-no-JSON": (written(IMAGE, rb'{"a": "\ud800", }'), "malformed"),
    "a-byte-order-mark": (b"\xef\xbb\xbf" + written(IMAGE), "invalid character"),
    "a-number-without-end": (written({**IMAGE, "x": 0}).replace(b": 0}", b": 1e999}"), "out of range"),
    "a-map-of-numbers": (written(IMAGE, b'{"a": 1}'), "annotations are not a map of strings"),
    "too-deep": (written({**IMAGE, "x": 0}).replace(b": 0}", b": " + 600 * b"[" + 600 * b"]" + b"}"), "500 levels"),
    "far-too-deep": (written({**IMAGE, "x": 0}).replace(b": 0}", b": " + 99_999 * b"[" + 99_999 * b"]}"), "deep"),
    "an-image-and-an-index": (written({**IMAGE, "manifests": None}), "no manifests"),
    "a-subject-of-another-kind": (written({**IMAGE, "subject": {**NOBODY, "digest": "blake3:00"}}), "digest"),
}


@pytest.fixture(scope="module")
def wire(registry: Served) -> Wire:
    """A server, and in it the parts all these manifests need."""
    for part in (CONFIG_PART, LAYER_PART):
        registry.wire.push_blob("web/foreign", part)
    return registry.wire


@pytest.fixture(scope="module")
def peer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wire]:
    """A registry:2 with the same parts."""
    with Peer("docker-registry", Path(tmp_path_factory.mktemp("peer")) / "registry") as running:
        for part in (CONFIG_PART, LAYER_PART):
            running.wire.push_blob("web/foreign", part)
        yield running.wire


@pytest.mark.parametrize("what", TAKEN)
def test_what_registry_2_takes_is_taken_and_comes_back_as_it_came(wire: Wire, peer: Wire, what: str) -> None:
    body, said = TAKEN[what]
    for server in (peer, wire):
        put(server, "web/foreign", "v1", body, said).expect(201)
        assert server.manifest("web/foreign", "v1").expect(200).body == body
    for again in (digest_of(body), "v1"):
        put(wire, "web/foreign", again, body, "").expect(201)
    wire.delete("web/foreign", digest_of(body)).expect(202)
    put(wire, "web/foreign", "v1", body, said).expect(201)
    assert wire.manifest("web/foreign", "v1").body == body
    wire.ask("GET", "/v2/_refloat/v1/repositories/web/foreign/image?reference=v1").expect(200)


@pytest.mark.parametrize("what", LISTED)
def test_its_annotations_are_listed_as_json_that_anybody_reads(wire: Wire, what: str) -> None:
    body, said = TAKEN[what]
    put(wire, "web/foreign", digest_of(body), body, said).expect(201)
    answer = wire.ask("GET", f"/v2/web/foreign/referrers/{SUBJECT}").expect(200)
    found = {entry["digest"]: entry for entry in json.loads(answer.body.decode("utf-8"))["manifests"]}
    assert found[digest_of(body)]["annotations"] == LISTED[what]
    image = wire.ask("GET", f"/v2/_refloat/v1/repositories/web/foreign/image?reference={digest_of(body)}").expect(200)
    assert image.document()["annotations"] == LISTED[what]


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_not_taken_is_refused_for_what_it_is(wire: Wire, what: str) -> None:
    body, sentence = REFUSED[what]
    assert sentence in refused(put(wire, "web/foreign", "v1", body, MANIFEST))


def test_a_layer_that_lies_elsewhere_may_have_any_digest(wire: Wire) -> None:
    layer = {"mediaType": LAYER, "digest": "blake3:" + 64 * "0", "size": 1, "urls": ["https://example.com/l"]}
    body = written({**IMAGE, "layers": [layer, LAYER_PART.descriptor()]})
    put(wire, "web/foreign/urls", "v1", body, MANIFEST).expect(404)
    put(wire, "web/foreign", "v1", body, MANIFEST).expect(201)
    assert wire.manifest("web/foreign", "v1").body == body
    for digest in ("sha256:00", "blake3", "md5:\n"):
        wrong = written({**IMAGE, "layers": [{**layer, "digest": digest}]})
        assert "digest" in refused(put(wire, "web/foreign", "v1", wrong, MANIFEST))
    here = {name: value for name, value in layer.items() if name != "urls"}
    assert "digest" in refused(put(wire, "web/foreign", "v1", written({**IMAGE, "layers": [here]}), MANIFEST))


@pytest.mark.parametrize("said", ["x", "", "a/b\r\nX-A: 1", "text/html; a=b", 300 * "a"])
def test_descriptors_call_their_types_what_they_like(wire: Wire, said: str) -> None:
    parts = {"config": {**CONFIG_PART.descriptor(), "mediaType": said},
             "layers": [{**LAYER_PART.descriptor(), "mediaType": said}]}  # fmt: skip
    body = written({**REFERRER, **parts})
    put(wire, "web/foreign", "v1", body, MANIFEST).expect(201)
    assert wire.manifest("web/foreign", "v1").body == body
    answer = wire.ask("GET", f"/v2/web/foreign/referrers/{SUBJECT}").expect(200)
    (entry,) = [one for one in json.loads(answer.body)["manifests"] if one["digest"] == digest_of(body)]
    assert "artifactType" not in entry


def test_a_body_of_a_type_that_nobody_knows_may_have_all_of_it(wire: Wire) -> None:
    body = b'{"a": "\xe9\\ud800", "b": null, "layers": [{"digest": "blake3:0"}, {"digest": "%s"}]}' % (
        LAYER_PART.digest.encode()
    )
    put(wire, "web/foreign", "v1", body, VENDOR).expect(201)
    assert wire.manifest("web/foreign", "v1").body == body
