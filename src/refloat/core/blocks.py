"""Blocked digests: what was purged is refused until somebody lifts its block."""

from dataclasses import dataclass

from refloat.core.errors import Blocked
from refloat.core.names import Digest


@dataclass(frozen=True, slots=True)
class Block:
    """A digest that may not come back, since an instant (microseconds), and the id of the purge that ended it."""

    digest: Digest
    purge: str
    at: int


def refuse_blocked(block: Block | None) -> None:
    """Raise Blocked if there is a block."""
    if block is not None:
        raise Blocked(
            f"{block.digest} was purged and is blocked here;  refloat purge --unblock {block.digest}  lifts that",
            {"digest": block.digest, "purge": block.purge, "purged_at": block.at},
        )
