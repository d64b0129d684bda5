"""References and how they move: the rules that keep what is live closed.

A repository is seen through a `View`. A *wish* maps references to the digest they should have, or to
None. `settle` turns a wish into moves such that in the state after them every tag's digest is itself
a tip, and so is every child the repository has of a live index.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from refloat.core.names import Digest, Reference, Tag

Wish = dict[Reference, Digest | None]


@dataclass(frozen=True, slots=True)
class Move:
    """One line of history: `reference` went from `old` to `new`. None: it was, or is, not there."""

    reference: Reference
    old: Digest | None
    new: Digest | None


class View(Protocol):
    """What the rules may ask of a repository, as it is before the change."""

    def value(self, reference: Reference) -> Digest | None:
        """Return what `reference` points to now."""

    def tags_on(self, digest: Digest) -> Iterable[Tag]:
        """Return the tags that point to `digest` now."""

    def children(self, digest: Digest) -> Iterable[Digest]:
        """Return the manifests the repository has, live or held, that the index `digest` names."""

    def live_parents(self, digest: Digest) -> Iterable[Digest]:
        """Return the live manifests that name `digest` as a child."""

    def live_referrers(self, digest: Digest) -> Iterable[Digest]:
        """Return the live manifests whose subject is `digest`."""


@dataclass(slots=True)
class Proposal:
    """A wish, and why some of it was wished: `because[r]` is the digest whose leaving takes `r` along.

    `named` are manifests that were named: nothing at all is done where one of them has to stay.
    """

    wish: Wish = field(default_factory=dict)
    because: dict[Reference, Digest] = field(default_factory=dict)
    named: list[Digest] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Settled:
    """The moves to make, and the digests that were wished away but are still needed."""

    moves: tuple[Move, ...]
    left: tuple[Digest, ...]


def settle(view: View, proposal: Proposal) -> Settled:
    """Return the moves that fulfil a proposal as far as the closure of what is live allows."""
    wish = dict(proposal.wish)
    _pull_in(view, wish, [value for value in wish.values() if value is not None])
    staying = _stay(view, wish, proposal.because)
    left = tuple(
        reference
        for reference, value in proposal.wish.items()
        if value is None and isinstance(reference, Digest) and (reference in staying or wish.get(reference) is not None)
    )
    moves = (Move(reference, view.value(reference), value) for reference, value in wish.items())
    return Settled(tuple(move for move in moves if move.old != move.new), left)


def _pull_in(view: View, wish: Wish, values: Sequence[Digest]) -> None:
    """In: what becomes live makes live its digest and its children, whole. Each is walked once, whatever names it.

    What is live already has its children, and is not walked again unless something leaves: whoever puts an index around
    an index around an index pays for one of them each time.
    """
    leaving = any(value is None for value in wish.values())
    pending, seen = [*reversed(values)], set[Digest]()
    while pending:
        digest = pending.pop()
        if digest in seen:
            continue
        seen.add(digest)
        wish[digest] = digest
        children = list(view.children(digest))
        if children and (leaving or view.value(digest) is None):
            pending.extend(children)  # guard: children-come-along


def _stay(view: View, wish: Wish, because: Mapping[Reference, Digest]) -> set[Reference]:
    """Out: take from the wish every leaving that may not be, and return what stays.

    Of all that may leave together this is the largest set, whatever is looked at first: what stays can only
    make more stay, so only what depends on it is looked at again.
    """
    following: dict[Digest, list[Reference]] = {}
    for reference, reason in because.items():
        following.setdefault(reason, []).append(reference)
    staying = set[Reference]()
    pending = [reference for reference, value in wish.items() if value is None]
    while pending:
        reference = pending.pop()
        if reference in wish and wish[reference] is None and _stays(view, wish, because, reference):
            del wish[reference]
            staying.add(reference)
            pending.extend(_dependent(view, following, reference))
    return staying


def _stays(view: View, wish: Wish, because: Mapping[Reference, Digest], reference: Reference) -> bool:
    """A digest leaves only if nothing live needs it; what only follows leaves with its reason."""
    reason = because.get(reference)
    if reason is not None and _after(view, wish, reason) is not None:
        return True
    return isinstance(reference, Digest) and is_needed(view, wish, reference)  # guard: what-is-needed-stays


def _dependent(view: View, following: Mapping[Digest, list[Reference]], staying: Reference) -> Iterable[Reference]:
    """What may have to stay because `staying` does: what it needs, and what would have left only with it."""
    if not isinstance(staying, Digest):
        digest = view.value(staying)
        return () if digest is None else (digest,)
    return (*view.children(staying), *following.get(staying, ()))


def is_needed(view: View, wish: Wish, digest: Digest) -> bool:
    """Would a tag or a live index still need `digest` once `wish` is done?"""
    return any(needs_it(view, wish, reference, digest) for reference in what_may_need(view, digest))


def what_may_need(view: View, digest: Digest) -> Iterator[Reference]:
    """Yield what needs `digest` now: the tags on it, then the live manifests that name it as a child."""
    yield from view.tags_on(digest)
    yield from view.live_parents(digest)


def needs_it(view: View, wish: Wish, reference: Reference, digest: Digest) -> bool:
    """Does something that needs `digest` now still need it once `wish` is done?"""
    after = _after(view, wish, reference)
    return after is not None if isinstance(reference, Digest) else after == digest


def _after(view: View, wish: Wish, reference: Reference) -> Digest | None:
    return wish[reference] if reference in wish else view.value(reference)
