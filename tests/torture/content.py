"""What is pushed: images of shared layers, each with a config of its own; indexes of them; referrers."""

import hashlib
import json
import random
from dataclasses import dataclass
from typing import Literal

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
LAYERS = 60
Kind = Literal["image", "index", "signed"]


def digest_of(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


@dataclass(frozen=True)
class Blob:
    """Bytes and their name."""

    content: bytes
    digest: str


@dataclass(frozen=True)
class Manifest:
    """A manifest and the blobs it needs."""

    body: bytes
    digest: str
    media_type: str
    blobs: tuple[Blob, ...] = ()


@dataclass(frozen=True)
class Content:
    """What one tag stands for: the manifest it points to, that one's children, and a referrer."""

    kind: Kind
    main: Manifest
    children: tuple[Manifest, ...] = ()
    referrer: Manifest | None = None

    @property
    def manifests(self) -> tuple[Manifest, ...]:
        """All manifests, in the order in which they are pushed."""
        return (*self.children, self.main, *((self.referrer,) if self.referrer else ()))


class Factory:
    """Makes content from a seed. Some layers are in most images, some in few, so that these come and go."""

    def __init__(self, seed: int) -> None:
        rng = random.Random(seed)
        self.layers = [blob(rng.randbytes(rng.randint(500, 40_000))) for _ in range(LAYERS)]
        self._weights = [1 / (1 + place) for place in range(LAYERS)]

    def make(self, rng: random.Random) -> Content:
        """Return content that nobody made before."""
        kind: Kind = rng.choices(["image", "index", "signed"], [70, 15, 15])[0]  # type: ignore[assignment]
        if kind == "index":
            children = (self._image(rng), self._image(rng))
            entries = [descriptor(MANIFEST, child.digest, child.body) for child in children]
            return Content(kind, manifest(INDEX, {"manifests": entries}), children)
        main = self._image(rng)
        if kind == "signed":
            return Content(kind, main, (), self._image(rng, main))
        return Content(kind, main)

    def _image(self, rng: random.Random, subject: Manifest | None = None) -> Manifest:
        config = blob(json.dumps({"made": rng.getrandbits(128)}).encode())
        layers = list({layer.digest: layer for layer in rng.choices(self.layers, self._weights, k=3)}.values())
        document: dict[str, object] = {
            "config": descriptor(CONFIG, config.digest, config.content),
            "layers": [descriptor(LAYER, layer.digest, layer.content) for layer in layers],
        }
        if subject is not None:
            document["subject"] = descriptor(MANIFEST, subject.digest, subject.body)
        return manifest(MANIFEST, document, (config, *layers))


def blob(content: bytes) -> Blob:
    return Blob(content, digest_of(content))


def descriptor(media_type: str, digest: str, content: bytes) -> dict[str, object]:
    return {"mediaType": media_type, "digest": digest, "size": len(content)}


def manifest(media_type: str, document: dict[str, object], blobs: tuple[Blob, ...] = ()) -> Manifest:
    body = json.dumps({"schemaVersion": 2, "mediaType": media_type, **document}).encode()
    return Manifest(body, digest_of(body), media_type, blobs)
