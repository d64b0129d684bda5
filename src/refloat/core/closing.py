"""From a proposal to moves that may be made."""

from typing import Literal

from refloat.core.errors import Unsupported
from refloat.core.moves import Proposal, Settled, View, settle


def close(view: View, proposal: Proposal, deletions: Literal["allowed", "refused"]) -> Settled:
    """Settle a proposal. Raises Unsupported where a reference would go while deletion is switched off."""
    settled = settle(view, proposal)
    if deletions == "refused" and any(move.new is None for move in settled.moves):  # guard: deletion-switched-off
        raise Unsupported("deletion is switched off here (storage.delete.enabled)")
    return settled
