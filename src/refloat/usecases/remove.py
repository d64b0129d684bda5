"""`rm` as a person means it: images of any repositories, by name or by pattern, in one change."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from refloat.core.closing import close
from refloat.core.errors import ManifestUnknown
from refloat.core.moves import Move, Proposal, Settled
from refloat.core.names import Digest, Reference, RepositoryName, Tag
from refloat.core.patterns import ImagePattern
from refloat.core.records import Cause
from refloat.core.removal import propose, propose_images
from refloat.ports import Reader, Transaction

Scope = Literal["image", "tag"]
Wanted = Mapping[RepositoryName, Sequence[Reference]]
PAGE = 1000


@dataclass(frozen=True, slots=True)
class Removed:
    """What a removal was asked for and moved, and the digests it had to leave because something live needs them."""

    change: str | None
    asked: Wanted
    moves: Mapping[RepositoryName, tuple[Move, ...]]
    left: Mapping[RepositoryName, tuple[Digest, ...]]


def remove(
    tx: Transaction, wanted: Wanted, patterns: Sequence[ImagePattern], cause: Cause, scope: Scope
) -> Removed:
    """Remove images as a person sees them, all or none, in one change.

    A tag takes its manifest along if it was the last on it, with the children that only it holds, its
    referrers and fallback tags. Scope "tag" stops at the tags. Raises ManifestUnknown where a reference is
    not there or a pattern matches nothing, Denied for a child of a live index.
    """
    asked = _with_matches(tx, wanted, patterns)
    tx.lock(asked)
    settled = {name: _settle(tx, name, references, cause, scope) for name, references in asked.items()}
    moves = {repository: part.moves for repository, part in settled.items()}
    left = {repository: part.left for repository, part in settled.items()}
    return Removed(tx.record("rm", cause, moves, None), asked, moves, left)


def _settle(
    tx: Transaction, repository: RepositoryName, references: Sequence[Reference], cause: Cause, scope: Scope
) -> Settled:
    view, proposal = tx.view(repository), Proposal()
    digests = [propose(view, proposal, repository, reference) for reference in references]
    if scope == "image":
        propose_images(view, proposal, digests)
    return close(view, repository, proposal, cause.rules)


def _with_matches(tx: Transaction, wanted: Wanted, patterns: Sequence[ImagePattern]) -> Wanted:
    asked: dict[RepositoryName, list[Reference]] = {name: list(references) for name, references in wanted.items()}
    for pattern in patterns:
        found = False
        for repository in _repositories(tx.read, pattern):
            tags = [tag for tag in map(Tag, tx.read.tags(repository, "", None)) if pattern.matches_tag(tag)]
            if tags:
                found = True
                asked.setdefault(repository, []).extend(tags)
        if not found:
            raise ManifestUnknown(f"nothing matches {pattern}", {"pattern": f"{pattern}"})
    return {name: list(dict.fromkeys(references)) for name, references in asked.items()}


def _repositories(read: Reader, pattern: ImagePattern) -> Iterator[RepositoryName]:
    """Return the repositories that a pattern may mean; those that are there, if it names more than one."""
    if (one := pattern.one_repository) is not None:
        yield one
        return
    last = ""
    while names := read.catalog(last, PAGE):
        yield from (RepositoryName(name) for name in names if pattern.matches_repository(name))
        last = names[-1]
