"""`rm` as a person means it: images by name or by pattern, or whole repositories, in one change."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from refloat.core.closing import close
from refloat.core.errors import ManifestUnknown, NameUnknown
from refloat.core.moves import Move, Proposal, Settled
from refloat.core.names import Digest, Reference, RepositoryName, Tag
from refloat.core.patterns import ImagePattern, RepositoryPattern
from refloat.core.records import Cause
from refloat.core.removal import propose, propose_going, propose_images, propose_tags
from refloat.ports import Reader, Transaction

Scope = Literal["image", "tag"]
Wanted = Mapping[RepositoryName, Sequence[Reference]]
PAGE = 1000


@dataclass(frozen=True, slots=True)
class Selection:
    """What a removal is asked for.

    `quiet_since` (microseconds since 1970) narrows what patterns mean to what nobody pushed or moved since.
    Where it is set, or untagged images are asked for, there may be nothing; any other pattern has to match.
    """

    named: Wanted
    images: Sequence[ImagePattern] = ()
    untagged: Sequence[RepositoryPattern] = ()
    repositories: Sequence[RepositoryPattern] = ()
    quiet_since: int | None = None


@dataclass(frozen=True, slots=True)
class Removed:
    """What a removal was asked for and moved, and the digests it had to leave because something live needs them.

    `whole` are the repositories that went with everything they had; `asked` has no references of theirs.
    """

    change: str | None
    asked: Wanted
    whole: Sequence[RepositoryName]
    moves: Mapping[RepositoryName, tuple[Move, ...]]
    left: Mapping[RepositoryName, tuple[Digest, ...]]


def remove(tx: Transaction, selection: Selection, cause: Cause, scope: Scope) -> Removed:
    """Remove images as a person sees them, all or none, in one change.

    A tag takes its manifest along if it was the last on it, with the children that only it holds, its
    referrers and fallback tags. Scope "tag" takes tags alone, of a digest those on it. Raises ManifestUnknown
    where a reference is not there or a pattern matches nothing, NameUnknown for a repository, Denied for a child
    of a live index.
    """
    whole = _whole(tx, selection.repositories)
    asked = {name: references for name, references in _asked(tx, selection).items() if name not in whole}
    tx.lock([*whole, *asked])
    settled = {name: _settle_whole(tx, name, cause, scope) for name in whole}
    settled |= {name: _settle(tx, name, references, cause, scope) for name, references in asked.items()}
    moves = {repository: part.moves for repository, part in settled.items()}
    left = {repository: part.left for repository, part in settled.items()}
    return Removed(tx.record("rm", cause, moves, None), asked, whole, moves, left)


def _settle(
    tx: Transaction, repository: RepositoryName, references: Sequence[Reference], cause: Cause, scope: Scope
) -> Settled:
    view, proposal = tx.view(repository), Proposal()
    if scope == "tag":
        for reference in references:
            propose_tags(view, proposal, repository, reference)
    else:
        propose_images(view, proposal, [propose(view, proposal, repository, reference) for reference in references])
    return close(view, repository, proposal, cause.rules)


def _settle_whole(tx: Transaction, repository: RepositoryName, cause: Cause, scope: Scope) -> Settled:
    view, proposal = tx.view(repository), Proposal()
    references: list[Reference] = [*map(Tag, tx.read.tags(repository, "", None))]
    if scope == "image":
        references += tx.listing.live_digests(repository)
    for reference in references:
        propose_going(proposal, reference)
    return close(view, repository, proposal, cause.rules)


def _asked(tx: Transaction, selection: Selection) -> Wanted:
    """Return every reference that is named or matched, each once."""
    asked = {name: list(references) for name, references in selection.named.items()}
    for pattern in selection.images:
        found = dict(_matching(tx, pattern, selection.quiet_since))
        if not found and selection.quiet_since is None:
            raise ManifestUnknown(f"nothing matches {pattern}", {"pattern": f"{pattern}"})
        for repository, tags in found.items():
            asked.setdefault(repository, []).extend(tags)
    for within in selection.untagged:
        for repository in _repositories(tx.read, within):
            asked.setdefault(repository, []).extend(tx.listing.quiet_untagged(repository, selection.quiet_since))
    return {name: list(dict.fromkeys(references)) for name, references in asked.items() if references}


def _matching(tx: Transaction, pattern: ImagePattern, since: int | None) -> Iterator[tuple[RepositoryName, list[Tag]]]:
    for repository in _repositories(tx.read, pattern):
        tags = [*map(Tag, tx.read.tags(repository, "", None))]
        if since is not None:
            tags = tx.listing.quiet_tags(repository, since)
        if matching := [tag for tag in tags if pattern.matches_tag(tag)]:
            yield repository, matching


def _whole(tx: Transaction, patterns: Sequence[RepositoryPattern]) -> Sequence[RepositoryName]:
    """Return the repositories that are to go whole, each once. Raises NameUnknown."""
    whole = dict[RepositoryName, None]()
    for pattern in patterns:
        found = [name for name in _repositories(tx.read, pattern) if tx.listing.live_digests(name)]
        if not found:
            raise NameUnknown(f"there is nothing in {pattern}", {"name": f"{pattern}"})
        whole.update(dict.fromkeys(found))
    return list(whole)


def _repositories(read: Reader, pattern: RepositoryPattern) -> Iterator[RepositoryName]:
    """Return the repositories that a pattern may mean; those that are there, if it names more than one."""
    if (one := pattern.one_repository) is not None:
        yield one
        return
    last = ""
    while names := read.catalog(last, PAGE):
        yield from (RepositoryName(name) for name in names if pattern.matches_repository(name))
        last = names[-1]
