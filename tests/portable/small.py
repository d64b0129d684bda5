"""The smallest image that has everything: an index of one platform, and a signature found by the fallback tag."""

import json
from dataclasses import dataclass

from tools.content import CONFIG, EMPTY, INDEX, LAYER, MANIFEST, SIGNATURE, Part
from tools.wire import Wire


@dataclass(frozen=True)
class Small:
    """Its parts, each in an order in which a registry takes them."""

    blobs: tuple[Part, ...]
    child: Part
    index: Part
    signature: Part
    fallback: Part

    @property
    def fallback_tag(self) -> str:
        """Where a registry without the referrers API has what refers to the index. Spec: "Referrers Tag Schema"."""
        return self.index.digest.replace(":", "-")

    @property
    def manifests(self) -> tuple[Part, ...]:
        return (self.child, self.index, self.signature, self.fallback)

    def push(self, wire: Wire, repository: str, *tags: str) -> None:
        """Push everything, the index under `tags`."""
        for blob in self.blobs:
            wire.push_blob(repository, blob)
        wire.push_manifest(repository, self.child.digest, self.child)
        for tag in tags:
            wire.push_manifest(repository, tag, self.index)
        wire.push_manifest(repository, self.signature.digest, self.signature)
        wire.push_manifest(repository, self.fallback_tag, self.fallback)


def make_small(salt: str) -> Small:
    """Build one. Every byte of it is its own, but for the empty object that signatures have as their config."""
    rootfs = {"type": "layers", "diff_ids": []}
    config = _document(CONFIG, {"architecture": "amd64", "os": "linux", "rootfs": rootfs, "author": salt})
    layer = Part(LAYER, f"layer of {salt}".encode() * 100)
    child = _document(
        MANIFEST,
        {"schemaVersion": 2, "mediaType": MANIFEST, "config": config.descriptor(), "layers": [layer.descriptor()]},
    )
    platform = {"architecture": "amd64", "os": "linux"}
    index = _document(
        INDEX, {"schemaVersion": 2, "mediaType": INDEX, "manifests": [child.descriptor(platform=platform)]}
    )
    nothing = Part(EMPTY, b"{}")
    signature = _document(
        MANIFEST,
        {
            "schemaVersion": 2, "mediaType": MANIFEST, "artifactType": SIGNATURE, "config": nothing.descriptor(),
            "layers": [nothing.descriptor()], "subject": index.descriptor(),
        },
    )  # fmt: skip
    referrer = signature.descriptor(artifactType=SIGNATURE)
    fallback = _document(INDEX, {"schemaVersion": 2, "mediaType": INDEX, "manifests": [referrer]})
    return Small((config, layer, nothing), child, index, signature, fallback)


def _document(media_type: str, document: dict[str, object]) -> Part:
    return Part(media_type, json.dumps(document).encode())
