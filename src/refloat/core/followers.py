"""Referrers follow their subject into trash and back: which of the things lost with it come back."""

from collections.abc import Iterable, Iterator, Sequence

from refloat.core.moves import Move, Wish
from refloat.core.names import Digest, Reference, Tag

Lost = tuple[Move, Digest | None]  # a move to nothing, and the subject of the manifest it took, if it has one


def followers_of(digest: Digest, lost: Sequence[Lost]) -> Wish:
    """Return where the followers of `digest` should point again.

    `lost` is what one change removed together with `digest`; a referrer deleted on its own is not in it
    and stays deleted.
    """
    following = _following(digest, lost)
    back: Wish = {}
    returning, returned = [digest], {digest}
    while returning:
        fresh = sorted({place for each in returning for place in _places(following, each)})
        found = [move for move, _ in (lost[place] for place in fresh) if move.reference not in back]
        back.update((move.reference, move.old) for move in found)
        returning = [move.old for move in found if move.old is not None and move.old not in returned]
        returned.update(returning)
    return back


def _following(digest: Digest, lost: Sequence[Lost]) -> dict[Reference, list[int]]:
    """Return which of the lost follow what: by what they refer to, by what a tag was on, by a tag's own name."""
    following: dict[Reference, list[int]] = {}
    for place, (move, subject) in enumerate(lost):
        for reason in _reasons(digest, move, subject):
            following.setdefault(reason, []).append(place)
    return following


def _reasons(digest: Digest, move: Move, subject: Digest | None) -> Iterator[Reference]:
    if isinstance(move.reference, Tag):
        yield move.reference  # where it is named after what comes back
        if move.old is not None and move.old != digest:
            yield move.old
    elif subject is not None and move.reference != digest:
        yield subject


def _places(following: dict[Reference, list[int]], digest: Digest) -> Iterable[int]:
    reasons: tuple[Reference, ...] = (digest, *digest.fallback_tags)
    for reason in reasons:
        yield from following.get(reason, ())
