"""The rules of what follows what, written as they are said: by recursion, and again and again until nothing changes.

Short worlds are all they are good for. What `refloat.core` does in time linear in the world has to be the same.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence

from refloat.core.followers import Lost
from refloat.core.moves import Move, Proposal, View, Wish, is_needed
from refloat.core.names import Digest, Reference, Tag
from refloat.core.purge import Remains


def propose_images(view: View, proposal: Proposal, digests: Sequence[Digest]) -> None:
    waiting = list(dict.fromkeys(digests))
    while gone := dict.fromkeys(digest for digest in waiting if not is_needed(view, proposal.wish, digest)):
        for digest in gone:
            proposal.wish[digest] = None
            proposal.because.pop(digest, None)
            propose_removal(view, proposal, digest)
            propose_children(view, proposal, digest)
        waiting = [digest for digest in waiting if digest not in gone]


def propose_removal(view: View, proposal: Proposal, digest: Digest) -> None:
    proposal.wish[digest] = None
    for referrer in view.live_referrers(digest):
        if referrer not in proposal.wish:
            for tag in view.tags_on(referrer):
                if tag not in proposal.wish or tag in proposal.because:
                    _follow(proposal, tag, referrer)
            _follow(proposal, referrer, digest)
            propose_removal(view, proposal, referrer)
    for tag in digest.fallback_tags:
        target = view.value(tag)
        if target is not None and proposal.wish.get(tag) is None:
            _propose_attached(view, proposal, digest, tag, target)


def _propose_attached(view: View, proposal: Proposal, digest: Digest, tag: Tag, target: Digest) -> None:
    if tag not in proposal.wish:
        _follow(proposal, tag, digest)
    if target not in proposal.wish:
        _follow(proposal, target, digest)
        propose_removal(view, proposal, target)
        propose_children(view, proposal, target)


def propose_children(view: View, proposal: Proposal, digest: Digest) -> None:
    for child in view.children(digest):
        if proposal.wish.get(child) is None and child not in proposal.because:
            _follow(proposal, child, digest)
            propose_removal(view, proposal, child)
            propose_children(view, proposal, child)


def _follow(proposal: Proposal, reference: Reference, reason: Digest) -> None:
    proposal.wish[reference] = None
    proposal.because[reference] = reason


def pulled_in(view: View, wish: Wish) -> Wish:
    """Return a wish with all that what becomes live brings along."""
    whole = dict(wish)
    for value in [value for value in wish.values() if value is not None]:
        _pull_in(view, whole, value)
    return whole


def _pull_in(view: View, wish: Wish, digest: Digest) -> None:
    pending, seen = [digest], set[Digest]()
    while pending:
        digest = pending.pop()
        if digest in seen:
            continue
        seen.add(digest)
        wish[digest] = digest
        pending.extend(view.children(digest))


def followers_of(digest: Digest, lost: Sequence[Lost]) -> Wish:
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


def ending(remains: Remains, roots: Collection[Digest], moves: Sequence[Move]) -> tuple[Digest, ...]:
    leaving = {move.reference for move in moves if move.new is None}
    reasons = _reached(remains, roots)
    ends = dict.fromkeys(reasons)
    while staying := [digest for digest in ends if _stays(remains, leaving, ends, digest, reasons)]:
        for digest in staying:
            del ends[digest]
    return tuple(ends)


def _reached(remains: Remains, roots: Iterable[Digest]) -> dict[Digest, set[Digest]]:
    reasons: dict[Digest, set[Digest]] = {root: {root} for root in roots}
    pending = list(reasons)
    while pending:
        reason = pending.pop()
        for digest in _hanging_on(remains, reason):
            if digest not in reasons:
                reasons[digest] = set()
                pending.append(digest)
            reasons[digest].add(reason)
    return reasons


def _hanging_on(remains: Remains, digest: Digest) -> Iterable[Digest]:
    yield from remains.children(digest)
    yield from remains.referrers(digest)
    for tag in digest.fallback_tags:
        live = remains.value(tag)
        if live is not None:
            yield live
        yield from remains.past_values(tag)


def _stays(
    remains: Remains,
    leaving: Collection[Reference],
    ends: Mapping[Digest, None],
    digest: Digest,
    reasons: Mapping[Digest, set[Digest]],
) -> bool:
    if digest in reasons[digest]:
        return False
    if not any(reason in ends for reason in reasons[digest]):
        return True
    if remains.value(digest) is not None and digest not in leaving:
        return True
    if any(user not in ends for user in remains.users(digest)):
        return True
    return any(not any(tag in each.fallback_tags for each in ends) for tag in remains.past_tags(digest))
