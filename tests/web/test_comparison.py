"""The comparison of two states of an image, over the wire: of live ones, of held ones, and of what is gone."""

import json

import pytest

from tests.conftest import Serve
from tools.content import CONFIG, INDEX, LAYER, MANIFEST, Content, Part, make_content
from tools.serving import Served
from tools.wire import Answer

API = "/v2/_refloat/v1"


def compared(served: Served, repository: str, old: str, new: str) -> Answer:
    return served.wire.ask("GET", f"{API}/repositories/{repository}/comparison?old={old}&new={new}")


def image(version: str, *layers: bytes) -> tuple[Part, list[Part]]:
    """Return a manifest and its blobs."""
    config = {"os": "linux", "architecture": "amd64", "config": {"Env": [f"VERSION={version}"], "Cmd": ["run"]}}
    blobs = [Part(CONFIG, json.dumps(config).encode()), *(Part(LAYER, layer) for layer in layers)]
    document = {
        "schemaVersion": 2, "mediaType": MANIFEST, "config": blobs[0].descriptor(),
        "layers": [blob.descriptor() for blob in blobs[1:]],
    }  # fmt: skip
    return Part(MANIFEST, json.dumps(document).encode()), blobs


def push(served: Served, repository: str, tag: str, version: str, *layers: bytes) -> Part:
    manifest, blobs = image(version, *layers)
    for blob in blobs:
        served.wire.push_blob(repository, blob)
    served.wire.push_manifest(repository, tag, manifest)
    return manifest


def test_two_values_of_a_tag_are_compared_though_one_is_in_the_trash(registry: Served) -> None:
    name = "comparison/held"
    old = push(registry, name, "v1", "1", b"base", b"old layer")
    new = push(registry, name, "v1", "2", b"base", b"a newer layer")
    registry.wire.delete(name, old.digest).expect(202)
    registry.wire.ask("GET", f"/v2/{name}/manifests/{old.digest}").expect(404)
    document = compared(registry, name, old.digest, "v1").expect(200).document()
    assert document["schema"] == "refloat.comparison/1"
    old_config, new_config = (len(image(version)[1][0].body) for version in "12")
    assert document["old"] == {"digest": old.digest, "media_type": MANIFEST, "size": old_config + 13}
    assert document["new"] == {"digest": new.digest, "media_type": MANIFEST, "size": new_config + 17}
    assert (document["added_bytes"], document["removed_bytes"]) == (new_config + 13, old_config + 9)
    assert document["images"] == [{
        "platform": "linux/amd64", "layers_kept": 1,
        "layers_added": [{"digest": Part(LAYER, b"a newer layer").digest, "size": 13}], "layers_added_total": 1,
        "layers_removed": [{"digest": Part(LAYER, b"old layer").digest, "size": 9}], "layers_removed_total": 1,
        "config": [{"name": "Env.VERSION", "old": "1", "new": "2"}], "config_total": 1,
    }]  # fmt: skip


def test_indexes_are_compared_by_platform_and_attestations_are_none(registry: Served) -> None:
    name = "comparison/index"
    contents = [make_content(f"comparison {number}") for number in range(2)]
    for content in contents:
        registry.wire.push(name, "v1", content)
    attestation = push(registry, name, "attestation", "0", b"provenance")
    entries = json.loads(contents[1].index.body)["manifests"][:1]
    unknown = attestation.descriptor(platform={"os": "unknown", "architecture": "unknown"})
    body = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [*entries, unknown]}
    smaller = Part(INDEX, json.dumps(body).encode())
    registry.wire.push_manifest(name, "v2", smaller)
    document = compared(registry, name, contents[0].index.digest, contents[1].index.digest[:19]).expect(200).document()
    images = document["images"]
    assert isinstance(images, list)
    assert [(entry["platform"], entry["layers_kept"], entry["layers_added_total"]) for entry in images] == [
        ("linux/amd64", 2, 1), ("linux/arm64", 2, 1),
    ]  # fmt: skip
    less = compared(registry, name, "v1", "v2").expect(200).document()
    assert (less["platforms_added"], less["platforms_removed"]) == ([], ["linux/arm64"])
    assert [entry["platform"] for entry in less["images"]] == ["linux/amd64"]  # type: ignore[attr-defined]


def test_a_config_of_another_repository_is_not_read(registry: Served) -> None:
    """A manifest of a type that refloat does not know may name any digest."""
    push(registry, "comparison/theirs", "v1", "secret", b"base")
    config = image("secret", b"base")[1][0]
    for tag in ("a", "b"):
        body = json.dumps({"schemaVersion": 2, "tag": tag, "config": config.descriptor()}).encode()
        registry.wire.push_manifest("comparison/mine", tag, Part("application/vnd.example+json", body))
    answer = compared(registry, "comparison/mine", "a", "b").expect(200)
    assert b"secret" not in answer.body


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("old=v1", 400, "REQUEST_INVALID"),
        ("old=v1&new=v1&with=v2", 400, "REQUEST_INVALID"),
        ("old=v1&new=-", 400, "NAME_INVALID"),
        ("old=v1&new=none", 404, "MANIFEST_UNKNOWN"),
        (f"old=v1&new=sha256:{'0' * 64}", 404, "MANIFEST_UNKNOWN"),
    ],
)
def test_other_questions_are_refused(registry: Served, query: str, status: int, code: str) -> None:
    push(registry, "comparison/refused", "v1", "1", b"base")
    answer = registry.wire.ask("GET", f"{API}/repositories/comparison/refused/comparison?{query}")
    assert (answer.status, json.loads(answer.body)["errors"][0]["code"]) == (status, code)
    unknown = registry.wire.ask("GET", f"{API}/repositories/comparison/nobody/comparison?old=a&new=b")
    assert unknown.status == 404


def test_history_since_an_instant(serve: Serve) -> None:
    served = serve()
    content: Content = make_content("comparison since")
    served.wire.push("team/api", "v1", content)
    served.wire.push("team/api", "v2", content)
    whole = served.wire.ask("GET", f"{API}/repositories/team/api/history").document()["history"]
    assert isinstance(whole, list)
    since = whole[0]["at"]
    some = served.wire.ask("GET", f"{API}/repositories/team/api/history?since={since}").document()["history"]
    assert some == whole[:1]
