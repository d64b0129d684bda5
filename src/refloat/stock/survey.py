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
        places = _places(ledger, digest, 0)
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


def _places(ledger: Ledger, digest: Digest, depth: int) -> set[int]:
    """Return the repositories a manifest can have been in."""
    known = set(ledger.repositories_of(digest))
    if known or depth > DEEPEST:
        return known
    children = [need.digest for need, _ in ledger.needs_of(digest) if need.kind == "child"]
    found = [_places(ledger, child, depth + 1) for child in children if ledger.is_known(child)]
    found += [set(ledger.repositories_of(child)) for child in children if not ledger.is_known(child)]
    found = [places for places in found if places]
    return set.intersection(*found) if found else set(ledger.repositories_with_blobs_of(digest))
