"""Lifting what a purge blocks: its content may be pushed again."""

from refloat.core.errors import ManifestUnknown
from refloat.core.names import Digest
from refloat.core.receipts import Lifted
from refloat.core.records import Cause
from refloat.purge_ports import PurgeTransaction


def unblock(tx: PurgeTransaction, digest: Digest, cause: Cause) -> Lifted:
    """Lift all blocks of the purge that blocks a digest: an image comes back with its parts or not at all.

    Raises ManifestUnknown where the digest is not blocked.
    """
    block = tx.read.block_on(digest)
    if block is None:
        raise ManifestUnknown(f"{digest} is not blocked", {"digest": digest})
    lifted = Lifted(
        id=cause.change,
        at=cause.at,
        purge=block.purge,
        digests=tuple(tx.blocked_by(block.purge)),
        address=cause.address,
        client=cause.client,
        reason=cause.reason,
    )
    tx.write_down(lifted)
    return lifted
