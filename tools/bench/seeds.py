"""What the registries hold while they are measured: the same bytes in each, made from numbers."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tools.content import CONFIG, LAYER, MANIFEST, Part

MB = 1_000_000
BLOCK = 4 * MB


@dataclass(frozen=True)
class Image:
    """An image under its tags. Its blobs are in memory; `files` are blobs that lie on disk instead."""

    repository: str
    tags: tuple[str, ...]
    manifest: Part
    blobs: tuple[Part, ...]
    files: tuple[Path, ...] = ()

    def by(self, reference: str) -> str:
        """Return the path of its manifest under a tag or digest."""
        return f"/v2/{self.repository}/manifests/{reference}"

    def blob(self, digest: str) -> str:
        """Return the path of one of its blobs."""
        return f"/v2/{self.repository}/blobs/{digest}"


@dataclass(frozen=True)
class File:
    """A blob on disk that has been hashed."""

    path: Path
    digest: str
    size: int


def small_image(repository: str, number: int, layers: int = 1, tags: tuple[str, ...] = ("latest",)) -> Image:
    """Return an image of layers of 256 bytes that no other number has."""
    blobs = [Part(LAYER, _bytes(f"{repository} {number} {layer}", 8)) for layer in range(layers)]
    config = Part(CONFIG, _json({
        "architecture": "amd64", "os": "linux", "number": number,
        "rootfs": {"type": "layers", "diff_ids": [blob.digest for blob in blobs]},
    }))  # fmt: skip
    manifest = _manifest(config.descriptor(), [blob.descriptor() for blob in blobs])
    return Image(repository, tags, manifest, (*blobs, config))


def image_of_files(repository: str, files: list[File]) -> Image:
    """Return an image whose layers are files."""
    config = Part(CONFIG, b'{"architecture":"amd64","os":"linux"}')
    layers = [{"mediaType": LAYER, "digest": file.digest, "size": file.size} for file in files]
    return Image(repository, ("latest",), _manifest(config.descriptor(), layers), (config,),
                 tuple(file.path for file in files))  # fmt: skip


def catalogue(images: int) -> Iterator[Image]:
    """Return one image in each of many repositories."""
    for number in range(images):
        yield small_image(f"team{number // 100:03}/svc-{number:05}", number)


def make_file(path: Path, size: int, less: int = 0) -> File:
    """Write `size - less` bytes that do not compress away, and hash them."""
    block = b"".join(hashlib.sha512(number.to_bytes(8, "big")).digest() for number in range(BLOCK // 64))
    hashed, left = hashlib.sha256(), size - less
    with path.open("wb") as out:
        for number in range(-(-left // BLOCK)):
            piece = (number.to_bytes(8, "big") + block[8:])[: left - number * BLOCK]
            out.write(piece)
            hashed.update(piece)
    return File(path, f"sha256:{hashed.hexdigest()}", left)


def _manifest(config: dict[str, object], layers: list[dict[str, object]]) -> Part:
    document = {"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers}
    return Part(MANIFEST, _json(document))


def _bytes(name: str, blocks: int) -> bytes:
    return b"".join(hashlib.sha256(f"{name} {block}".encode()).digest() for block in range(blocks))


def _json(document: object) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()
