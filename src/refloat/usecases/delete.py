"""Deleting by tag or digest as the wire means it. Moves only; all undoable."""

from dataclasses import dataclass

from refloat.core.closing import close
from refloat.core.moves import Move, Proposal
from refloat.core.names import Digest, Reference, RepositoryName
from refloat.core.preconditions import ANY_VALUE, Precondition
from refloat.core.records import Cause
from refloat.core.removal import propose
from refloat.ports import Transaction


@dataclass(frozen=True, slots=True)
class Deleted:
    """What a deletion moved, and the digests it had to leave because something live needs them."""

    change: str | None
    moves: tuple[Move, ...]
    left: tuple[Digest, ...]


def delete_reference(
    tx: Transaction,
    repository: RepositoryName,
    reference: Reference,
    cause: Cause,
    condition: Precondition = ANY_VALUE,
) -> Deleted:
    """Delete a tag, or a manifest with every tag on it and its referrers; its children stay, untagged.

    Raises ManifestUnknown, Denied for a child of a live index, PreconditionFailed. Spec: "Deleting Manifests",
    "Deleting tags".
    """
    tx.lock([repository])
    view, proposal = tx.view(repository), Proposal()
    propose(view, proposal, repository, reference)
    settled = close(view, repository, proposal, cause.rules)
    condition.refuse(reference, view.value(reference))
    change = tx.record("delete", cause, {repository: settled.moves}, None)
    return Deleted(change, settled.moves, settled.left)
