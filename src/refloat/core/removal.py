"""What a removal proposes: what is named, what a person means by an image, and what follows it."""

from collections.abc import Sequence

from refloat.core.errors import Denied, ManifestUnknown
from refloat.core.moves import Proposal, View, is_needed
from refloat.core.names import Digest, Reference, RepositoryName, Tag


def propose(view: View, proposal: Proposal, repository: RepositoryName, reference: Reference) -> Digest:
    """Propose that a tag leaves, or a manifest with every tag on it and its referrers. Returns what it points to.

    Raises ManifestUnknown, Denied for a child of a live index.
    """
    digest = _present(view, repository, reference)
    propose_going(proposal, reference)
    if not isinstance(reference, Digest):
        return digest
    parents = sorted(view.live_parents(digest))
    if parents:
        raise Denied(f"{digest} is part of the index {parents[0]}; delete that instead", {"index": parents})
    for tag in view.tags_on(digest):
        propose_going(proposal, tag)
    propose_removal(view, proposal, digest)
    return digest


def propose_tags(view: View, proposal: Proposal, repository: RepositoryName, reference: Reference) -> None:
    """Propose that a tag leaves, or every tag on a digest, and nothing else. Raises ManifestUnknown."""
    digest = _present(view, repository, reference)
    for tag in view.tags_on(digest) if isinstance(reference, Digest) else (reference,):
        propose_going(proposal, tag)


def propose_images(view: View, proposal: Proposal, digests: Sequence[Digest]) -> None:
    """Propose what nothing needs any more, in whatever order it was asked for: one may free another."""
    waiting = list(dict.fromkeys(digests))
    while gone := dict.fromkeys(digest for digest in waiting if not is_needed(view, proposal.wish, digest)):
        for digest in gone:
            propose_going(proposal, digest)
            propose_removal(view, proposal, digest)
            propose_children(view, proposal, digest)
        waiting = [digest for digest in waiting if digest not in gone]


def propose_going(proposal: Proposal, reference: Reference) -> None:
    """Propose that a reference leaves for its own sake, though it may have been proposed because something else does.

    What is named has to go also where that other thing stays.
    """
    proposal.wish[reference] = None
    proposal.because.pop(reference, None)


def propose_removal(view: View, proposal: Proposal, digest: Digest) -> None:
    """Propose that `digest` leaves, and with it its referrers and fallback tags, theirs, and so on.

    Proposing too much is safe: `settle` keeps what something live still needs.
    """
    proposal.wish[digest] = None
    for referrer in view.live_referrers(digest):
        if referrer not in proposal.wish:
            for tag in view.tags_on(referrer):
                if tag not in proposal.wish or tag in proposal.because:  # a value wished for its own sake stays
                    _follow(proposal, tag, referrer)
            _follow(proposal, referrer, digest)
            propose_removal(view, proposal, referrer)
    for tag in digest.fallback_tags:
        target = view.value(tag)
        if target is not None and proposal.wish.get(tag) is None:  # it is not to stay with another value
            _propose_attached(view, proposal, digest, (tag, target))


def _propose_attached(view: View, proposal: Proposal, digest: Digest, attached: tuple[Tag, Digest]) -> None:
    tag, target = attached
    if tag not in proposal.wish:
        _follow(proposal, tag, digest)
    if target not in proposal.wish:
        _follow(proposal, target, digest)
        propose_removal(view, proposal, target)
        propose_children(view, proposal, target)


def propose_children(view: View, proposal: Proposal, digest: Digest) -> None:
    """Propose that the children of `digest` leave with it, and theirs."""
    for child in view.children(digest):
        if proposal.wish.get(child) is None and child not in proposal.because:
            _follow(proposal, child, digest)
            propose_removal(view, proposal, child)
            propose_children(view, proposal, child)


def _follow(proposal: Proposal, reference: Reference, reason: Digest) -> None:
    proposal.wish[reference] = None
    proposal.because[reference] = reason


def _present(view: View, repository: RepositoryName, reference: Reference) -> Digest:
    digest = view.value(reference)
    if digest is None:
        raise ManifestUnknown(f"{repository} has no {reference}", {"repository": repository, "reference": reference})
    return digest
