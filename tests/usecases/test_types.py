"""A stored type: what keeps it, and what a push that says another one does to the references below."""

import json

import pytest

from refloat.core.errors import ManifestBlobUnknown, ManifestInvalid
from refloat.core.manifest import Need, parse
from refloat.core.media import DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST
from refloat.core.names import Digest, Tag
from tests.usecases.conftest import TEAM, Registry, index_of
from tests.usecases.test_delete_and_undo import delete, take_back

TYPO = "application/vnd.oci.image.manifest.v1"


def untyped(body: bytes) -> bytes:
    return json.dumps({name: value for name, value in json.loads(body).items() if name != "mediaType"}).encode()


def taken_once(registry: Registry, body: bytes, declared: str) -> Digest:
    """Store a manifest as it was stored when any word was a type; nothing points to it."""
    digest, manifest = Digest.of(body), parse(body, declared)
    registry.do(lambda tx: tx.lock([TEAM]))
    registry.do(lambda tx: tx.put_manifest(TEAM, digest, body, manifest, registry.now))
    return digest


def needs(registry: Registry, digest: Digest) -> set[tuple[Need, bool]]:
    return {(need, size is not None) for need, size in registry.metadata.listing.needs(TEAM, digest)}


def type_of(registry: Registry, digest: Digest) -> str:
    stored = registry.metadata.listing.stored(TEAM, digest)
    assert stored is not None
    return stored.media_type


def test_what_is_live_keeps_its_type(registry: Registry) -> None:
    body = untyped(registry.image("a"))
    registry.put("v1", body, DOCKER_MANIFEST)
    with pytest.raises(ManifestInvalid, match="does not change"):
        registry.put("v1", body, OCI_MANIFEST)
    delete(registry, "v1")
    with pytest.raises(ManifestInvalid, match="does not change"):
        registry.put("v1", body, OCI_MANIFEST)
    assert type_of(registry, Digest.of(body)) == DOCKER_MANIFEST


def test_a_part_of_a_live_index_keeps_its_type(registry: Registry) -> None:
    child = untyped(registry.image("a"))
    registry.put("child", child, DOCKER_MANIFEST)
    registry.put("v1", index_of(child))
    delete(registry, "child")
    with pytest.raises(ManifestInvalid, match="does not change"):
        registry.put("v2", child, OCI_MANIFEST)


def test_as_an_image_it_requires_its_config_and_layers(registry: Registry) -> None:
    body = untyped(registry.image("a"))
    config, layer = (json.loads(body)["config"]["digest"], json.loads(body)["layers"][0]["digest"])
    digest = taken_once(registry, body, TYPO)
    assert {need.kind for need, _ in needs(registry, digest)} == {"other"}
    pushed = registry.put("v1", body, OCI_MANIFEST)
    assert (pushed.before, pushed.media_type) == (TYPO, OCI_MANIFEST)
    assert needs(registry, digest) == {
        (Need(Digest(config), "config", required=True), True), (Need(Digest(layer), "layer", required=True), True),
    }  # fmt: skip


def test_what_it_lacks_as_an_image_is_named_and_it_stays_what_it_was(registry: Registry) -> None:
    missing = Digest.of(b"never uploaded")
    document = json.loads(untyped(registry.image("a")))
    document["layers"].append({"digest": missing})
    body = json.dumps(document).encode()
    digest = taken_once(registry, body, TYPO)
    before = needs(registry, digest)
    with pytest.raises(ManifestBlobUnknown) as refused:
        registry.put("v1", body, OCI_MANIFEST)
    assert refused.value.detail == [{"digest": missing}]
    assert (type_of(registry, digest), needs(registry, digest)) == (TYPO, before)
    assert registry.tips() == {}


def test_what_only_it_holds_is_held_while_it_is_stored_anew(registry: Registry) -> None:
    body = untyped(registry.image("a"))
    layer = Digest(json.loads(body)["layers"][0]["digest"])
    taken_once(registry, body, TYPO)
    registry.now += 10 * registry.lease
    for condemned in registry.metadata.collect(lambda tx: tx.ended_leases(registry.now, 10)):
        assert not registry.metadata.collect(
            lambda tx, lease=condemned: tx.condemn(*lease, registry.now, registry.now)  # type: ignore[misc]
        )
    registry.put("v1", body, OCI_MANIFEST)
    assert registry.metadata.read.blob(TEAM, layer, registry.now) is not None


def test_as_an_index_it_makes_its_children_live(registry: Registry) -> None:
    child = registry.image("a")
    registry.put("child", child)
    body = untyped(index_of(child))
    digest = taken_once(registry, body, TYPO)
    gone = delete(registry, str(Digest.of(child)))
    registry.put("v1", body, OCI_INDEX)
    assert registry.tips() == {"v1": digest, digest: digest, Digest.of(child): Digest.of(child)}
    assert needs(registry, digest) == {(Need(Digest.of(child), "child", required=False), True)}
    take_back(registry, gone)
    assert registry.tips()[Tag("child")] == Digest.of(child)


def test_what_it_names_beyond_its_type_it_holds_on_to(registry: Registry) -> None:
    extra = registry.blob(b"something beside")
    document = json.loads(untyped(registry.image("a")))
    body = json.dumps({**document, "beside": [{"digest": extra}]}).encode()
    digest = taken_once(registry, body, TYPO)
    registry.put("v1", body, OCI_MANIFEST)
    assert (Need(extra, "other", required=False), True) in needs(registry, digest)
