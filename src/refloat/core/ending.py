"""Which manifests end for good with what is purged, and which another tag, index or past still has."""

from collections.abc import Collection, Iterable, Mapping, Sequence

from refloat.core.moves import Move
from refloat.core.names import Digest, Reference
from refloat.core.purge import Remains


def ending(remains: Remains, roots: Collection[Digest], moves: Sequence[Move]) -> tuple[Digest, ...]:
    """Return every manifest that ends once `moves` are made: `roots`, and what belongs to them alone.

    Their children, referrers and the targets of their fallback tags end too, in every state, unless they stay live,
    belong to a manifest that does not end, or history holds them for a tag of their own.
    """
    leaving = {move.reference for move in moves if move.new is None}
    reasons = _reached(remains, roots)
    ends = dict.fromkeys(reasons)
    while staying := [digest for digest in ends if _stays(remains, leaving, ends, digest, reasons)]:
        for digest in staying:
            del ends[digest]
    return tuple(ends)


def _reached(remains: Remains, roots: Iterable[Digest]) -> dict[Digest, set[Digest]]:
    """Return what hangs on `roots`, each with what it hangs on; a root needs no reason but itself."""
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
    if remains.value(digest) is not None and digest not in leaving:  # guard: a-purge-leaves-what-is-live
        return True
    if any(user not in ends for user in remains.users(digest)):  # guard: a-purge-leaves-what-others-need
        return True
    return any(not any(tag in each.fallback_tags for each in ends) for tag in remains.past_tags(digest))
