"""What the use cases read: every promise here has one contract suite in `tests/contracts`."""

from collections.abc import Sequence
from typing import Protocol

from refloat.core.blocks import Block
from refloat.core.manifest import Need
from refloat.core.names import Digest, Reference, RepositoryName, Tag
from refloat.core.narrowing import EVERYTHING, Narrowing
from refloat.core.prices import DatabaseSpace, Hold, Place
from refloat.core.receipts import Receipt
from refloat.core.records import (
    Blob,
    Change,
    Doomed,
    LiveKey,
    ManifestFacts,
    Moved,
    PastValue,
    RepositoryEntry,
    StoredManifest,
    TagEntry,
    Upload,
)
from refloat.core.referrers import Referrer, ReferrersAsked
from refloat.core.standing import Standing


class Reader(Protocol):
    """Reads that answer from the last committed state, each in well under a millisecond.

    Nothing is remembered between calls: a read never answers from memory.
    """

    def has_repository(self, repository: RepositoryName) -> bool: ...

    def manifest(self, repository: RepositoryName, reference: Reference) -> StoredManifest | None:
        """Return the live manifest a tag or digest points to."""

    def blob(self, repository: RepositoryName, digest: Digest, now: int) -> Blob | None:
        """Return a blob the repository may read: used by a live manifest, or under a readable lease."""

    def holds(self, repository: RepositoryName, digest: Digest) -> bool:
        """Does the repository hold these bytes, readable or not: by a live or held manifest, or a lease?"""

    def live_key(self, digest: Digest) -> LiveKey | None: ...

    def live_keys(self, digests: Sequence[Digest]) -> list[LiveKey]:
        """Return the live keys of those digests that have one."""

    def upload(self, repository: RepositoryName, upload: str, now: int) -> Upload | None: ...

    def tags(self, repository: RepositoryName, last: str, limit: int | None) -> list[str]:
        """Return tags after `last` in the spec's order (byte-wise), at most `limit`; as text, there may be many."""

    def catalog(self, last: str, limit: int) -> list[RepositoryName]:
        """Return repositories with something live, after `last`, byte-wise."""

    def referrers(self, repository: RepositoryName, subject: Digest, asked: ReferrersAsked) -> list[Referrer]:
        """Return live manifests that refer to one, byte-wise by digest; the first body that is too much is the last."""

    def referrer_facts(self, repository: RepositoryName, subject: Digest) -> list[ManifestFacts]:
        """Return all live manifests that refer to one, byte-wise by digest."""

    def deleted_by(self, repository: RepositoryName, reference: Reference) -> Change | None:
        """Return the last change that moved `reference` to nothing, without its moves, if it still can be undone."""

    def block_on(self, digest: Digest) -> Block | None: ...

    def purged_by(self, digest: Digest) -> str | None:
        """Return the id of the newest purge that ended a digest."""

    def purge_of(self, repository: RepositoryName, reference: Reference) -> Receipt | None:
        """Return the newest purge that ended in `repository` what `reference` last pointed to."""


class Prices(Protocol):
    """Reads about what holds bytes. Sizes are bytes; they may take long where very much is asked about."""

    def displaced_blobs(self, change: str) -> list[tuple[Digest, int]]:
        """Return the blobs below everything a change displaced and holds, each once, with its size."""

    def hold_of_last(self, change: str) -> Hold | None:
        """Return the hold that a change has on what it displaced, if no other change's hold ends after it."""

    def last_hold(self, blob: Digest, last: Hold | None = None) -> Hold | None:
        """Return the hold on a live blob that ends last. None: nothing holds it.

        `last` is a change's hold on it, where that is known to be the last of all changes.
        """

    def is_tagged(self, blob: Digest) -> bool:
        """Does a live manifest use a blob that has a tag, is part of one that has, or refers to one?"""

    def places(self, keys: Sequence[str]) -> dict[str, Place]:
        """Return what the rows say about keys; those that no row knows are left out."""

    def database_space(self) -> DatabaseSpace:
        """Return what the database itself takes on the disk."""

    def tag_sizes(self, repository: RepositoryName, tag: Tag) -> tuple[int, int]:
        """Return the bytes below a tag, and those of them that nothing else live uses."""

    def repository_sizes(self, repository: RepositoryName) -> tuple[int, int, int]:
        """Return the live bytes of a repository, those of them no other repository uses, and those that only its
        trash does."""

    def blobs_below(self, repository: RepositoryName, digest: Digest) -> list[tuple[Digest, int]]:
        """Return the blobs of a manifest, live or held, and of all its parts, each once, with its size."""

    def known_repositories(self, last: str, limit: int) -> list[RepositoryName]:
        """Return repositories after `last`, also those with nothing live."""

    def largest_blobs(self, repository: RepositoryName | None, limit: int) -> list[tuple[Digest, int, int, int]]:
        """Return the largest blobs: digest, size, how many manifests use it, in how many repositories."""


class Listing(Prices, Protocol):
    """Reads for people: they may take milliseconds and run in a thread."""

    def change(self, prefix: str) -> Change:
        """Return the one change whose id begins with `prefix`. Raises ChangeUnknown."""

    def changes(
        self, repository: RepositoryName | None, before: str | None, limit: int, narrowing: Narrowing = EVERYTHING
    ) -> list[Change]:
        """Return changes newest first, from before the change `before` (an id) on, each with its first moves."""

    def changes_after(
        self, repository: RepositoryName | None, after: str, limit: int, narrowing: Narrowing = EVERYTHING
    ) -> list[Change]:
        """Return the changes committed after the change `after`, oldest first; of `""`, from the first one on."""

    def trash(self, repository: RepositoryName | None, before: str | None, limit: int) -> list[Change]:
        """Return the changes that moved something to nothing, held, and not moved since; newest first."""

    def moves(self, change: str, after: tuple[RepositoryName, int] | None, limit: int) -> list[Moved]:
        """Return moves of a change, after the move `after` of a repository."""

    def is_undoable(self, change: str) -> bool:
        """Is every manifest that a change displaced still there, live or held?"""

    def standing(self, change: str) -> Standing:
        """Return what is left of a change, and whether it was moved over; for that its first 10,000 moves count."""

    def undone_by(self, change: str) -> str | None:
        """Return the newest change that took `change` back."""

    def history(
        self, repository: RepositoryName, reference: Reference | None, before: int | None, limit: int, since: int = 0
    ) -> list[PastValue]:
        """Return moves newest first, from before the move number `before` on, made since an instant."""

    def repositories(self, last: str, limit: int) -> list[RepositoryEntry]: ...

    def repositories_beginning(self, prefix: str, limit: int, *, deleted: bool) -> list[RepositoryName]:
        """Return repositories with something live, or from which something was deleted that history holds."""

    def tags_beginning(self, repository: RepositoryName, prefix: str, limit: int, *, deleted: bool) -> list[Tag]:
        """Return tags that are there, or that were deleted and history holds; without those that attach something."""

    def images(self, repository: RepositoryName, last: str, limit: int) -> list[TagEntry]:
        """Return tags with what they point to, after the tag `last`, byte-wise; fallback tags included.

        There may be fewer than `limit`, and more behind them, where very much lies below these.
        """

    def untagged(self, repository: RepositoryName, last: str, limit: int) -> list[TagEntry]:
        """Return live manifests with no tag, no live parent and no subject, after the digest `last`; as `images`."""

    def tagged(self, repository: RepositoryName, last: str, limit: int) -> dict[Tag, Digest]:
        """Return tags after the tag `last`, byte-wise, each with the digest it points to; fallback tags included."""

    def quiet_tags(self, repository: RepositoryName, since: int) -> dict[Tag, Digest]:
        """Return tags that did not move since an instant, with the manifests they are on, not pushed since either."""

    def quiet_untagged(self, repository: RepositoryName, since: int | None) -> list[Digest]:
        """Return live manifests with no tag, no live parent and no subject.

        With an instant, only those that were not pushed, did not become live, lost no tag and got no referrer since.
        """

    def is_quiet(self, repository: RepositoryName, reference: Reference, since: int | None) -> bool:
        """Would `quiet_tags` list this tag, or `quiet_untagged` this digest?"""

    def live_digests(self, repository: RepositoryName) -> list[Digest]:
        """Return every live manifest."""

    def stored(self, repository: RepositoryName, digest: Digest) -> StoredManifest | None:
        """Return a manifest the repository has, live or held by history."""

    def needs(self, repository: RepositoryName, digest: Digest) -> list[tuple[Need, int | None]]:
        """Return what a manifest needs, each with its size in bytes where it is held."""

    def tags_on(self, repository: RepositoryName, digest: Digest) -> list[Tag]:
        """Return the tags that point to a digest."""

    def matching(self, repository: RepositoryName, prefix: str, limit: int) -> list[Digest]:
        """Return the live digests that begin with `prefix`, such as `sha256:4f1c02d`."""

    def held_matching(self, repository: RepositoryName, prefix: str, limit: int) -> list[Digest]:
        """Return the digests so beginning that history holds."""

    def past_matching(self, repository: RepositoryName, prefix: str, limit: int) -> list[Digest]:
        """Return the digests so beginning that were live once, as far back as history goes."""

    def doomed(self, limit: int) -> list[Doomed]: ...
