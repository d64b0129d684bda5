"""What a delete took, and what it needs to come back: the facts kept beside the bytes, and the artifact that pins both.

The artifact is an OCI image manifest: its config is the facts, its layers are everything kept, manifests too, as blobs.
One tagged manifest then holds all of it through any registry's garbage collection. Their media types are our own,
because a registry looks closer at types it knows: a layer that is called a manifest has to be one there.
"""

from datetime import datetime
from typing import Any, Literal

import msgspec

from refloat.core.errors import RefloatError
from refloat.core.media import OCI_MANIFEST
from refloat.core.names import Digest, RepositoryName, Tag

SCHEMA = "refloat.trash/1"
ARTIFACT = "application/vnd.refloat.trash.v1+json"
FACTS = "application/vnd.refloat.trash.facts.v1+json"
MANIFEST = "application/vnd.refloat.trash.manifest.v1"
BLOB = "application/vnd.refloat.trash.blob.v1"
CREATED = "org.opencontainers.image.created"

Extent = Literal["image", "tag", "displaced"]
"""What was to go: an image with all its tags, a tag alone, or a tag from this image to one that was brought back."""


class KeptManifest(msgspec.Struct, frozen=True, rename="camel"):
    """A manifest. `tags` and, if it is `taken`, the manifest itself went; one that is not taken was only needed."""

    digest: Digest
    media_type: str
    size: int  # bytes
    taken: bool
    tags: tuple[Tag, ...]


class KeptBlob(msgspec.Struct, frozen=True, rename="camel"):
    """A config or a layer."""

    digest: Digest
    size: int  # bytes


class Facts(msgspec.Struct, frozen=True, rename="camel"):
    """One delete. `manifests` stand in the order in which they can be put: what is needed before what needs it."""

    id: str
    host: str  # HOST[:PORT]
    repository: RepositoryName
    image: Digest
    extent: Extent
    at: datetime
    until: datetime
    who: str
    reason: str | None
    manifests: tuple[KeptManifest, ...]
    blobs: tuple[KeptBlob, ...]
    absent: tuple[Digest, ...] = ()  # what the image names and the registry did not have
    others: tuple[Tag, ...] = ()  # tags of the image that stay
    schema: str = SCHEMA

    @property
    def tags(self) -> dict[Tag, Digest]:
        """Every tag that went, and what it pointed to."""
        return {tag: kept.digest for kept in self.manifests for tag in kept.tags}

    @property
    def takes(self) -> tuple[Digest, ...]:
        """The manifests that went, in the order in which they can be deleted: what needs before what is needed."""
        return tuple(kept.digest for kept in reversed(self.manifests) if kept.taken)

    @property
    def sizes(self) -> dict[Digest, int]:
        """Everything that is kept, with its size in bytes."""
        blobs = {blob.digest: blob.size for blob in self.blobs}
        return {kept.digest: kept.size for kept in self.manifests} | blobs

    @property
    def names(self) -> tuple[str, ...]:
        """How people call the image: its own tags, else its digest."""
        own = next(kept for kept in self.manifests if kept.digest == self.image)
        references = [f":{tag}" for tag in own.tags] or [f"@{self.image}"]
        return tuple(self.repository + reference for reference in references)

    def means_the_same(self, other: "Facts") -> bool:
        """Do both say that the same is to go, whoever said it and when?"""
        return (self.image, self.extent, self.manifests, self.blobs) == (
            other.image, other.extent, other.manifests, other.blobs,
        )  # fmt: skip


def written(facts: Facts) -> bytes:
    """Return the facts as the JSON document that is kept."""
    return msgspec.json.encode(facts, enc_hook=str)


def read(document: bytes) -> Facts:
    """Read what `written` wrote. Raises ValueError."""
    facts = msgspec.json.decode(document, type=Facts, dec_hook=_named)
    if facts.schema != SCHEMA or facts.image not in facts.sizes:
        raise ValueError(f"not {SCHEMA}")
    return facts


def artifact_of(facts: Facts) -> bytes:
    """Return the manifest that pins the facts and everything they name."""
    document = written(facts)
    manifests = [_descriptor(MANIFEST, kept.digest, kept.size) for kept in facts.manifests]
    blobs = [_descriptor(BLOB, kept.digest, kept.size) for kept in facts.blobs]
    return msgspec.json.encode(
        {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "artifactType": ARTIFACT,
            "config": _descriptor(FACTS, Digest.of(document), len(document)),
            "layers": [*manifests, *blobs],
            "annotations": {CREATED: facts.at.isoformat()},
        }
    )


def _descriptor(media_type: str, digest: Digest, size: int) -> dict[str, object]:
    return {"mediaType": media_type, "digest": str(digest), "size": size}


def _named(kind: type, value: Any) -> Any:
    """Read one of the specification's names, which are strings of their own kind."""
    if issubclass(kind, Digest | RepositoryName | Tag):
        try:
            return kind.parse(value)
        except RefloatError as problem:
            raise ValueError(problem.message) from None
    raise NotImplementedError(kind)
