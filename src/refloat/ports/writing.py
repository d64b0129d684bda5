"""What one transaction of a request may do."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Protocol

from refloat.core.kinds import ChangeKind
from refloat.core.manifest import Manifest, Need
from refloat.core.moves import Move, View
from refloat.core.names import Digest, Reference, RepositoryName
from refloat.core.records import (
    Cause,
    LiveKey,
    ReapReason,
    Upload,
)
from refloat.ports.reading import Listing, Reader


class Transaction(Protocol):
    """One transaction that writes. What it did is durable when `Metadata.write` returns, and not before."""

    @property
    def read(self) -> Reader: ...

    @property
    def listing(self) -> Listing: ...

    # repositories
    def lock(self, repositories: Iterable[RepositoryName]) -> None:
        """Lock the rows of these repositories in a fixed order, making those that are missing."""

    def view(self, repository: RepositoryName) -> View: ...

    # history: the only way a tip moves
    def record(
        self,
        kind: ChangeKind,
        cause: Cause,
        moves: Mapping[RepositoryName, Sequence[Move]],
        undoes: str | None,
    ) -> str | None:
        """Apply moves and write them down as one change. Returns its id, or None if nothing moves."""

    def lost_with(
        self, repository: RepositoryName, digests: Sequence[Digest], known: Collection[Digest]
    ) -> list[tuple[Move, Digest | None]]:
        """Return what the changes that last removed `digests` removed with each and that may follow it, and what may
        follow that, each with its subject. What follows another one of `known` need not be among it."""

    def value_before(self, repository: RepositoryName, reference: Reference, revision: int) -> Digest | None:
        """Return the value `reference` had `revision` moves ago (1: before its last move)."""

    def has_moved_before(self, repository: RepositoryName, reference: Reference, seq: int) -> bool:
        """Does history know a move of `reference` before the move `seq`?"""

    def value_at(self, repository: RepositoryName, reference: Reference, at: int) -> Digest | None: ...

    # manifests
    def has_manifest(self, repository: RepositoryName, digest: Digest) -> bool: ...

    def media_type(self, repository: RepositoryName, digest: Digest) -> str | None: ...

    def missing(self, repository: RepositoryName, needs: Iterable[Need]) -> list[Digest]:
        """Return the required digests that the repository does not hold."""

    def put_manifest(
        self, repository: RepositoryName, digest: Digest, body: bytes, manifest: Manifest, at: int
    ) -> None:
        """Store a manifest and what it needs. A required blob that nothing holds fails the transaction.

        What it does not require it has as the manifest and as the blob that the repository has under that digest, or
        gets later: whatever names a digest has the manifest as its part from when it is put, and holds the blob from
        when it is leased.
        """

    def retype_manifest(self, repository: RepositoryName, digest: Digest, manifest: Manifest) -> None:
        """Store a manifest's type anew, and what it needs as that type. What it held before it holds on to."""

    def heal_manifest(self, repository: RepositoryName, digest: Digest, body: bytes) -> None:
        """Put right what the disk made of a stored manifest's body; `body` hashes to `digest`."""

    def used(self, repository: RepositoryName, digest: Digest) -> None:
        """End reading by lease of what a manifest uses: from now on the manifest makes it readable."""

    # blobs, leases, uploads
    def lease(self, repository: RepositoryName, digest: Digest, expires: int) -> bool:
        """Hold a blob for a repository and make it readable. False: no such live blob."""

    def renew(self, repository: RepositoryName, digest: Digest, expires: int) -> bool:
        """Hold a blob for longer, without making it readable. False: no such live blob."""

    def release(self, repository: RepositoryName, digest: Digest, now: int) -> bool:
        """End a repository's lease at `now`. False: there is none."""

    def begin_upload(self, upload: Upload) -> None: ...

    def extend_upload(self, upload: Upload, size: int, expires: int, now: int) -> Upload | None:
        """Record that an upload is `size` bytes long. None: it moved on or expired, nothing is written."""

    def end_upload(self, upload: Upload) -> bool:
        """Remove the session. False: it is gone or moved on, and nothing may be written for it."""

    def enliven(self, key: str, digest: Digest, size: int, at: int) -> None:
        """Make a key the live one of its digest; the one before it, if any, must have been doomed."""

    def doom_upload(self, key: str, size: int, reason: ReapReason, at: int) -> None:
        """Doom a key that was never live: its bytes may go at once."""

    def doom_live(self, digest: Digest, live: LiveKey, reason: ReapReason, at: int, delete_after: int) -> None:
        """Doom the live key of a digest that is about to be replaced by another."""
