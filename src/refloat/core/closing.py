"""From a proposal to moves that may be made: every change's moves pass here."""

from dataclasses import dataclass
from typing import Literal

from refloat.core.errors import Unsupported
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

    Raises ProtectedTag where a protected tag would move, Unsupported where a reference would go while deletion is
    switched off.
    """
    settled = settle(view, proposal)
    refuse_protected(rules.protected, repository, settled.moves)
    if rules.deletions == "refused" and any(move.new is None for move in settled.moves):  # guard: deletion-switched-off
        raise Unsupported("deletion is switched off here (storage.delete.enabled)")
    return settled
