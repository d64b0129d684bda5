"""From a proposal to moves that may be made: every change's moves pass here."""

from dataclasses import dataclass
from typing import Literal

from refloat.core.errors import Denied, Unsupported
from refloat.core.moves import Proposal, Settled, View, settle
from refloat.core.names import RepositoryName
from refloat.core.patterns import ImagePattern
from refloat.core.protection import refuse_protected


@dataclass(frozen=True, slots=True)
class Rules:
    """What no change may do here, whoever asks: `storage.delete.enabled` and `refloat.protect`."""

    deletions: Literal["allowed", "refused"] = "allowed"
    protected: tuple[ImagePattern, ...] = ()


def close(view: View, repository: RepositoryName, proposal: Proposal, rules: Rules) -> Settled:
    """Settle a proposal for a repository.

    Raises Denied where a manifest was named that something live still needs, ProtectedTag where a protected tag would
    move, Unsupported where a reference would go while deletion is switched off.
    """
    settled = settle(view, proposal)
    _refuse_needed(view, proposal, settled)
    refuse_protected(rules.protected, repository, settled.moves)
    if rules.deletions == "refused" and any(move.new is None for move in settled.moves):  # guard: deletion-switched-off
        raise Unsupported("deletion is switched off here (storage.delete.enabled)")
    return settled


def _refuse_needed(view: View, proposal: Proposal, settled: Settled) -> None:
    """Raise Denied for a part of an index that stays; what goes in the same change needs nothing any more."""
    left = settled.left if proposal.named else ()
    for digest in set(proposal.named).intersection(left):
        going = {move.reference for move in settled.moves if move.new is None}
        parents = sorted(parent for parent in view.live_parents(digest) if parent not in going)
        if parents:
            raise Denied(f"{digest} is part of the index {parents[0]}; delete that instead", {"index": parents})
