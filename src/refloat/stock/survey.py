"""A walk through a registry:2's tree that finds every manifest no tag leads to, and whose it was.

First the links: a deleted manifest leaves its directory in its repository, and tags keep their earlier values. Then
the blobs: of those no repository has, the ones that can be manifests are read. Where no link names the repository,
the links to layers do: a repository that has every blob of an image is where it was pushed.
"""

from collections.abc import Callable

from refloat.core.names import Digest
from refloat.stock.ledger import Ledger
from refloat.stock.reading import read
from refloat.stock.tree import Tree

DEEPEST = 4  # indexes in indexes that are followed
Telling = Callable[[str, int], None]
"""Is told what is counted, and how many so far."""


def survey(tree: Tree, ledger: Ledger, tell: Telling) -> int:
    """Fill an empty ledger and return how many blobs there are.

    Reads manifests that links name. Of blobs no repository has it reads 64 bytes, and those that can be manifests.
    """
    for number, name in enumerate(tree.repositories()):
        ledger.note_repository(number, name)
        ledger.note_layers(number, tree.layers(name))
        ledger.note_revisions(number, tree.revisions(name))
        ledger.note_tags(number, tree.tags(name))
        tell("repositories", number + 1)
    ledger.note_losses()
    for digest in ledger.to_read():
        _read(tree, ledger, digest)
    blobs = _read_blobs(tree, ledger, tell)
    for digest in ledger.unplaced():
        places = _places(ledger, digest)
        ledger.note_loss(min(places, key=ledger.name_of, default=None), digest)
    return blobs


def _read_blobs(tree: Tree, ledger: Ledger, tell: Telling) -> int:
    seen = 0
    for beginning, digests in tree.shards():
        linked = ledger.linked(beginning)
        for digest in digests:
            seen += 1
            if digest not in linked and not ledger.is_known(digest):
                _read(tree, ledger, digest)
        tell("blobs", seen)
    return seen


def _read(tree: Tree, ledger: Ledger, digest: Digest) -> None:
    found = read(tree, digest)
    if found is not None:
        ledger.note_manifest(found)


def _places(ledger: Ledger, digest: Digest) -> set[int]:
    """Return the repositories a manifest can have been in. A part is thought about once."""
    found: dict[tuple[Digest, int], set[int]] = {}
    pending = [(digest, 0)]
    while pending:
        part, depth = pending[-1]
        below = [(child, depth + 1) for child in _followed(ledger, part, depth)]
        if unknown := [place for place in below if place not in found]:
            pending.extend(unknown)
        else:
            found[pending.pop()] = _decided(ledger, part, [found[place] for place in below], depth)
    return found[digest, 0]


def _followed(ledger: Ledger, digest: Digest, depth: int) -> list[Digest]:
    """Return the children that say where a manifest was that has no repository of its own."""
    if depth > DEEPEST or ledger.repositories_of(digest):
        return []
    return [child for child in _children(ledger, digest) if ledger.is_known(child)]


def _decided(ledger: Ledger, digest: Digest, below: list[set[int]], depth: int) -> set[int]:
    known = set(ledger.repositories_of(digest))
    if known or depth > DEEPEST:
        return known
    unread = [child for child in _children(ledger, digest) if not ledger.is_known(child)]
    found = [places for places in (*below, *(set(ledger.repositories_of(child)) for child in unread)) if places]
    return set.intersection(*found) if found else set(ledger.repositories_with_blobs_of(digest))


def _children(ledger: Ledger, digest: Digest) -> list[Digest]:
    return [need.digest for need, _ in ledger.needs_of(digest) if need.kind == "child"]
