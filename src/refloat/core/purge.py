"""Purge: what cannot be without the bytes that end, and what a change has to take from the live for it."""

from collections.abc import Iterable
from typing import Protocol

from refloat.core.moves import Proposal, View
from refloat.core.names import Digest, Tag
from refloat.core.removal import propose_children, propose_going, propose_removal


class Remains(View, Protocol):
    """A repository with all it still has: what is live, and what only history holds."""

    def has(self, digest: Digest) -> bool:
        """Is a manifest there, in whatever state?"""

    def users(self, digest: Digest) -> Iterable[Digest]:
        """Return the manifests, in whatever state, that hold `digest` as a child or a blob."""

    def referrers(self, digest: Digest) -> Iterable[Digest]:
        """Return the manifests, in whatever state, whose subject is `digest`."""

    def past_values(self, tag: Tag) -> Iterable[Digest]:
        """Return what history holds as earlier values of a tag."""

    def past_tags(self, digest: Digest) -> Iterable[Tag]:
        """Return the tags history holds `digest` for."""


def roots_of(remains: Remains, names: Iterable[Digest]) -> tuple[Digest, ...]:
    """Return the manifests that cannot be without the bytes `names` names: these, and every index or image over them.

    No window and no state keeps one: an image without a layer is none.
    """
    roots, pending, seen = list[Digest](), [*names], set[Digest]()
    while pending:
        digest = pending.pop()
        if digest in seen:
            continue
        seen.add(digest)
        if remains.has(digest):
            roots.append(digest)
        pending.extend(remains.users(digest))  # guard: a-purge-takes-what-needs-it
    return tuple(roots)


def propose_purge(remains: Remains, roots: Iterable[Digest]) -> Proposal:
    """Propose that `roots` leave, with every tag on them, their referrers, and the children only they hold."""
    proposal = Proposal()
    for digest in roots:
        propose_going(proposal, digest)
        for tag in remains.tags_on(digest):
            propose_going(proposal, tag)
        propose_removal(remains, proposal, digest)
        propose_children(remains, proposal, digest)
    return proposal
