"""Which manifests end for good with what is purged, and which another tag, index or past still has."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence

from refloat.core.moves import Move
from refloat.core.names import Digest, Reference, Tag
from refloat.core.purge import Remains


def ending(remains: Remains, roots: Collection[Digest], moves: Sequence[Move]) -> tuple[Digest, ...]:
    """Return every manifest that ends once `moves` are made: `roots`, and what belongs to them alone.

    Their children, referrers and the targets of their fallback tags end too, in every state, unless they stay live,
    belong to a manifest that does not end, or history holds them for a tag of their own.
    """
    leaving = {move.reference for move in moves if move.new is None}
    ends = _Ending(remains, roots, leaving)
    staying = ends.staying_alone()
    while staying:
        staying.extend(ends.keep(staying.pop()))
    return tuple(ends.digests)


class _Ending:
    """What still ends, and for each what keeps it from staying. What stays is taken out once, with what it keeps."""

    def __init__(self, remains: Remains, roots: Collection[Digest], leaving: Collection[Reference]) -> None:
        self._remains, self._leaving = remains, leaving
        self._roots = frozenset(roots)
        self._behind = _reached(remains, roots)
        self.digests = dict.fromkeys(self._behind)
        self._reasons = Counter(digest for hanging in self._behind.values() for digest in hanging)
        self._attaching = Counter(tag for digest in self.digests for tag in digest.fallback_tags)
        self._used: dict[Digest, list[Digest]] = {}  # what ends by whatever uses it
        self._held: dict[Tag, list[Digest]] = {}  # what ends by tags of its past

    def staying_alone(self) -> list[Digest]:
        """Return what stays whatever becomes of the rest."""
        return [digest for digest in self.digests if digest not in self._roots and self._stays(digest)]

    def _stays(self, digest: Digest) -> bool:
        remains = self._remains
        if remains.value(digest) is not None and digest not in self._leaving:  # guard: a-purge-leaves-what-is-live
            return True
        users, tags = list(remains.users(digest)), list(remains.past_tags(digest))
        if any(user not in self.digests for user in users):  # guard: a-purge-leaves-what-others-need
            return True
        for user in users:
            self._used.setdefault(user, []).append(digest)
        for tag in tags:
            self._held.setdefault(tag, []).append(digest)
        return any(not self._attaching[tag] for tag in tags)

    def keep(self, staying: Digest) -> Iterable[Digest]:
        """Take out what stays. Returns what may have to stay with it: what it uses, and what ended only through it."""
        if staying not in self.digests:
            return ()
        del self.digests[staying]
        return [digest for digest in self._kept_by(staying) if digest not in self._roots]

    def _kept_by(self, staying: Digest) -> Iterator[Digest]:
        yield from self._used.get(staying, ())
        for digest in self._behind.get(staying, ()):
            self._reasons[digest] -= 1
            if not self._reasons[digest]:
                yield digest
        for tag in staying.fallback_tags:
            self._attaching[tag] -= 1
            if not self._attaching[tag]:
                yield from self._held.get(tag, ())


def _reached(remains: Remains, roots: Iterable[Digest]) -> dict[Digest, Sequence[Digest]]:
    """Return `roots` and all that hangs on them, and what hangs on each. Nothing hangs on itself."""
    behind: dict[Digest, Sequence[Digest]] = dict.fromkeys(roots, ())
    pending = list(behind)
    while pending:
        reason = pending.pop()
        behind[reason] = [digest for digest in dict.fromkeys(_hanging_on(remains, reason)) if digest != reason]
        fresh = [digest for digest in behind[reason] if digest not in behind]
        behind.update(dict.fromkeys(fresh, ()))
        pending.extend(fresh)
    return behind


def _hanging_on(remains: Remains, digest: Digest) -> Iterable[Digest]:
    yield from remains.children(digest)
    yield from remains.referrers(digest)
    for tag in digest.fallback_tags:
        live = remains.value(tag)
        if live is not None:
            yield live
        yield from remains.past_values(tag)
