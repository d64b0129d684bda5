"""Reading a manifest: its type, its needs, and the confusions that are refused."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refloat.core import media
from refloat.core.document import MAX_NESTING
from refloat.core.errors import ManifestInvalid
from refloat.core.manifest import MAX_DEPTH, Need, annotations_of, parse
from refloat.core.names import Digest

C, L, M, X = (Digest.of(seed) for seed in (b"config", b"layer", b"more", b"other"))
IMAGE: dict[str, object] = {"schemaVersion": 2, "config": {"mediaType": "c/c", "digest": C}, "layers": [{"digest": L}]}
INDEX: dict[str, object] = {"schemaVersion": 2, "manifests": [{"digest": L}, {"digest": M}]}
GENERIC = ["", "application/json", "application/octet-stream", "text/plain; charset=utf-8", "Application/JSON"]
GENERIC += ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]


def body(document: object, **more: object) -> bytes:
    return json.dumps({**document, **more} if isinstance(document, dict) else document).encode()


@pytest.mark.parametrize("declared", [media.OCI_MANIFEST, media.DOCKER_MANIFEST])
def test_an_image_needs_its_config_and_layers(declared: str) -> None:
    manifest = parse(body(IMAGE), declared)
    assert manifest.media_type == declared
    assert manifest.needs == (Need(C, "config", required=True), Need(L, "layer", required=True))
    assert (manifest.artifact_type, manifest.subject) == ("c/c", None)


@pytest.mark.parametrize("declared", [media.OCI_INDEX, media.DOCKER_LIST])
def test_an_index_may_lack_its_children(declared: str) -> None:
    needs = (Need(L, "child", required=False), Need(M, "child", required=False))
    assert parse(body(INDEX), declared).needs == needs


def test_a_layer_that_lies_elsewhere_is_not_required() -> None:
    layers = [{"digest": L, "urls": ["https://example.com/l"]}, {"digest": M, "urls": []}]
    needs = parse(body(IMAGE, layers=layers), media.OCI_MANIFEST).needs
    assert needs == (Need(C, "config", True), Need(M, "layer", True), Need(L, "layer", False))


def test_each_digest_is_needed_once_and_rather_as_required() -> None:
    layers = [{"digest": L, "urls": ["https://example.com/l"]}, {"digest": L}, {"digest": L}, {"digest": C}]
    needs = parse(body(IMAGE, layers=layers), media.OCI_MANIFEST).needs
    assert needs == (Need(C, "config", True), Need(L, "layer", True))


def test_an_unknown_type_holds_every_digest_it_names() -> None:
    document = {"a": [{"digest": C, "in": {"digest": L}}], "fsLayers": [{"blobSum": M}], "digest": "not one", "n": 1}
    needs = parse(body(document, subject={"digest": X}), "application/vnd.example+json").needs
    assert {need.digest for need in needs} == {C, L, M}
    assert all(need.kind == "other" and not need.required for need in needs)


@pytest.mark.parametrize("declared", GENERIC)
def test_a_generic_type_gives_way_to_the_stored_one_then_the_body_then_its_shape(declared: str) -> None:
    assert parse(body(IMAGE), declared, media.DOCKER_MANIFEST).media_type == media.DOCKER_MANIFEST
    assert parse(body(IMAGE, mediaType=media.DOCKER_MANIFEST), declared).media_type == media.DOCKER_MANIFEST
    assert parse(body(IMAGE), declared).media_type == media.OCI_MANIFEST
    assert parse(body(INDEX), declared).media_type == media.OCI_INDEX
    assert parse(body({"schemaVersion": 1, "fsLayers": []}), declared).media_type == media.DOCKER_SCHEMA1
    assert parse(body({"schemaVersion": 1, "signatures": []}), declared).media_type == media.DOCKER_SCHEMA1_SIGNED
    with pytest.raises(ManifestInvalid, match="say what this is"):
        parse(b"{}", declared)


def test_parameters_and_case_do_not_make_another_type() -> None:
    assert parse(body(IMAGE), f" {media.OCI_MANIFEST.upper()} ; charset=utf-8").media_type == media.OCI_MANIFEST


def test_a_stored_type_does_not_change() -> None:
    with pytest.raises(ManifestInvalid, match="does not change"):
        parse(body(IMAGE), media.OCI_MANIFEST, media.DOCKER_MANIFEST)
    with pytest.raises(ManifestInvalid):
        parse(body(INDEX, mediaType=media.OCI_INDEX), media.OCI_INDEX, media.OCI_MANIFEST)


@pytest.mark.parametrize(
    ("document", "declared"),
    [
        ({**IMAGE, "manifests": []}, media.OCI_MANIFEST),  # reads as an index to others
        ({**IMAGE, "manifests": None}, media.OCI_MANIFEST),
        ({**INDEX, "layers": []}, media.OCI_INDEX),
        ({**INDEX, "config": {}}, media.OCI_INDEX),
        (INDEX, media.OCI_MANIFEST),
        (IMAGE, media.OCI_INDEX),
        (IMAGE, media.DOCKER_LIST),
        ({**IMAGE, "manifests": []}, ""),
        ({**IMAGE, "mediaType": media.OCI_INDEX}, media.OCI_MANIFEST),
        ({**IMAGE, "mediaType": media.OCI_INDEX}, ""),
        ({**IMAGE, "mediaType": 1}, media.OCI_MANIFEST),
        ({**IMAGE, "schemaVersion": 1}, media.OCI_MANIFEST),
        ({**IMAGE, "schemaVersion": "2"}, media.OCI_MANIFEST),
        ({"config": {"digest": C}}, media.OCI_MANIFEST),
        ({**IMAGE, "config": None}, media.OCI_MANIFEST),
        ({**IMAGE, "config": []}, media.OCI_MANIFEST),
        ({**IMAGE, "config": {"digest": "sha256:1"}}, media.OCI_MANIFEST),
        ({**IMAGE, "config": {"digest": 1}}, media.OCI_MANIFEST),
        ({**IMAGE, "layers": {}}, media.OCI_MANIFEST),
        ({**IMAGE, "layers": "no"}, media.OCI_MANIFEST),
        ({**IMAGE, "layers": [None]}, media.OCI_MANIFEST),
        ({**IMAGE, "layers": [{"digest": L + "\n"}]}, media.OCI_MANIFEST),
        ({**IMAGE, "layers": [{"digest": L.upper()}]}, media.OCI_MANIFEST),
        ({**INDEX, "manifests": {}}, media.OCI_INDEX),
        ({**INDEX, "manifests": [{}]}, media.OCI_INDEX),
        ({**INDEX, "manifests": ["sha256"]}, media.OCI_INDEX),
        ({**IMAGE, "subject": "x"}, media.OCI_MANIFEST),
        ({**IMAGE, "subject": {}}, media.OCI_MANIFEST),
        ({**IMAGE, "subject": {"digest": "x"}}, media.OCI_MANIFEST),
        ({**IMAGE, "annotations": []}, media.OCI_MANIFEST),
        ({**IMAGE, "annotations": {"a": 1}}, media.OCI_MANIFEST),
        ([IMAGE], media.OCI_MANIFEST),
        ("image", media.OCI_MANIFEST),
        (None, "application/vnd.example+json"),
    ],
)
def test_confusions_are_refused(document: object, declared: str) -> None:
    with pytest.raises(ManifestInvalid):
        parse(body(document), declared)


@pytest.mark.parametrize("raw", [b"", b"{", b"\xff\xfe{}", b'{"a":1}x', b"\x00", b'{"a": NaN}', b'{"a": "\xff"}'])
def test_what_is_not_json_is_refused(raw: bytes) -> None:
    with pytest.raises(ManifestInvalid):
        parse(raw, media.OCI_MANIFEST)


@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
def test_deep_nesting_is_refused(opening: bytes) -> None:
    for depth in (MAX_DEPTH + 2, 1000, 500_000):
        closing = b"]" if opening == b"[" else b"}"
        inside = b"0" if opening != b"[" else b""
        raw = b'{"x":' + opening * depth + inside + closing * depth + b"}"
        with pytest.raises(ManifestInvalid):
            parse(raw, "application/vnd.example+json")


@pytest.mark.parametrize("declared", [media.OCI_MANIFEST, media.OCI_INDEX])
def test_deep_nesting_of_what_is_known_is_refused_the_first_time_only(declared: str) -> None:
    deep: object = 0
    for _ in range(600):
        deep = [deep]
    document = {**(IMAGE if declared == media.OCI_MANIFEST else INDEX), "x": deep}
    assert parse(body(document), declared).refusal == f"the manifest is nested deeper than {MAX_NESTING} levels"
    assert parse(body({**document, "x": []}), declared).refusal is None


def test_an_unknown_body_may_be_wide_and_its_digests_come_in_their_order() -> None:
    digests = [Digest.of(b"%d" % number) for number in range(1000)]
    document = {"a": [{"digest": digest, "in": []} for digest in digests], "b": [[] for _ in range(100_000)]}
    assert [need.digest for need in parse(body(document), "application/vnd.example+json").needs] == digests


def test_what_go_writes_for_nothing_is_nothing() -> None:
    assert parse(body(INDEX, manifests=None), media.OCI_INDEX).needs == ()
    assert parse(body({"schemaVersion": 2, "manifests": None}), "").media_type == media.OCI_INDEX
    assert parse(body(IMAGE, layers=None, annotations=None, subject=None), media.OCI_MANIFEST).needs[0].digest == C
    nobody = {"mediaType": "", "digest": "", "size": 0}
    manifest = parse(body(IMAGE, subject=nobody, annotations={"a": None, "b": "c"}), media.OCI_MANIFEST)
    assert (manifest.subject, manifest.annotations) == (None, {"a": "", "b": "c"})
    for subject in ({**nobody, "size": 1}, {**nobody, "mediaType": "a/b"}, {**nobody, "digest": "x"}):
        with pytest.raises(ManifestInvalid):
            parse(body(IMAGE, subject=subject), media.OCI_MANIFEST)


def test_a_layer_that_lies_elsewhere_may_be_named_by_another_algorithm() -> None:
    foreign = "blake3:" + 64 * "0"
    elsewhere: dict[str, object] = {"digest": foreign, "urls": ["https://example.com/l"]}
    layers = [elsewhere, {"digest": L}]
    assert [need.digest for need in parse(body(IMAGE, layers=layers), media.OCI_MANIFEST).needs] == [C, L]
    for digest in ("sha256:00", "sha512:" + 64 * "0", "blake3", "blake3:", "BLAKE3:00", "blake3:00\n"):
        with pytest.raises(ManifestInvalid, match="digest"):
            parse(body(IMAGE, layers=[{**elsewhere, "digest": digest}]), media.OCI_MANIFEST)
    with pytest.raises(ManifestInvalid, match="digest"):
        parse(body(IMAGE, layers=[{"digest": foreign}]), media.OCI_MANIFEST)


def test_annotations_of_what_was_stored_never_fail() -> None:
    for stored in (b"no", b"[]", b'{"annotations": []}', b'{"annotations": {"a": 1}}', 2000 * b"["):
        assert annotations_of(stored) == {}
    assert annotations_of(b'{"annotations": {"a": "\\ud800", "b": "\xe9", "c": null}}') == {
        "a": "\ufffd", "b": "\ufffd", "c": "",
    }  # fmt: skip


@pytest.mark.parametrize("declared", ["application/vnd.oci.image.manifest.v1", "application/x-tar", "a/b"])
def test_an_image_or_an_index_is_not_called_something_else(declared: str) -> None:
    for document, likely in ((IMAGE, media.OCI_MANIFEST), (INDEX, media.OCI_INDEX)):
        for said in (document, {**document, "mediaType": declared}):
            refusal = parse(body(said), declared).refusal
            assert refusal is not None
            assert refusal.endswith(f"push it as {likely}")
        assert parse(body(document, mediaType=declared), "").refusal is not None
    for other in ({**IMAGE, "schemaVersion": 3}, {**IMAGE, "config": {}}, {"schemaVersion": 2, "things": []}):
        assert parse(body(other), declared).refusal is None


@pytest.mark.parametrize(
    ("declared", "inner"),
    [
        ("text/html", None), ("image/svg+xml", None), ("application/xml", None), ("application/pdf", None),
        ("application/json", "text/html"), ("application/json", "TEXT/HTML"), ("", "application/octet-stream"),
        ("application/json", "application/x\r\nX-A: 1"), ("application/json", "a\0b"), ("", "a/" + 1_000_000 * "b"),
        ("application/\xe9x", None), ("a/b,c/d", None), ("a", None), ("*/*", None), ("", media.OCI_MANIFEST + ";a=b"),
    ],
)  # fmt: skip
def test_a_type_that_cannot_be_served_is_refused(declared: str, inner: str | None) -> None:
    for document in ({"x": 1}, {**IMAGE, "schemaVersion": 3}):
        said = {**document, "mediaType": inner} if inner else document
        assert parse(body(said), declared).refusal is not None
        assert parse(body(said), "", declared or "a/b").media_type == (declared or "a/b"), "stored is stored"


def test_an_artifact_type_is_a_media_type_and_descriptors_say_what_they_like() -> None:
    for said in ("x", "a/b\r\n", "a/b;c", 256 * "a" + "/b"):
        assert parse(body(IMAGE, artifactType=said), media.OCI_MANIFEST).refusal is not None
        config = {"mediaType": said, "digest": C}
        manifest = parse(body(IMAGE, config=config, layers=[{"mediaType": said, "digest": L}]), media.OCI_MANIFEST)
        assert (manifest.refusal, manifest.artifact_type) == (None, None)
    assert parse(body(IMAGE, artifactType="text/html"), media.OCI_MANIFEST).refusal is None, "no header has it"


@pytest.mark.parametrize("declared", ["", *sorted(media.SCHEMA1), "application/vnd.example+json", "application/x-tar"])
def test_schema_1_is_named_and_refused_the_first_time(declared: str) -> None:
    for document in ({"schemaVersion": 1, "fsLayers": []}, {"schemaVersion": 1, "fsLayers": [], "signatures": []}):
        refusal = parse(body(document), declared).refusal
        assert refusal is not None
        assert "schema 1" in refusal


def test_a_repeated_name_cannot_hide_a_need() -> None:
    """JSON readers differ on which of two equal names counts: whichever it is, nothing is read as both kinds."""
    raw = b'{"schemaVersion":2,"manifests":[],"manifests":[{"digest":"%s"}]}' % L.encode()
    assert [need.digest for need in parse(raw, media.OCI_INDEX).needs] in ([L], [])


def test_subject_and_artifact_type() -> None:
    manifest = parse(body(IMAGE, subject={"digest": X}, artifactType="a/b", annotations={"k": "v"}), media.OCI_MANIFEST)
    assert (manifest.subject, manifest.artifact_type) == (X, "a/b")
    assert manifest.annotations == {"k": "v"} == annotations_of(body(IMAGE, annotations={"k": "v"}))
    assert X not in {need.digest for need in manifest.needs}
    assert parse(body(INDEX, artifactType=""), media.OCI_INDEX).artifact_type is None


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from([C, L, "x", media.OCI_INDEX]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["digest", "config", "layers", "manifests", "mediaType", "subject", "urls", "blobSum"]),
            inner,
        )
    ),
    max_leaves=12,
)
documents = st.dictionaries(
    st.sampled_from(
        ["schemaVersion", "mediaType", "config", "layers", "manifests", "subject", "annotations", "fsLayers"]
    ),
    json_values | st.just(2),
)


@given(documents, st.sampled_from([*GENERIC, media.OCI_MANIFEST, media.OCI_INDEX, media.DOCKER_LIST, "a/b"]))
def test_a_manifest_is_read_or_refused_and_never_anything_else(document: dict[str, object], declared: str) -> None:
    try:
        manifest = parse(body(document), declared)
    except ManifestInvalid:
        return
    digests = [need.digest for need in manifest.needs]
    assert len(digests) == len(set(digests))
    assert parse(body(document), manifest.media_type, manifest.media_type) == manifest
    assert not (manifest.media_type in media.IMAGES and "manifests" in document)
    assert manifest.refusal is not None or media.is_media_type(manifest.media_type)


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    with pytest.raises(ManifestInvalid):
        parse(raw, media.OCI_MANIFEST)
