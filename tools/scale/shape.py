"""What a generated registry is made of: repositories of blocks of ten tags, alike however many there are.

Ten repositories are a team, with 20 to 400 tags. A block is what a project pushes for one release: eight images,
one of them over an earlier one, two tags that only name them again or an index of two more, a signature, and a
candidate's tag that was deleted. Images share layers within a block and with the rest of the registry.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from tools.content import INDEX, MANIFEST

SIZES = (2, 2, 2, 4, 4, 6, 10, 10, 20, 40)
"""Blocks of the ten repositories of a team: a hundred, which are a thousand tags."""

TEAM = len(SIZES)
TAGS_A_BLOCK = 10
TAGS_A_TEAM = TAGS_A_BLOCK * sum(SIZES)
IMAGES = 11
OWN_LAYERS = 7
"""Of a block's eleven images, so many have a layer that no other image has."""

SIGNED, OVER, INDEXED, AGAIN = 0, 7, 8, 9
"""The tag whose image is signed, the one pushed over an earlier image, the index's, and one whose image has another."""

CHILDREN, EARLIER = (8, 9), 10
"""Which images are the index's, and which one was under a tag before another."""

CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar+gzip"
SIGNATURE_TYPE = "application/vnd.dev.cosign.artifact.sig.v1+json"


def digest_of(text: str) -> str:
    """Return the digest of some text: of a manifest's body, or of what stands for a blob's bytes."""
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


EMPTY = digest_of("{}")  # the configuration of whatever has none; every signature has it


def size_of(blob: str) -> int:
    """Return the size that a blob is said to have, in bytes: by its digest 1 KiB to 64 MiB."""
    return 2 if blob == EMPTY else 1024 + int(blob[7:13], 16) * 4


@dataclass(frozen=True)
class Part:
    """A manifest as it is stored; `refs` are the digests that it needs, each with what it is there."""

    body: str
    media_type: str
    refs: tuple[tuple[str, str], ...]
    artifact_type: str | None = None
    subject: str | None = None

    @cached_property
    def digest(self) -> str:
        return digest_of(self.body)


@dataclass(frozen=True)
class Push:
    """One change: references, each with the digest it had and the one it has. `kind` as `refloat log` says it."""

    kind: str
    moves: tuple[tuple[str, str | None, str | None], ...]


@dataclass(frozen=True)
class Block:
    """Ten tags of a repository. `number` counts the repository's blocks, `repository` the registry's repositories."""

    repository: int
    number: int
    teams: int

    @property
    def name(self) -> str:
        """The repository's name."""
        return name_of(self.repository)

    def tag(self, which: int) -> str:
        return f"1.{self.number}.{which}"

    def blob(self, what: str, which: int = 0) -> str:
        """Return the digest of a blob that only this block has."""
        return digest_of(f"{what} {which} of {self.repository}/{self.number}")

    def shared(self, which: int) -> str:
        """Return the digest of a base layer, of which there is one for each hundred blocks of the registry."""
        return digest_of(f"base {(self.repository * 7 + self.number * 3 + which) % self.teams}")

    @cached_property
    def images(self) -> tuple[Part, ...]:
        return tuple(self._image(which) for which in range(IMAGES))

    def _image(self, which: int) -> Part:
        config = self.blob("config", which)
        layers = [self.shared(0), self.blob("packages"), self.blob("application", which % OWN_LAYERS)]
        if which in CHILDREN:
            layers.append(self.shared(1) if self.teams > 1 else EMPTY)
        refs = ((config, "config"), *((layer, "layer") for layer in layers))
        return Part(_image_body(config, layers), MANIFEST, refs)

    @cached_property
    def index(self) -> Part:
        entries = [self.images[which] for which in CHILDREN]
        listed = ",".join(
            f'{{"mediaType":"{MANIFEST}","digest":"{entry.digest}","size":{len(entry.body)},'
            f'"platform":{{"architecture":"{architecture}","os":"linux"}}}}'
            for entry, architecture in zip(entries, ("amd64", "arm64"), strict=True)
        )
        body = f'{{"schemaVersion":2,"mediaType":"{INDEX}","manifests":[{listed}]}}'
        return Part(body, INDEX, tuple((entry.digest, "child") for entry in entries))

    @cached_property
    def signature(self) -> Part:
        image, payload = self.images[SIGNED], self.blob("signature")
        subject = f'{{"mediaType":"{MANIFEST}","digest":"{image.digest}","size":{len(image.body)}}}'
        body = _image_body(EMPTY, [payload])[:-1] + f',"artifactType":"{SIGNATURE_TYPE}","subject":{subject}}}'
        return Part(body, MANIFEST, ((EMPTY, "config"), (payload, "layer")), SIGNATURE_TYPE, image.digest)

    @property
    def parts(self) -> tuple[Part, ...]:
        """Every manifest, each once."""
        return (*self.images, self.index, self.signature)

    @property
    def tags(self) -> Iterator[tuple[str, str]]:
        """Every live tag and its digest."""
        for which in range(TAGS_A_BLOCK):
            part = {INDEXED: self.index, AGAIN: self.images[OVER]}.get(which, self.images[min(which, OVER)])
            yield self.tag(which), part.digest

    @property
    def blobs(self) -> Iterator[str]:
        """Every blob that only this block has."""
        yield from (self.blob("config", which) for which in range(IMAGES))
        yield from (self.blob("application", which) for which in range(OWN_LAYERS))
        yield self.blob("packages")
        yield self.blob("signature")

    @cached_property
    def pushes(self) -> tuple[Push, ...]:
        """How it came about, oldest first; always PUSHES of them."""
        earlier, over = self.images[EARLIER].digest, self.images[OVER].digest
        candidate = f"rc-{self.number}"
        return (
            _pushed(earlier, (self.tag(OVER), None)),
            *(_pushed(self.images[which].digest, (self.tag(which), None)) for which in range(OVER)),
            _pushed(over, (self.tag(OVER), earlier)),
            *(_pushed(self.images[which].digest) for which in CHILDREN),
            _pushed(self.index.digest, (self.tag(INDEXED), None)),
            Push("push", ((self.tag(AGAIN), None, over),)),
            _pushed(self.signature.digest),
            Push("push", ((candidate, None, over),)),
            Push("delete", ((candidate, over, None),)),
        )


PUSHES = 16


def name_of(repository: int) -> str:
    """Return the name of a repository, counted from 0."""
    return f"team-{repository // TEAM:04d}/app-{repository % TEAM}"


def _pushed(digest: str, *tags: tuple[str, str | None]) -> Push:
    return Push("push", ((digest, None, digest), *((tag, before, digest) for tag, before in tags)))


def _image_body(config: str, layers: list[str]) -> str:
    listed = ",".join(f'{{"mediaType":"{LAYER_TYPE}","digest":"{layer}","size":{size_of(layer)}}}' for layer in layers)
    return (
        f'{{"schemaVersion":2,"mediaType":"{MANIFEST}",'
        f'"config":{{"mediaType":"{CONFIG_TYPE}","digest":"{config}","size":{size_of(config)}}},"layers":[{listed}]}}'
    )


@dataclass(frozen=True)
class Shape:
    """A registry of `tags` tags, a multiple of a thousand."""

    tags: int

    @property
    def teams(self) -> int:
        return self.tags // TAGS_A_TEAM

    @property
    def repositories(self) -> int:
        return self.teams * TEAM

    @property
    def bases(self) -> list[str]:
        """The blobs that the whole registry shares."""
        return [EMPTY, *(digest_of(f"base {number}") for number in range(self.teams))]

    def blocks(self, repository: int) -> list[Block]:
        """Return the blocks of a repository, oldest first."""
        return [Block(repository, number, self.teams) for number in range(SIZES[repository % TEAM])]
