"""Copies salvaged images into an OCI image layout, outside the tree. Spec: OCI Image 1.1 "Image Layout"."""

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

import msgspec

from refloat import durable
from refloat.core.errors import Unavailable
from refloat.core.media import OCI_INDEX
from refloat.core.names import Digest
from refloat.stock.lost import Lost
from refloat.stock.reading import PIECE
from refloat.stock.tree import Tree

LAYOUT = b'{"imageLayoutVersion":"1.0.0"}'
NAMED = "org.opencontainers.image.ref.name"
UNFINISHED = "unfinished"  # the file that is being copied


def save(tree: Tree, images: Iterable[Lost], place: Path) -> None:
    """Write whole images to a directory that is not there yet. What is in its index.json is durable.

    An image is named `REPOSITORY:LABEL` there. Raises Unavailable where a file changes while it is copied, OSError.
    """
    durable.make_directory(place)
    durable.make_directory(place / "blobs")
    entries = []
    for image in images:
        for digest in (*image.parts.blobs, *image.parts.manifests):
            _copy(tree, digest, place)
        entries.append(_entry(tree, image))
    for name, body in (("oci-layout", LAYOUT), ("index.json", _index(entries))):
        file = durable.create(place / name)
        try:
            durable.write(file, body)
            durable.fsync(file)
        finally:
            os.close(file)
    durable.fsync_directory(place)


def _entry(tree: Tree, image: Lost) -> dict[str, object]:
    file = tree.file_of(image.digest)
    return {
        "mediaType": image.media_type,
        "digest": str(image.digest),
        "size": 0 if file is None else file.size,
        "annotations": {NAMED: f"{image.name}:{image.label}"},
    }


def _index(entries: list[dict[str, object]]) -> bytes:
    return msgspec.json.encode({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries})


def _copy(tree: Tree, digest: Digest, place: Path) -> None:
    algorithm, _, digits = digest.partition(":")
    shelf = place / "blobs" / algorithm
    durable.make_directory(shelf)
    if (shelf / digits).exists():
        return
    file = durable.create(place / UNFINISHED)
    try:
        running = hashlib.new(algorithm)
        with tree.path_of(digest).open("rb") as source:
            while piece := source.read(PIECE):
                running.update(piece)
                durable.write(file, piece)
        durable.fsync(file)
    finally:
        os.close(file)
    if running.hexdigest() != digits:
        raise Unavailable(f"{digest} changed while it was copied")
    durable.rename(place / UNFINISHED, shelf / digits)
    durable.fsync_directory(shelf)
