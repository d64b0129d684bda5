"""What was seen of the disk before a push counts only for the bytes that were looked at."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from refloat.core.errors import ManifestBlobUnknown
from refloat.core.media import OCI_MANIFEST
from refloat.core.names import Digest, Tag
from refloat.usecases.push import ManifestPush, hollow_in, push_manifest
from tests.crash.registry import REPOSITORY, Registry


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    registry = Registry(tmp_path / "refloat")
    yield registry
    registry.close()


def file_of(registry: Registry, digest: Digest) -> Path:
    live = registry.metadata.read.live_key(digest)
    assert live is not None
    return registry.blobs.path(live.key)


def push(registry: Registry, digests: list[Digest], hollow: frozenset[str]) -> Digest:
    config, *layers = [{"mediaType": "application/x", "digest": digest, "size": 1} for digest in digests]
    document = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": layers}
    manifest = ManifestPush(Tag("v1"), json.dumps(document).encode(), "", hollow=hollow)
    return registry.write(lambda tx: push_manifest(tx, REPOSITORY, manifest, registry.cause())).digest


def test_bytes_that_came_between_the_look_and_the_push_count(registry: Registry) -> None:
    config, layer = registry.blob(b"{}"), registry.blob(b"a layer")
    file_of(registry, layer).unlink()
    hollow = hollow_in(registry.metadata.read, registry.blobs, [config, layer])
    with pytest.raises(ManifestBlobUnknown) as refused:
        push(registry, [config, layer], hollow)
    assert refused.value.detail == [{"digest": layer}]
    registry.blob(b"a layer")
    assert file_of(registry, layer).read_bytes() == b"a layer"
    push(registry, [config, layer], hollow)


def test_what_was_found_damaged_is_hollow_until_it_is_pushed_again(registry: Registry) -> None:
    config, layer = registry.blob(b"{}"), registry.blob(b"a layer")
    push(registry, [config, layer], frozenset())
    live = registry.metadata.read.live_key(layer)
    assert live is not None
    registry.metadata.mark(lambda tx: tx.damaged(layer, live.key, registry.now))
    hollow = hollow_in(registry.metadata.read, registry.blobs, [config, layer])
    assert hollow == {live.key}
    with pytest.raises(ManifestBlobUnknown):
        push(registry, [config, layer], hollow)
    registry.blob(b"a layer")
    push(registry, [config, layer], hollow)


def test_what_nobody_has_is_not_looked_for(registry: Registry) -> None:
    assert hollow_in(registry.metadata.read, registry.blobs, [Digest.of(b"nobody has this")]) == frozenset()
