"""The comparison of two states of an image, over the wire: of live ones, of held ones, and of what is gone."""

import json

import pytest

from tests.conftest import Serve
from tools.content import CONFIG, INDEX, LAYER, MANIFEST, Content, Part, make_content
from tools.serving import Served
from tools.wire import Answer

API = "/v2/_refloat/v1"


def compared(served: Served, repository: str, old: str, new: str, **headers: str) -> Answer:
    path = f"{API}/repositories/{repository}/comparison?old={old}&new={new}"
    return served.wire.ask("GET", path, None, **headers)


def admin(served: Served) -> dict[str, str]:
    return {"Refloat_Admin_Token": (served.root / "refloat" / "admin.token").read_text().strip()}


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
    document = compared(registry, name, old.digest, "v1", **admin(registry)).expect(200).document()
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


SECRET = {
    "os": "linux", "architecture": "amd64", "author": "hunter1", "unheard": {"hunter2": 1},
    "config": {"Env": ["SECRET=hunter3", "PATH=/bin", "hunter4"], "Labels": {"contact": "hunter5"},
               "Cmd": ["serve", "--password=hunter6"], "Entrypoint": ["hunter7"], "User": "hunter8"},
    "history": [{"created_by": "ARG hunter9"}],
}  # fmt: skip
NAMES = {
    "Cmd", "Entrypoint", "Env.PATH", "Env.SECRET", "Labels.contact", "User", "architecture", "author", "os", "unheard",
}  # fmt: skip


def with_secret(served: Served, repository: str, tag: str, **more: object) -> Part:
    config = Part(CONFIG, json.dumps({**SECRET, **more}).encode())
    served.wire.push_blob(repository, config)
    body = {"schemaVersion": 2, "mediaType": MANIFEST, "config": config.descriptor(), "layers": []}
    manifest = Part(MANIFEST, json.dumps(body).encode())
    served.wire.push_manifest(repository, tag, manifest)
    return manifest


def settings_of(answer: Answer) -> list[dict[str, object]]:
    """Return what is said of the configs of one image."""
    images = answer.expect(200).document()["images"]
    assert isinstance(images, list)
    (image,) = images
    assert image["config_total"] == len(image["config"])
    found: list[dict[str, object]] = image["config"]
    return found


@pytest.mark.parametrize("way", ["digest", "rm", "repository", "pushed over and deleted"])
def test_what_is_deleted_is_told_to_the_admin_alone(serve: Serve, way: str) -> None:
    served, name = serve(), "team/api"
    secret = with_secret(served, name, "v1")
    plain = push(served, name, "v1" if way.startswith("pushed") else "v2", "2", b"base")
    assert "Env.SECRET" in {row["name"] for row in settings_of(compared(served, name, secret.digest, plain.digest))}
    if way in ("rm", "repository"):
        what = {"repositories": [name]} if way == "repository" else {"images": [f"{name}:v1"]}
        served.wire.ask("POST", f"{API}/remove", json.dumps(what).encode()).expect(201)
    else:
        served.wire.delete(name, secret.digest).expect(202)
    for old, new in ((secret, plain), (plain, secret), (secret, secret)):
        answer = compared(served, name, old.digest, new.digest).expect(200)
        assert b"hunter" not in answer.body
        rows = settings_of(answer)
        for side, part in (("old", old), ("new", new)):
            if part is secret:
                hidden = {row["name"] for row in rows if side in row.get("hidden", ())}  # type: ignore[operator]
                assert hidden == NAMES
                assert all(row[side] is None for row in rows if row["name"] in hidden)
    told = settings_of(compared(served, name, secret.digest, plain.digest, **admin(served)))
    assert {"name": "Env.SECRET", "old": "hunter3", "new": None} in told
    assert compared(served, name, secret.digest, plain.digest, Refloat_Admin_Token="guessed").status == 403


def test_a_comparison_does_not_tell_who_guesses_right(registry: Served) -> None:
    """Whoever may push can compare what he guesses with what is deleted: the answer is the same."""
    name = "comparison/guessed"
    secret, right = with_secret(registry, name, "v1"), with_secret(registry, name, "guess", created="now")
    wrong = with_secret(registry, name, "wrong", created="now", config={"Env": ["SECRET=hunter0"]}, author="me")
    registry.wire.delete(name, secret.digest).expect(202)
    for guess in (right, wrong):
        rows = settings_of(compared(registry, name, secret.digest, guess.digest))
        assert {str(row["name"]) for row in rows if row.get("hidden") == ["old"]} == NAMES


def test_what_a_pull_can_read_is_told_though_another_image_with_it_was_deleted(registry: Served) -> None:
    name = "comparison/shared"
    one = with_secret(registry, name, "v1")
    body = json.dumps({**json.loads(one.body), "annotations": {"other": "1"}}).encode()
    registry.wire.push_manifest(name, "v2", Part(MANIFEST, body))
    plain = push(registry, name, "v3", "2", b"base")
    registry.wire.delete(name, one.digest).expect(202)
    rows = settings_of(compared(registry, name, one.digest, plain.digest))
    assert {"name": "Env.SECRET", "old": "hunter3", "new": None} in rows
    registry.wire.delete(name, "sha256:" + Part(MANIFEST, body).digest[7:]).expect(202)
    assert b"hunter" not in compared(registry, name, one.digest, plain.digest).expect(200).body


def test_layers_are_told_as_digests_and_sizes_whatever_the_body_says(registry: Served) -> None:
    name, layer = "comparison/odd", Part(LAYER, b"base")
    plain = push(registry, name, "v1", "1", layer.body)
    document = json.loads(plain.body)
    foreign = {"digest": "blake3:" + 64 * "0", "size": 3, "urls": ["https://example.com/l"]}
    for size in (-1, 10**30, "x", True, None, 1.5):
        document["layers"] = [{**layer.descriptor(), "size": size}, foreign]
        body = json.dumps({**document, "annotations": {"size": str(size)}}).encode()
        registry.wire.push_manifest(name, "v2", Part(MANIFEST, body))
        images = compared(registry, name, "v1", "v2").expect(200).document()["images"]
        assert isinstance(images, list)
        assert (images[0]["layers_kept"], images[0]["layers_added"], images[0]["layers_removed"]) == (1, [], [])
        back = compared(registry, name, "v2", push(registry, name, "v3", "1", b"new").digest).expect(200)
        (removed,) = back.document()["images"][0]["layers_removed"]  # type: ignore[index]
        assert removed == {"digest": layer.digest, "size": 0}


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
