"""Referrers follow their subject into trash and back: which of the things lost with it come back."""

from collections.abc import Sequence

from refloat.core.moves import Move, Wish
from refloat.core.names import Digest, Tag

Lost = tuple[Move, Digest | None]  # a move to nothing, and the subject of the manifest it took, if it has one


def followers_of(digest: Digest, lost: Sequence[Lost]) -> Wish:
    """Return where the followers of `digest` should point again.

    `lost` is what one change removed together with `digest`; a referrer deleted on its own is not in it
    and stays deleted.
    """
    back: Wish = {}
    returning = {digest}
    while True:
        fresh = {
            move.reference: move.old
            for move, subject in lost
            if move.reference not in back and move.reference != digest and _follows(move, subject, digest, returning)
        }
        if not fresh:
            return back
        back.update(fresh)
        returning.update(value for value in fresh.values() if value is not None)


def _follows(move: Move, subject: Digest | None, digest: Digest, returning: set[Digest]) -> bool:
    if isinstance(move.reference, Tag):
        followed = any(move.reference in returned.fallback_tags for returned in returning)
        return followed or (move.old in returning and move.old != digest)
    return subject in returning
