"""Puts salvaged images back into a running registry, and pulls each to see that it is there."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from refloat.cli.problems import Exit, Problem
from refloat.client.registry import Registry
from refloat.core.errors import Unavailable
from refloat.core.manifest import MAX_SIZE
from refloat.core.names import Digest, Tag
from refloat.language import say
from refloat.stock.ledger import Ledger
from refloat.stock.lost import Lost
from refloat.stock.reading import body_of
from refloat.stock.tree import Tree

PIECE = 1 << 20  # bytes read at once


def put_back(tree: Tree, ledger: Ledger, registry: Registry, image: Lost, tag: Tag | None) -> str:
    """Push a whole image under its repository's name and return the reference it has there.

    Without a `tag` it gets the one it had where the registry has no such tag, else `image.label`: no tag is moved.
    Raises what client.errors names; Problem where the tag is another image's; Unavailable where the registry does not
    give it back byte for byte.
    """
    name, reference = image.name, _free_tag(registry, image, tag)
    for digest in image.parts.blobs:
        if not registry.has(name, digest):
            path = tree.path_of(digest)
            registry.upload(name, digest, path.stat().st_size, partial(_bytes_of, path))
    first, *children = image.parts.manifests
    for digest in reversed(children):
        _put(tree, ledger, registry, (name, digest, digest))
    _put(tree, ledger, registry, (name, reference, first))
    return f"{name}:{reference}"


def _bytes_of(path: Path, first: int) -> Iterator[bytes]:
    with path.open("rb") as file:
        file.seek(first)
        while piece := file.read(PIECE):
            yield piece


def _free_tag(registry: Registry, image: Lost, wanted: Tag | None) -> str:
    tags = (*image.tags, image.label) if wanted is None else (wanted,)
    for tag in tags:
        there = registry.manifest(image.name, tag)
        if there is None or Digest.of(there.body, image.digest.algorithm) == image.digest:
            return tag
    raise Problem(
        say("{image} is there, and is another image", image=f"{image.name}:{tags[-1]}"),
        Exit.CONFLICT,
        hint=say("--as TAG   gives it another tag; no tag is moved"),
    )


def _put(tree: Tree, ledger: Ledger, registry: Registry, what: tuple[str, str, Digest]) -> None:
    name, reference, digest = what
    media_type, _, _, _ = ledger.said(digest)
    body = body_of(tree, digest, MAX_SIZE)
    registry.put(name, reference, media_type, body)
    there = registry.manifest(name, reference)
    if there is None or there.body != body:
        raise Unavailable(f"{name} does not give {digest} back as it was put")
