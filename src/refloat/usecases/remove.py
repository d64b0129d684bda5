"""`rm` as a person means it: images by name or by pattern, or whole repositories, in one change.

What patterns mean is chosen by a reader, before anybody waits for the transaction; that looks again at each thing that
was chosen, and leaves what is not any more what it was.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeVar

from refloat.core.closing import close
from refloat.core.errors import ManifestUnknown, NameUnknown, PatternsTooWide
from refloat.core.globs import Glob, Row
from refloat.core.moves import Move, Proposal, Settled
from refloat.core.names import Digest, Reference, RepositoryName, Tag
from refloat.core.patterns import ImagePattern, RepositoryPattern, row_of
from refloat.core.records import Cause
from refloat.core.removal import propose, propose_going, propose_images, propose_tags
from refloat.ports import Listing, Reader, Transaction

Scope = Literal["image", "tag"]
Wanted = Mapping[RepositoryName, Sequence[Reference]]
P = TypeVar("P", bound=RepositoryPattern)
S = TypeVar("S", bound=str)
PAGE = 1000
MOST_COMPARED = 10_000_000_000
"""Letters of patterns times letters of what they are compared with, names and tags: about a second of a processor."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a removal is asked for.

    `quiet_since` (microseconds since 1970) narrows what patterns mean to what nobody pushed or moved since.
    Where it is set, or untagged images are asked for, there may be nothing; any other pattern has to match.
    """

    named: Wanted
    images: Sequence[ImagePattern] = ()
    untagged: Sequence[RepositoryPattern] = ()
    repositories: Sequence[RepositoryPattern] = ()
    quiet_since: int | None = None

    @property
    def has_patterns(self) -> bool:
        """Has anything to be compared, to know what is meant?"""
        return bool(self.images or self.untagged or self.repositories)


@dataclass(frozen=True, slots=True)
class Selection:
    """What a removal takes: what is named, and what patterns were found to mean.

    `matched` are tags with what they pointed to then, `untagged` images without one, `whole` what goes with
    everything it has. What is no more what it was, or was touched since `quiet_since`, stays.
    """

    named: Wanted
    matched: Mapping[RepositoryName, Mapping[Tag, Digest]] = field(default_factory=dict)
    untagged: Mapping[RepositoryName, Sequence[Digest]] = field(default_factory=dict)
    whole: Sequence[RepositoryName] = ()
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


def choose(read: Reader, listing: Listing, asked: Asked) -> Selection:
    """Find what patterns mean.

    Raises ManifestUnknown where one matches nothing, NameUnknown where there is no such repository, PatternsTooWide.
    """
    choosing = _Choosing(read, listing, asked)
    return Selection(asked.named, choosing.matched(), choosing.untagged(), choosing.whole(), asked.quiet_since)


class _Choosing:
    """One look through what a registry has, each repository's tags once, whatever the patterns."""

    def __init__(self, read: Reader, listing: Listing, asked: Asked) -> None:
        self._read, self._listing, self._asked = read, listing, asked
        self._compared = 0

    def matched(self) -> Mapping[RepositoryName, Mapping[Tag, Digest]]:
        found: dict[RepositoryName, dict[Tag, Digest]] = {}
        unmatched = dict.fromkeys(self._asked.images)
        for repository, patterns in self._repositories(self._asked.images):
            for tags in self._tags(repository):
                row, ends = row_of(tags), 0
                self._count([pattern.tag_glob for pattern in patterns], row)
                for pattern in patterns:
                    if own := pattern.tag_glob.ends_in(row):
                        ends |= own
                        unmatched.pop(pattern, None)
                chosen = {tag: tags[tag] for tag in row.texts_ending_at(ends)}
                if chosen:
                    found.setdefault(repository, {}).update(chosen)
        if unmatched and self._asked.quiet_since is None:
            pattern = next(iter(unmatched))
            raise ManifestUnknown(f"nothing matches {pattern}", {"pattern": f"{pattern}"})
        return found

    def untagged(self) -> Mapping[RepositoryName, Sequence[Digest]]:
        since = self._asked.quiet_since
        repositories = (repository for repository, _ in self._repositories(self._asked.untagged))
        return {repository: self._listing.quiet_untagged(repository, since) for repository in repositories}

    def whole(self) -> Sequence[RepositoryName]:
        found, empty = dict[RepositoryName, None](), dict.fromkeys(self._asked.repositories)
        for repository, patterns in self._repositories(self._asked.repositories):
            if self._listing.matching(repository, "sha", 1):
                found[repository] = None
                for pattern in patterns:
                    empty.pop(pattern, None)
        if empty:
            pattern = next(iter(empty))
            raise NameUnknown(f"there is nothing in {pattern}", {"name": f"{pattern}"})
        return list(found)

    def _repositories(self, patterns: Sequence[P]) -> Iterator[tuple[RepositoryName, Sequence[P]]]:
        """Yield the repositories that patterns may mean, with those; one that is named need not be there."""
        named: dict[RepositoryName, list[P]] = {}
        for pattern in patterns:
            if (one := pattern.one_repository) is not None:
                named.setdefault(one, []).append(pattern)
        yield from named.items()
        wild = [pattern for pattern in patterns if pattern.one_repository is None]
        for names in self._catalog() if wild else ():
            row, meant = Row(names), dict[RepositoryName, list[P]]()
            self._count([pattern.repository_glob for pattern in wild], row)
            for pattern in wild:
                for name in row.texts_ending_at(pattern.repository_glob.ends_in(row)):
                    meant.setdefault(RepositoryName(name), []).append(pattern)
            yield from meant.items()

    def _catalog(self) -> Iterator[Sequence[RepositoryName]]:
        last = ""
        while names := self._read.catalog(last, PAGE):
            yield names
            last = names[-1]

    def _tags(self, repository: RepositoryName) -> Iterator[Mapping[Tag, Digest]]:
        if self._asked.quiet_since is not None:
            yield self._listing.quiet_tags(repository, self._asked.quiet_since)
            return
        last = ""
        while tags := self._listing.tagged(repository, last, PAGE):
            yield tags
            last = next(reversed(tags))

    def _count(self, globs: Sequence[Glob], row: Row[S]) -> None:
        """Raise PatternsTooWide where more would have to be compared than one request may ask for."""
        self._compared += sum(glob.steps for glob in globs) * row.size
        if self._compared > MOST_COMPARED:
            raise PatternsTooWide(
                "the letters of the patterns times those of the names and tags they are compared with are more than"
                f" {MOST_COMPARED:,}, the most of one request: ask with fewer patterns, or of fewer repositories",
                {"most": MOST_COMPARED},
            )


def remove(tx: Transaction, selection: Selection, cause: Cause, scope: Scope) -> Removed:
    """Remove images as a person sees them, all or none, in one change.

    A tag takes its manifest along if it was the last on it, with the children that only it holds, its
    referrers and fallback tags. Scope "tag" takes tags alone, of a digest those on it. An image without a tag leaves
    behind the referrers that have one. Raises ManifestUnknown where a reference that is named is not there, Denied for
    a child of an index that stays.
    """
    tx.lock([*selection.whole, *selection.named, *selection.matched, *selection.untagged])
    whole = [name for name in selection.whole if tx.listing.matching(name, "sha", 1)]
    parts = {name: part for name, part in _parts(tx, selection).items() if name not in whole}
    settled = {name: _settle_whole(tx, name, cause, scope) for name in whole}
    settled |= {name: _settle(tx, name, part, cause, scope) for name, part in parts.items()}
    moves = {repository: part.moves for repository, part in settled.items()}
    left = {repository: part.left for repository, part in settled.items()}
    asked = {name: part.references for name, part in parts.items()}
    return Removed(tx.record("rm", cause, moves, None), asked, whole, moves, left)


@dataclass(slots=True)
class _Part:
    """What is asked for of one repository: what is named or matched, and images without a tag; each once."""

    images: dict[Reference, None] = field(default_factory=dict)
    untagged: dict[Digest, None] = field(default_factory=dict)

    @property
    def references(self) -> Sequence[Reference]:
        return [*self.images, *self.untagged]


def _parts(tx: Transaction, selection: Selection) -> Mapping[RepositoryName, _Part]:
    parts: dict[RepositoryName, _Part] = {}
    for repository, references in selection.named.items():
        parts.setdefault(repository, _Part()).images.update(dict.fromkeys(references))
    for repository, tags in selection.matched.items():
        still = _still_matched(tx, repository, tags, selection.quiet_since)
        parts.setdefault(repository, _Part()).images.update(dict.fromkeys(still))
    for repository, digests in selection.untagged.items():
        part = parts.setdefault(repository, _Part())
        quiet = [digest for digest in digests if tx.listing.is_quiet(repository, digest, selection.quiet_since)]
        part.untagged.update(dict.fromkeys(digest for digest in quiet if digest not in part.images))
    return {repository: part for repository, part in parts.items() if part.references}


def _still_matched(
    tx: Transaction, repository: RepositoryName, tags: Mapping[Tag, Digest], since: int | None
) -> Iterable[Tag]:
    """Yield the tags that are where they were when they were chosen: what somebody pushed since is another image."""
    view = tx.view(repository)
    for tag, digest in tags.items():
        untouched = since is None or tx.listing.is_quiet(repository, tag, since)
        if untouched and view.value(tag) == digest:  # guard: what-moved-since-it-was-chosen-stays
            yield tag


def _settle(tx: Transaction, repository: RepositoryName, part: _Part, cause: Cause, scope: Scope) -> Settled:
    view, proposal = tx.view(repository), Proposal()
    if scope == "tag":
        for reference in part.references:
            propose_tags(view, proposal, repository, reference)
    else:
        named = [propose(view, proposal, repository, reference) for reference in part.images]
        propose_images(view, proposal, list(part.untagged), "untagged")  # guard: untagged-takes-no-tag
        propose_images(view, proposal, named)
    return close(view, repository, proposal, cause.rules)


def _settle_whole(tx: Transaction, repository: RepositoryName, cause: Cause, scope: Scope) -> Settled:
    view, proposal = tx.view(repository), Proposal()
    references: list[Reference] = [*map(Tag, tx.read.tags(repository, "", None))]
    if scope == "image":
        references += tx.listing.live_digests(repository)
    for reference in references:
        propose_going(proposal, reference)
    return close(view, repository, proposal, cause.rules)
