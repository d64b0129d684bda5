"""The client of any registry against real ones: refloat, docker-registry 2.8 and distribution 3."""

import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest

from refloat.client.errors import Broken, Refused
from refloat.client.origin import parse_origin
from refloat.client.registry import Pointer, Registry
from refloat.core.media import OCI_INDEX, OCI_MANIFEST
from refloat.core.names import Digest
from tools.bench.servers import Server

SMALL = os.urandom(1000)
LARGE = os.urandom((20 << 20) + 1)
NEVER = Digest.of(b"never uploaded")


@pytest.fixture
def registry(server: Server) -> Registry:
    return Registry(parse_origin(server.address, "loopback"))


def given(blob: bytes, registry: Registry, repository: str) -> Digest:
    """Upload a blob, its bytes handed on in pieces that fit nothing else."""
    digest = Digest.of(blob)
    registry.upload(repository, digest, len(blob), lambda first: in_pieces(blob, first))
    return digest


def in_pieces(blob: bytes, first: int) -> Iterator[bytes]:
    for at in range(first, len(blob), 3_000_001):
        yield blob[at : at + 3_000_001]


def image(registry: Registry, repository: str, note: str) -> bytes:
    """Upload what an image needs, and return its manifest."""
    config, layer = json.dumps({"note": note}).encode(), note.encode()
    manifest = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": {
            "mediaType": "application/vnd.oci.image.config.v1+json",
            "digest": given(config, registry, repository),
            "size": len(config),
        },
        "layers": [
            {
                "mediaType": "application/vnd.oci.image.layer.v1.tar",
                "digest": given(layer, registry, repository),
                "size": len(layer),
            }
        ],
    }
    return json.dumps(manifest).encode()


@pytest.mark.parametrize("blob", [b"", SMALL, LARGE], ids=["empty", "small", "large"])
def test_a_blob_goes_and_comes_back(registry: Registry, blob: bytes) -> None:
    digest = Digest.of(blob)
    given(blob, registry, f"blobs/of-{len(blob)}")
    assert registry.size(f"blobs/of-{len(blob)}", digest) == len(blob)
    assert b"".join(registry.download(f"blobs/of-{len(blob)}", digest)) == blob
    assert registry.has(f"blobs/of-{len(blob)}", digest)


def test_a_piece_of_a_blob(registry: Registry) -> None:
    digest = given(LARGE, registry, "blobs/pieces")
    assert registry.piece("blobs/pieces", digest, 0, 0) == LARGE[:1]
    assert registry.piece("blobs/pieces", digest, 9_000_000, 9_999_999) == LARGE[9_000_000:10_000_000]
    with pytest.raises(Broken):
        registry.piece("blobs/pieces", digest, len(LARGE) - 10, len(LARGE))


def test_what_is_not_there(registry: Registry) -> None:
    assert registry.size("nothing/here", NEVER) is None
    assert registry.manifest("nothing/here", "v1") is None
    assert registry.manifest("nothing/here", NEVER) is None
    assert registry.resolve("nothing/here", "v1") is None
    assert list(registry.tags("nothing/here")) == []
    assert not registry.delete("nothing/here", NEVER)
    assert not registry.has("nothing/here", NEVER)
    with pytest.raises(Refused) as refused:
        list(registry.download("nothing/here", NEVER))
    assert refused.value.status == 404


def test_a_blob_is_mounted_where_it_is_and_nothing_is_left_where_it_is_not(server: Server, registry: Registry) -> None:
    digest = given(SMALL, registry, "mounts/source")
    assert registry.mount("mounts/target", digest, "mounts/source")
    assert b"".join(registry.download("mounts/target", digest)) == SMALL
    assert not registry.mount("mounts/target", NEVER, "mounts/source")
    assert sessions(server) == []


def test_a_blob_flows_from_one_repository_to_another(registry: Registry) -> None:
    digest = given(LARGE, registry, "flows/source")
    registry.upload("flows/target", digest, len(LARGE), lambda first: registry.download("flows/source", digest))
    assert registry.has("flows/target", digest)


def test_downloads_side_by_side_have_connections_of_their_own(registry: Registry) -> None:
    digest = given(LARGE, registry, "flows/beside")
    assert b"".join(registry.download("flows/beside", digest)) == LARGE
    one, other = registry.download("flows/beside", digest), registry.download("flows/beside", digest)
    beginnings = next(one), next(other)
    assert beginnings[0] + b"".join(one) == LARGE
    assert beginnings[1] + b"".join(other) == LARGE


@pytest.mark.parametrize("size", [len(SMALL) - 1, len(SMALL) + 1])
def test_a_source_with_other_bytes_is_refused_and_leaves_no_session(
    server: Server, registry: Registry, size: int
) -> None:
    with pytest.raises(Broken):
        registry.upload("blobs/wrong", NEVER, size, lambda first: iter([SMALL[first:]]))
    assert registry.size("blobs/wrong", NEVER) is None
    assert sessions(server) == []


@pytest.mark.parametrize("blob", [SMALL, LARGE], ids=["small", "large"])
def test_another_digest_is_refused(server: Server, registry: Registry, blob: bytes) -> None:
    with pytest.raises(Refused) as refused:
        registry.upload("blobs/refused", NEVER, len(blob), lambda first: iter([blob[first:]]))
    assert (refused.value.status, refused.value.code) == (400, "DIGEST_INVALID")
    assert registry.size("blobs/refused", NEVER) is None
    if server.name != "docker-registry":  # it no longer knows the session, and removes its bytes a week later
        assert sessions(server) == []


def test_a_manifest_goes_comes_back_and_is_deleted(registry: Registry) -> None:
    body = image(registry, "images/one", "one")
    digest = Digest.of(body)
    registry.put("images/one", "v1", OCI_MANIFEST, body)
    for reference in ("v1", digest):
        held = registry.manifest("images/one", reference)
        assert held is not None
        assert (held.digest, held.media_type, held.body) == (digest, OCI_MANIFEST, body)
        assert registry.resolve("images/one", reference) == Pointer(digest, OCI_MANIFEST, len(body))
    assert registry.delete("images/one", digest)
    assert registry.manifest("images/one", digest) is None
    assert registry.manifest("images/one", "v1") is None
    assert not registry.delete("images/one", digest)
    registry.put("images/one", "v1", OCI_MANIFEST, body)
    assert registry.resolve("images/one", "v1") == Pointer(digest, OCI_MANIFEST, len(body))


def test_a_tag_alone_is_deleted_where_the_registry_can(server: Server, registry: Registry) -> None:
    body = image(registry, "images/two", "two")
    for tag in ("a", "b"):
        registry.put("images/two", tag, OCI_MANIFEST, body)
    if server.name == "docker-registry":  # it takes the tag for a digest
        with pytest.raises(Refused):
            registry.delete("images/two", "a")
        assert sorted(registry.tags("images/two")) == ["a", "b"]
        return
    assert registry.delete("images/two", "a")
    assert list(registry.tags("images/two")) == ["b"]
    assert registry.manifest("images/two", Digest.of(body)) is not None


def test_every_tag_and_repository_is_listed(server: Server, registry: Registry) -> None:
    tags = [f"t{number:04}" for number in range(1100)]
    names = [f"listed/r{number:04}" for number in range(1005)]
    body = json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": []}).encode()
    for tag in tags:
        known(server, registry, f"listed/tags:{tag}", body)
    for name in names:
        known(server, registry, f"{name}:v1", body)
    assert sorted(registry.tags("listed/tags")) == tags
    listed = list(registry.repositories())
    assert [name for name in listed if name in set(names)] == names
    assert len(listed) == len(set(listed))


def known(server: Server, registry: Registry, image: str, body: bytes) -> None:
    """Put a manifest under a tag: where the tree on disk is registry:2's, by the files it would write."""
    name, _, tag = image.partition(":")
    if server.kind.tree:
        link = server.root / "docker/registry/v2/repositories" / name / "_manifests/tags" / tag / "current/link"
        link.parent.mkdir(parents=True)
        link.write_text(Digest.of(body))
        (link.parents[4] / "_layers").mkdir(exist_ok=True)
    else:
        registry.put(name, tag, OCI_INDEX, body)


def test_referrers_or_that_there_is_no_such_list(server: Server, registry: Registry) -> None:
    body = image(registry, "images/three", "three")
    registry.put("images/three", "v1", OCI_MANIFEST, body)
    subject = {"mediaType": OCI_MANIFEST, "digest": Digest.of(body), "size": len(body)}
    referrer = json.dumps({**json.loads(body), "subject": subject}).encode()
    registry.put("images/three", Digest.of(referrer), OCI_MANIFEST, referrer)
    found = registry.referrers("images/three", Digest.of(body))
    if server.name == "refloat":
        assert found == (Pointer(Digest.of(referrer), OCI_MANIFEST, len(referrer)),)
    else:
        assert found is None


def test_progress_is_told(server: Server) -> None:
    told: list[tuple[str, str, int, int]] = []
    registry = Registry(parse_origin(server.address, "loopback"), progress=lambda *step: told.append(step))
    digest = given(LARGE, registry, "blobs/told")
    sent = [done for _, _, done, _ in told]
    assert sent == sorted(sent)
    assert told[-1] == ("blobs/told", digest, len(LARGE), len(LARGE))
    assert len(set(sent)) >= 3
    told.clear()
    assert sum(map(len, registry.download("blobs/told", digest))) == len(LARGE)
    assert told[-1] == ("blobs/told", digest, len(LARGE), len(LARGE))


def sessions(server: Server) -> list[str]:
    """Return the uploads that are under way, from the registry's disk."""
    if server.kind.tree:
        return [str(path) for path in server.root.glob("**/_uploads/*/data")]
    with closing(sqlite3.connect(f"file:{server.root}/refloat/refloat.db?mode=ro", uri=True)) as database:
        return [str(row) for row in database.execute("SELECT id FROM uploads")]
