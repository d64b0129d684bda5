"""Referrers follow their subject into trash and back: which of the things lost with it come back."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

from refloat.core.moves import Move, View, Wish
from refloat.core.names import Digest, Reference, Tag

Lost = tuple[Move, Digest | None]  # a move to nothing, and the subject of the manifest it took, if it has one
LostWith = Callable[[Sequence[Digest], Collection[Digest]], Sequence[Lost]]


def coming_back(view: View, digest: Digest, lost_with: LostWith) -> Wish:
    """Return where else references should point again when `digest` becomes live: what was lost with it and follows it.

    Its parts become live with it, and so does what was lost with them and follows them. `lost_with` returns what the
    changes that took some manifests took with them, but nothing beyond those that are known already.
    """
    back: Wish = {}
    known = set[Digest]()
    fresh = _returning(view, [digest], known)
    while fresh:
        found = followers_of(fresh, lost_with(fresh, known))
        for reference, value in found.items():
            back.setdefault(reference, value)
        values = [value for value in found.values() if value is not None and value not in known]
        known.update(values)
        fresh = _returning(view, [child for value in values for child in view.children(value)], known)
    return back


def _returning(view: View, digests: Iterable[Digest], known: set[Digest]) -> list[Digest]:
    """Return which become live with `digests`, they among them: neither live now nor known. They are known then."""
    found: list[Digest] = []
    pending = [*digests]
    while pending:
        digest = pending.pop()
        if digest not in known and view.value(digest) is None:
            known.add(digest)
            found.append(digest)
            pending.extend(view.children(digest))
    return found


def followers_of(digests: Collection[Digest], lost: Sequence[Lost]) -> Wish:
    """Return where the followers of `digests` should point again.

    `lost` is what a change removed together with each of them; a referrer deleted on its own is not in it
    and stays deleted.
    """
    following = _following(frozenset(digests), lost)
    back: Wish = {}
    returning, returned = [*digests], {*digests}
    while returning:
        fresh = sorted({place for each in returning for place in _places(following, each)})
        found = [move for move, _ in (lost[place] for place in fresh) if move.reference not in back]
        back.update((move.reference, move.old) for move in found)
        returning = [move.old for move in found if move.old is not None and move.old not in returned]
        returned.update(returning)
    return back


def _following(digests: frozenset[Digest], lost: Sequence[Lost]) -> dict[Reference, list[int]]:
    """Return which of the lost follow what: by what they refer to, by what a tag was on, by a tag's own name."""
    following: dict[Reference, list[int]] = {}
    for place, (move, subject) in enumerate(lost):
        for reason in _reasons(digests, move, subject):
            following.setdefault(reason, []).append(place)
    return following


def _reasons(digests: frozenset[Digest], move: Move, subject: Digest | None) -> Iterator[Reference]:
    if isinstance(move.reference, Tag):
        yield move.reference  # where it is named after what comes back
        if move.old is not None and move.old not in digests:
            yield move.old
    elif subject is not None and move.reference not in digests:
        yield subject


def _places(following: dict[Reference, list[int]], digest: Digest) -> Iterable[int]:
    reasons: tuple[Reference, ...] = (digest, *digest.fallback_tags)
    for reason in reasons:
        yield from following.get(reason, ())
