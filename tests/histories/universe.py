"""What the histories push: a small world of images, indexes and what refers to them, the same in every history."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass

OCI = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
DOCKER = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
SUFFIXES = ("", ".sig", ".sbom", ".att")


def digest_of(body: bytes, algorithm: str = "sha256") -> str:
    """Return the digest of some bytes."""
    return f"{algorithm}:{hashlib.new(algorithm, body).hexdigest()}"


@dataclass(frozen=True)
class Content:
    """A manifest: its bytes, the bodies of its blobs, and the digests of its children and of its subject."""

    body: bytes
    media_type: str
    blobs: tuple[bytes, ...] = ()
    children: tuple[str, ...] = ()
    subject: str | None = None
    algorithm: str = "sha256"

    @property
    def digest(self) -> str:
        return digest_of(self.body, self.algorithm)

    @property
    def needs(self) -> frozenset[str]:
        """The digests of its blobs."""
        return frozenset(digest_of(blob) for blob in self.blobs)


def _descriptor(body: bytes, media_type: str, digest: str | None = None) -> dict[str, object]:
    return {"mediaType": media_type, "digest": digest or digest_of(body), "size": len(body)}


def _image(seed: int, subject: Content | None = None, media_type: str = OCI, algorithm: str = "sha256") -> Content:
    """Return an image: a config of its own, a layer that every third has, and one that all have."""
    blobs = (f'{{"config": {seed}}}'.encode(), f"layer {seed % 3} ".encode() * 50, b"the layer of all" if seed else b"")
    document: dict[str, object] = {
        "schemaVersion": 2, "mediaType": media_type,
        "config": _descriptor(blobs[0], "application/vnd.oci.image.config.v1+json"),
        "layers": [_descriptor(blob, "application/vnd.oci.image.layer.v1.tar") for blob in blobs[1:]],
    }  # fmt: skip
    if subject is not None:
        document["subject"] = _descriptor(subject.body, subject.media_type, subject.digest)
    digest = subject.digest if subject is not None else None
    return Content(json.dumps(document).encode(), media_type, blobs, (), digest, algorithm)


def _index(*children: Content, media_type: str = OCI_INDEX, subject: Content | None = None) -> Content:
    document: dict[str, object] = {
        "schemaVersion": 2, "mediaType": media_type,
        "manifests": [_descriptor(child.body, child.media_type, child.digest) for child in children],
    }  # fmt: skip
    if subject is not None:
        document["subject"] = _descriptor(subject.body, subject.media_type, subject.digest)
    digest = subject.digest if subject is not None else None
    return Content(json.dumps(document).encode(), media_type, (), tuple(child.digest for child in children), digest)


def _world() -> dict[str, Content]:
    images = [_image(seed) for seed in range(4)]
    docker, long = _image(4, media_type=DOCKER), _image(5, algorithm="sha512")
    some, others = _index(*images[:2]), _index(images[1], images[2], long)
    nested, listed = _index(some, images[3]), _index(docker, images[0], media_type=DOCKER_LIST)
    whole = _index(nested, others)
    signature = _image(6, images[0])
    world = {f"image{number}": image for number, image in enumerate(images)}
    world |= {"docker": docker, "sha512": long, "index01": some, "index12": others, "list": listed}
    world |= {"nested": nested, "nest": whole, "sign0": signature, "sign1": _image(7, images[1])}
    world |= {"sign index01": _image(8, some), "sign sign0": _image(9, signature), "sign nest": _image(10, whole)}
    return world | {"index signs 2": _index(images[3], signature, subject=images[2])}


WORLD = _world()
CONTENT = {content.digest: content for content in WORLD.values()}
BLOBS = {digest_of(blob): blob for content in WORLD.values() for blob in content.blobs}
NAMES = {content.digest: name for name, content in WORLD.items()}


def fallbacks_of(digest: str) -> Sequence[str]:
    """Return the tags that attach something to a digest; there is room for 64 digits."""
    stem = digest.replace(":", "-", 1)[: len("sha256-") + 64]
    return [stem + suffix for suffix in SUFFIXES]


def readable(text: str) -> str:
    """Return a text with the names of contents, and of blobs, in place of their digests."""
    for digest, name in NAMES.items():
        text = text.replace(digest, f"<{name}>").replace(digest.replace(":", "-", 1)[:71], f"sha256-<{name}>")
    for number, digest in enumerate(BLOBS):
        text = text.replace(digest, f"<blob {number}>").replace(digest.replace(":", "%3A"), f"<blob {number}>")
    return text


TAGS = ["latest", "v1", "v2", "v3"]
ATTACHING = [fallbacks_of(WORLD[name].digest)[kind] for name, kind in (("image0", 1), ("index01", 0), ("sign0", 2))]
