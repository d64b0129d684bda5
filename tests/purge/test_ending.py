"""What a purge ends, what it leaves, and what it refuses."""

import json

import pytest

from refloat.core.closing import Rules
from refloat.core.errors import Denied, ManifestUnknown, ProtectedTag
from refloat.core.media import OCI_MANIFEST
from refloat.core.names import Digest, Tag
from refloat.core.patterns import ImagePattern
from refloat.usecases import purge
from refloat.usecases.pull import resolve
from refloat.usecases.push import ManifestPush, push_manifest
from tests.crash.registry import REPOSITORY
from tests.purge.registry import NOTE, OTHER, SECRET, Registry, found

NOTHING = Digest.of(b"nobody has this")


def test_an_image_ends_in_every_state(registry: Registry) -> None:
    digest = registry.secret("v1")
    registry.put(registry.manifest(b"base", b"clean"), "v1")
    registry.secret("v2")
    registry.rm(Tag("v2"))
    registry.secret("v3")
    whole = registry.purge(digest)
    part = whole.parts[REPOSITORY]
    assert part.manifests == (digest,)
    assert {move.reference for move in part.moves} == {Tag("v3"), digest}
    assert part.past == (Tag("v1"), Tag("v2"))
    assert set(whole.receipt.blobs) == {Digest.of(SECRET)}
    assert set(whole.shared) == {Digest.of(b"base"), Digest.of(b"{}")}
    assert found(registry.directory, SECRET, NOTE.encode()) == {}
    assert registry.metadata.read.manifest(REPOSITORY, Tag("v1")) is not None


def test_an_index_takes_its_own_children_and_signatures_out_of_the_trash_too(registry: Registry) -> None:
    shared, own = registry.manifest(b"shared", note="shared"), registry.manifest(SECRET, note=NOTE)
    registry.put(shared, "shared")
    registry.put(own)
    index = registry.index(shared, own, note=NOTE)
    digest = registry.put(index, "v1")
    registry.put(registry.manifest(b"signed", note=NOTE, subject=digest))
    registry.rm(Tag("v1"))
    names = registry.request(digest).names
    whole = registry.purge(digest)
    assert whole.receipt.blocked == (*names, Digest.of(own))
    assert found(registry.directory, SECRET, NOTE.encode(), b"signed") == {}
    assert registry.metadata.read.manifest(REPOSITORY, Tag("shared")) is not None


def test_a_part_takes_along_what_needs_it(registry: Registry) -> None:
    child = registry.manifest(SECRET, note=NOTE)
    sibling = registry.manifest(b"sibling")
    registry.put(child)
    registry.put(sibling)
    registry.put(registry.index(child, sibling), "index")
    registry.put(registry.manifest(SECRET, b"other"), "other")
    registry.put(registry.manifest(b"clean"), "clean")
    registry.purge(Digest.of(SECRET))
    assert found(registry.directory, SECRET, b"sibling") == {}
    assert registry.metadata.read.tags(REPOSITORY, "", None) == ["clean"]


def test_a_child_that_history_holds_for_a_tag_of_its_own_stays_there(registry: Registry) -> None:
    child = registry.manifest(b"own layer")
    registry.put(child, "amd64")
    digest = registry.put(registry.index(child, note=NOTE), "v1")
    change = registry.rm(Tag("amd64"))
    registry.purge(digest)
    assert found(registry.directory, NOTE.encode()) == {}
    registry.undo(change)
    assert registry.metadata.read.manifest(REPOSITORY, Tag("amd64")) is not None


def test_an_index_leaves_what_is_live(registry: Registry) -> None:
    child = registry.manifest(b"own layer")
    registry.put(child, "amd64")
    digest = registry.put(registry.index(child, note=NOTE), "v1")
    whole = registry.purge(digest)
    assert whole.parts[REPOSITORY].left == (Digest.of(child),)
    assert whole.parts[REPOSITORY].manifests == (digest,)
    assert registry.metadata.read.tags(REPOSITORY, "", None) == ["amd64"]


def test_a_child_that_an_index_in_the_trash_needs_stays_there(registry: Registry) -> None:
    child = registry.manifest(b"own layer")
    registry.put(child)
    registry.put(registry.index(child, note="another"), "v2")
    digest = registry.put(registry.index(child, note=NOTE), "v1")
    change = registry.rm(Tag("v2"))
    registry.purge(digest)
    registry.undo(change)
    assert resolve(registry.metadata.read, REPOSITORY, Digest.of(child)).body == child


def test_bytes_end_under_every_name(registry: Registry) -> None:
    """The same layer by sha512 is the same secret."""
    body = registry.manifest(SECRET, note=NOTE)
    registry.put(body, "v1")
    twin = Digest.of(SECRET, "sha512")
    session = registry.begin(SECRET)
    registry.enter(session, SECRET, twin)
    assert registry.metadata.read.live_key(twin) is not None
    whole = registry.purge(Digest.of(SECRET))
    assert set(whole.receipt.blocked) == {Digest.of(SECRET), twin}
    assert found(registry.directory, SECRET) == {}


def test_other_repositories_are_asked_about(registry: Registry) -> None:
    body = registry.manifest(SECRET, note=NOTE)
    digest = registry.put(body, "v1")
    assert registry.mount(Digest.of(SECRET))
    assert registry.mount(Digest.of(b"{}"))
    registry.put(body, "promoted", OTHER)
    with pytest.raises(Denied, match="1 other repositories have") as refused:
        registry.purge(digest)
    assert isinstance(refused.value.detail, dict)
    assert refused.value.detail["repositories"] == [OTHER]
    assert registry.metadata.read.manifest(REPOSITORY, Tag("v1")) is not None
    whole = registry.purge(digest, "everywhere")
    assert set(whole.parts) == {REPOSITORY, OTHER}
    assert found(registry.directory, SECRET, NOTE.encode()) == {}


def test_a_child_of_a_live_index_of_another_repository_is_not_taken_by_the_way(registry: Registry) -> None:
    child = registry.manifest(SECRET)
    digest = registry.put(child, "v1")
    for content in (SECRET, b"{}"):
        assert registry.mount(Digest.of(content))
    registry.put(child, None, OTHER)
    registry.put(registry.index(child), "index", OTHER)
    with pytest.raises(Denied, match="--everywhere"):
        registry.purge(digest)
    registry.purge(digest, "everywhere")
    assert registry.metadata.read.tags(OTHER, "", None) == []
    assert found(registry.directory, SECRET) == {}


def test_a_protected_tag_is_refused(registry: Registry) -> None:
    digest = registry.secret("v1")
    registry.rules = Rules(protected=(ImagePattern.parse("team/*:v*"),))
    with pytest.raises(ProtectedTag):
        registry.purge(digest)
    with pytest.raises(ProtectedTag):
        registry.purge(Digest.of(SECRET))
    assert registry.metadata.read.manifest(REPOSITORY, Tag("v1")) is not None
    assert set(found(registry.directory, SECRET)) != set()


def test_a_plan_ends_nothing(registry: Registry) -> None:
    digest = registry.secret("v1")
    planned = purge.plan(registry.metadata, registry.request(digest), registry.cause())
    assert planned.receipt.size == len(SECRET + b"base" + b"{}")
    assert purge.finish(registry.metadata, registry.blobs, registry.now) == []
    assert registry.metadata.read.block_on(digest) is None
    done = registry.purge(digest)
    assert (done.parts, done.receipt.blobs) == (planned.parts, planned.receipt.blobs)


def test_what_nobody_has_is_unknown(registry: Registry) -> None:
    registry.secret("v1")
    with pytest.raises(ManifestUnknown):
        registry.purge(NOTHING)
    with pytest.raises(ManifestUnknown):
        registry.purge(NOTHING, "everywhere")


def test_bytes_that_wait_for_the_reaper_go_at_once(registry: Registry) -> None:
    digest = registry.secret("v1")
    registry.rm(Tag("v1"))
    registry.now += 2 * 24 * 3600 * 1_000_000
    registry.collect()
    assert found(registry.directory, SECRET) != {}  # in the graveyard
    assert registry.metadata.read.holds(REPOSITORY, Digest.of(SECRET)) is False
    registry.purge(Digest.of(SECRET))
    assert found(registry.directory, SECRET) == {}
    with pytest.raises(ManifestUnknown):
        registry.purge(digest)


@pytest.mark.parametrize("kind", ["referrers", "indexes"])
def test_a_chain_longer_than_python_calls_into_itself_ends_whole(registry: Registry, kind: str) -> None:
    first = registry.manifest(SECRET, note=NOTE)
    bodies = [first]
    for number in range(1100):
        note, below = {"annotations": {"note": f"{NOTE} {number}"}}, Digest.of(bodies[-1])
        subject = {"subject": {"mediaType": OCI_MANIFEST, "digest": below, "size": 1}}
        outer = json.loads(first) | subject if kind == "referrers" else json.loads(registry.index(bodies[-1]))
        bodies.append(json.dumps(outer | note).encode())
    pushes = [ManifestPush(Digest.of(body), body, "") for body in bodies]
    registry.write(lambda tx: [push_manifest(tx, REPOSITORY, push, registry.cause()) for push in pushes])
    whole = registry.purge(Digest.of(first))
    assert len(whole.parts[REPOSITORY].manifests) == len(bodies)
    assert found(registry.directory, SECRET, NOTE.encode()) == {}
