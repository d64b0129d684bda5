"""What a removal proposes: what is named, what a person means by an image, and what follows it.

Whoever pushes decides how long a chain of referrers is and how deep indexes lie in indexes, so that a walk keeps its
own list of what it has still to look at.
"""

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Literal, NamedTuple

from refloat.core.errors import ManifestUnknown
from refloat.core.moves import Proposal, View, Wish, needs_it, what_may_need
from refloat.core.names import Digest, Reference, RepositoryName, Tag

Following = Literal["all", "untagged"]
"""Which referrers follow what leaves: all, or those that nobody gave a tag which stays."""


class _Step(NamedTuple):
    """Something that may follow `reason`: one that refers to it, a tag that attaches something to it, a child."""

    kind: Literal["referrer", "attached", "child"]
    reference: Reference
    reason: Digest


def propose(view: View, proposal: Proposal, repository: RepositoryName, reference: Reference) -> Digest:
    """Propose that a tag leaves, or a manifest with every tag on it and its referrers. Returns what it points to.

    A manifest that is named has to leave: where something live needs it, `closing.close` refuses the proposal. Raises
    ManifestUnknown.
    """
    digest = _present(view, repository, reference)
    propose_going(proposal, reference)
    if isinstance(reference, Digest):
        proposal.named.append(digest)
        for tag in view.tags_on(digest):
            propose_going(proposal, tag)
        propose_removal(view, proposal, digest)
    return digest


def propose_tags(view: View, proposal: Proposal, repository: RepositoryName, reference: Reference) -> None:
    """Propose that a tag leaves, or every tag on a digest, and nothing else. Raises ManifestUnknown."""
    digest = _present(view, repository, reference)
    for tag in view.tags_on(digest) if isinstance(reference, Digest) else (reference,):
        propose_going(proposal, tag)


def propose_images(view: View, proposal: Proposal, digests: Sequence[Digest], following: Following = "all") -> None:
    """Propose what nothing needs any more, in whatever order it was asked for: one may free another."""
    waiting = _Waiting(view, proposal.wish, digests)
    while free := waiting.free():
        for digest in free:
            propose_going(proposal, digest)
            propose_removal(view, proposal, digest, following)
            propose_children(view, proposal, digest, following)


class _Waiting:
    """Digests that are asked for. Each waits for one thing that needs it, and is looked at again once that leaves.

    What was wished away stays so, so that nothing is asked about twice.
    """

    def __init__(self, view: View, wish: Wish, digests: Sequence[Digest]) -> None:
        self._view, self._wish = view, wish
        self._digests = list(dict.fromkeys(digests))
        self._needing = [what_may_need(view, digest) for digest in self._digests]
        self._behind: dict[Reference, list[int]] = {}
        self._known = -1  # how much was wished when it was looked at last; nothing yet

    def free(self) -> list[Digest]:
        """Return what became free since the last call, in the order it was asked for."""
        if self._known < 0:
            again: Iterable[int] = range(len(self._digests))
        else:
            fresh = islice(reversed(self._wish), len(self._wish) - self._known)
            again = sorted(place for leaving in fresh for place in self._behind.pop(leaving, ()))
        self._known = len(self._wish)
        return [self._digests[place] for place in again if not self._is_needed(place)]

    def _is_needed(self, place: int) -> bool:
        for reference in self._needing[place]:
            if needs_it(self._view, self._wish, reference, self._digests[place]):
                self._behind.setdefault(reference, []).append(place)
                return True
        return False


def propose_going(proposal: Proposal, reference: Reference) -> None:
    """Propose that a reference leaves for its own sake, though it may have been proposed because something else does.

    What is named has to go also where that other thing stays.
    """
    proposal.wish[reference] = None
    proposal.because.pop(reference, None)


def propose_removal(view: View, proposal: Proposal, digest: Digest, following: Following = "all") -> None:
    """Propose that `digest` leaves, and with it its referrers and fallback tags, theirs, and so on.

    Proposing too much is safe: `settle` keeps what something live still needs.
    """
    proposal.wish[digest] = None
    _walk(view, proposal, _attached(view, digest), following)


def propose_children(view: View, proposal: Proposal, digest: Digest, following: Following = "all") -> None:
    """Propose that the children of `digest` leave with it, and theirs."""
    _walk(view, proposal, _children(view, digest), following)


def _walk(view: View, proposal: Proposal, steps: Sequence[_Step], following: Following) -> None:
    """Take each step, and those that follow from it before the one behind it."""
    pending = [*reversed(steps)]
    while pending:
        step = pending.pop()
        if _follows(view, proposal, step, following):
            pending.extend(reversed(_taken(view, proposal, step)))


def _follows(view: View, proposal: Proposal, step: _Step, following: Following) -> bool:
    if step.kind == "child":
        return proposal.wish.get(step.reference) is None and step.reference not in proposal.because
    if step.kind == "attached":
        return proposal.wish.get(step.reference) is None  # it is not to stay with another value
    return step.reference not in proposal.wish and (following == "all" or not _keeps_a_tag(view, proposal, step))


def _keeps_a_tag(view: View, proposal: Proposal, step: _Step) -> bool:
    """Has a referrer a tag as people give them, which nobody asked to leave?"""
    digest = Digest(step.reference)
    return any(tag.subject is None and proposal.wish.get(tag, digest) is not None for tag in view.tags_on(digest))


def _taken(view: View, proposal: Proposal, step: _Step) -> list[_Step]:
    """Let it follow. Returns what may follow it in turn."""
    if not isinstance(step.reference, Digest):
        return _taken_with_its_target(view, proposal, step.reference, step.reason)
    if step.kind == "referrer":
        for tag in view.tags_on(step.reference):
            if tag not in proposal.wish or tag in proposal.because:  # a value wished for its own sake stays
                _follow(proposal, tag, step.reference)
    _follow(proposal, step.reference, step.reason)
    return _attached(view, step.reference) + (_children(view, step.reference) if step.kind == "child" else [])


def _taken_with_its_target(view: View, proposal: Proposal, tag: Tag, digest: Digest) -> list[_Step]:
    target = view.value(tag)
    if target is None:
        return []
    if tag not in proposal.wish:
        _follow(proposal, tag, digest)
    if target in proposal.wish:
        return []
    _follow(proposal, target, digest)
    return _attached(view, target) + _children(view, target)


def _attached(view: View, digest: Digest) -> list[_Step]:
    referrers = [_Step("referrer", referrer, digest) for referrer in view.live_referrers(digest)]
    return referrers + [_Step("attached", tag, digest) for tag in digest.fallback_tags]


def _children(view: View, digest: Digest) -> list[_Step]:
    return [_Step("child", child, digest) for child in view.children(digest)]


def _follow(proposal: Proposal, reference: Reference, reason: Digest) -> None:
    proposal.wish[reference] = None
    proposal.because[reference] = reason


def _present(view: View, repository: RepositoryName, reference: Reference) -> Digest:
    digest = view.value(reference)
    if digest is None:
        raise ManifestUnknown(f"{repository} has no {reference}", {"repository": repository, "reference": reference})
    return digest
