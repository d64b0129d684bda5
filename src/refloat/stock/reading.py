"""A manifest among the blobs, as far as its bytes alone tell: registry:2 writes no media type beside them."""

import hashlib
from dataclasses import dataclass

from refloat.core.descriptors import descriptors_in
from refloat.core.errors import ManifestInvalid
from refloat.core.manifest import MAX_SIZE, Manifest, parse
from refloat.core.media import DOCKER_SCHEMA1, DOCKER_SCHEMA1_SIGNED, IMAGES, INDEXES
from refloat.core.names import Digest
from refloat.stock.tree import Tree

STORED = IMAGES | INDEXES | {DOCKER_SCHEMA1, DOCKER_SCHEMA1_SIGNED}
"""The types registry:2 takes."""
BEGINNING = 64  # bytes read of a blob before it is read whole
PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class Read:
    """A manifest that was read: its bytes, what they say, and the sizes they give for what they need."""

    digest: Digest
    body: bytes
    manifest: Manifest
    sizes: dict[str, int]
    written: float


def read(tree: Tree, digest: Digest) -> Read | None:
    """Read a manifest. None for what is not there, has other bytes than its digest says, or is no manifest."""
    file = tree.file_of(digest)
    if file is None or file.size > MAX_SIZE:
        return None
    body = _document(tree, digest)
    if body is None or Digest.of(body, digest.algorithm) != digest:
        return None
    try:
        manifest = parse(body, "")
    except ManifestInvalid:
        return None
    return Read(digest, body, manifest, _sizes(body), file.written) if manifest.media_type in STORED else None


def body_of(tree: Tree, digest: Digest, largest: int) -> bytes:
    """Return a blob's bytes; nothing where it is not there or larger."""
    file = tree.file_of(digest)
    if file is None or file.size > largest:
        return b""
    try:
        return tree.path_of(digest).read_bytes()
    except FileNotFoundError:
        return b""


def is_right(tree: Tree, digest: Digest) -> bool:
    """Read a blob whole: do its bytes have its digest?"""
    running = hashlib.new(digest.algorithm)
    try:
        with tree.path_of(digest).open("rb") as file:
            while piece := file.read(PIECE):
                running.update(piece)
    except FileNotFoundError:
        return False
    return running.hexdigest() == digest.partition(":")[2]


def _document(tree: Tree, digest: Digest) -> bytes | None:
    """Return the bytes of what begins as a JSON object."""
    try:
        with tree.path_of(digest).open("rb", buffering=0) as file:
            beginning = file.read(BEGINNING)
            if not beginning.lstrip().startswith(b"{"):
                return None
            rest = file.read(MAX_SIZE)
    except FileNotFoundError:
        return None
    return beginning + rest


def _sizes(body: bytes) -> dict[str, int]:
    said = {digest: entry.get("size") for digest, entry in descriptors_in(body).items()}
    return {digest: size for digest, size in said.items() if isinstance(size, int)}
