"""Reading a manifest: its type, its needs, and the confusions that are refused."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refloat.core import media
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


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    with pytest.raises(ManifestInvalid):
        parse(raw, media.OCI_MANIFEST)
