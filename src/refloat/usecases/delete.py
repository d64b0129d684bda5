"""Deleting: by tag or digest as the wire means it, and `rm` as a person means it. Moves only; all undoable."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from refloat.core.closing import close
from refloat.core.errors import Denied, ManifestUnknown
from refloat.core.moves import Move, Proposal, View, is_needed
from refloat.core.names import Digest, Reference, RepositoryName
from refloat.core.records import Cause
from refloat.core.removal import propose_children, propose_going, propose_removal
from refloat.ports import Transaction

Scope = Literal["image", "tag"]


@dataclass(frozen=True, slots=True)
class Deleted:
    """What a deletion moved, and the digests it had to leave because something live needs them."""

    change: str | None
    moves: tuple[Move, ...]
    left: tuple[Digest, ...]


def delete_reference(tx: Transaction, repository: RepositoryName, reference: Reference, cause: Cause) -> Deleted:
    """Delete a tag, or a manifest with every tag on it and its referrers; its children stay, untagged.

    Raises ManifestUnknown, Denied for a child of a live index. Spec: "Deleting Manifests", "Deleting tags".
    """
    tx.lock([repository])
    proposal = Proposal()
    _propose(tx, repository, proposal, reference)
    return _record(tx, repository, proposal, cause, "delete")


def remove(
    tx: Transaction, repository: RepositoryName, references: Sequence[Reference], cause: Cause, scope: Scope
) -> Deleted:
    """Remove images as a person sees them.

    A tag takes its manifest along if it was the last on it, with the children that only it holds, its
    referrers and fallback tags. Scope "tag" stops at the tags. Raises ManifestUnknown, Denied.
    """
    tx.lock([repository])
    view, proposal = tx.view(repository), Proposal()
    digests = [_propose(tx, repository, proposal, reference) for reference in references]
    if scope == "image":
        _propose_images(view, proposal, digests)
    return _record(tx, repository, proposal, cause, "rm")


def _propose_images(view: View, proposal: Proposal, digests: Sequence[Digest]) -> None:
    """Propose what nothing needs any more, in whatever order it was asked for: one may free another."""
    waiting = list(dict.fromkeys(digests))
    while free := [digest for digest in waiting if not is_needed(view, proposal.wish, digest)]:
        for digest in free:
            propose_going(proposal, digest)
            propose_removal(view, proposal, digest)
            propose_children(view, proposal, digest)
        waiting = [digest for digest in waiting if digest not in free]


def _propose(tx: Transaction, repository: RepositoryName, proposal: Proposal, reference: Reference) -> Digest:
    """Propose what a reference names, and return the digest it points to."""
    view = tx.view(repository)
    digest = view.value(reference)
    if digest is None:
        raise ManifestUnknown(f"{repository} has no {reference}", {"reference": reference})
    propose_going(proposal, reference)
    if not isinstance(reference, Digest):
        return digest
    parents = sorted(view.live_parents(digest))
    if parents:
        raise Denied(f"{digest} is part of the index {parents[0]}; delete that instead", {"index": parents})
    for tag in view.tags_on(digest):
        propose_going(proposal, tag)
    propose_removal(view, proposal, digest)
    return digest


def _record(
    tx: Transaction,
    repository: RepositoryName,
    proposal: Proposal,
    cause: Cause,
    kind: Literal["delete", "rm"],
) -> Deleted:
    settled = close(tx.view(repository), proposal, cause.deletions)
    change = tx.record(kind, cause, {repository: settled.moves}, None)
    return Deleted(change, settled.moves, settled.left)
