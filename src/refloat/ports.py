"""What the use cases ask of the world. Every promise here has one contract suite in `tests/contracts`."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self, TypeVar

from refloat.core.blocks import Block
from refloat.core.clock import Clock
from refloat.core.manifest import Manifest, Need
from refloat.core.moves import Move, View
from refloat.core.names import Digest, Reference, RepositoryName, Tag
from refloat.core.narrowing import EVERYTHING, Narrowing
from refloat.core.records import (
    Blob,
    Cause,
    Change,
    ChangeKind,
    Doomed,
    LiveKey,
    ManifestFacts,
    Moved,
    PastValue,
    Pruned,
    ReapReason,
    RepositoryEntry,
    StoredBody,
    StoredManifest,
    TagEntry,
    Upload,
)

T = TypeVar("T")


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

    def upload(self, repository: RepositoryName, upload: str, now: int) -> Upload | None: ...

    def tags(self, repository: RepositoryName, last: str, limit: int | None) -> list[str]:
        """Return tags after `last` in the spec's order (byte-wise), at most `limit`; as text, there may be many."""

    def catalog(self, last: str, limit: int) -> list[RepositoryName]:
        """Return repositories with something live, after `last`, byte-wise."""

    def referrers(self, repository: RepositoryName, subject: Digest) -> list[ManifestFacts]: ...

    def deleted_by(self, repository: RepositoryName, reference: Reference) -> Change | None:
        """Return the last change that moved `reference` to nothing, without its moves, if it still can be undone."""

    def block_on(self, digest: Digest) -> Block | None: ...

    def purged_by(self, digest: Digest) -> str | None:
        """Return the id of the newest purge that ended a digest."""


class Listing(Protocol):
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

    def undone_by(self, change: str) -> str | None:
        """Return the newest change that took `change` back."""

    def history(
        self, repository: RepositoryName, reference: Reference | None, before: int | None, limit: int, since: int = 0
    ) -> list[PastValue]:
        """Return moves newest first, from before the move number `before` on, made since an instant."""

    def repositories(self, last: str, limit: int) -> list[RepositoryEntry]: ...

    def images(self, repository: RepositoryName, last: str, limit: int) -> list[TagEntry]:
        """Return tags with what they point to, after the tag `last`, byte-wise; fallback tags included."""

    def untagged(self, repository: RepositoryName, last: str, limit: int) -> list[TagEntry]:
        """Return live manifests with no tag, no live parent and no subject, after the digest `last`."""

    def quiet_tags(self, repository: RepositoryName, since: int) -> list[Tag]:
        """Return tags that did not move since an instant, on manifests that were not pushed since."""

    def quiet_untagged(self, repository: RepositoryName, since: int | None) -> list[Digest]:
        """Return live manifests with no tag, no live parent and no subject.

        With an instant, only those that were not pushed, did not become live and lost no tag since.
        """

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

    def doomed(self, limit: int) -> list[Doomed]: ...


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

    def lost_with(self, repository: RepositoryName, digest: Digest) -> list[tuple[Move, Digest | None]]:
        """Return what the change that last removed `digest` removed with it, each with its subject."""

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
        """Store a manifest and what it needs. A required blob that nothing holds fails the transaction."""

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


class Collecting(Protocol):
    """The collector's transaction: what ends, what is condemned, what is forgotten. Never any I/O on bytes."""

    def clock(self) -> tuple[int, Clock | None]:
        """Return the number of the last round and the clock it left."""

    def begin_round(self, number: int, clock: Clock) -> None: ...

    def due_changes(self, at: int, limit: int) -> list[str]: ...

    def prune(self, change: str, at: int) -> Pruned:
        """Let go of what a change displaced; manifests that no tip, no move and no other manifest holds go,
        and the blobs they let go of get a lease that is already over."""

    def ended_leases(self, at: int, limit: int) -> list[tuple[RepositoryName, Digest]]: ...

    def condemn(self, repository: RepositoryName, digest: Digest, at: int, delete_after: int) -> bool:
        """End a lease; if nothing holds the blob, move its key from live to doomed. True: condemned."""

    def expired_uploads(self, at: int, limit: int) -> list[Upload]: ...

    def expire_upload(self, upload: Upload, at: int) -> None: ...

    def due_keys(self, at: int, confirmed_before: int, limit: int) -> list[Doomed]:
        """Return doomed keys past their date whose bytes are not confirmed absent, or were before an instant."""

    def doomed(self, limit: int) -> list[Doomed]:
        """Return doomed keys, soonest first."""

    def postpone(self, key: str, until: int) -> None:
        """Keep a doomed key's bytes until an instant: they cannot go yet."""

    def reaped(self, key: str, at: int) -> None:
        """Write down that a key's bytes are confirmed absent."""

    def forget(self, key: str) -> None:
        """Remove a doomed key whose bytes are gone for longer than any request can last."""

    def forget_history(self, before: int, limit: int) -> int:
        """Remove pruned changes made before an instant. Returns how many."""


class Verifying(Protocol):
    """What a verification reads, in pages, and the little it writes."""

    def live(self, after: str, limit: int) -> list[tuple[Digest, LiveKey]]:
        """Return the live blobs after the digest `after`."""

    def bodies(self, after: tuple[int, str], limit: int) -> list[StoredBody]:
        """Return the manifests after a place."""

    def known(self, keys: Sequence[str]) -> set[str]:
        """Return those of `keys` that any row explains."""

    def users(self, digest: Digest, limit: int) -> list[tuple[RepositoryName, Reference]]:
        """Return live references whose image has a blob: tags, or the digest of a manifest without one."""

    def faults(self) -> list[str]:
        """Return what is wrong with the database itself."""

    def damaged(self, digest: Digest, key: str, at: int) -> bool:
        """Write down that a live key's bytes are not those of its digest: it is served no more. False: moved on."""

    def sound(self, digest: Digest, key: str, at: int) -> bool:
        """Write down that they are."""


class Metadata(Protocol):
    """The one database."""

    @property
    def read(self) -> Reader:
        """The reader of this thread's kept-open connection."""

    @property
    def listing(self) -> Listing: ...

    @property
    def verifying(self) -> Verifying: ...

    def mark(self, work: Callable[[Verifying], T]) -> T:
        """Run `work` in a transaction of its own and return when it is durable."""

    async def write(self, work: Callable[[Transaction], T]) -> T:
        """Run `work` in a transaction, together with others that wait, and return when it is durable.

        An exception from `work` undoes what it did and comes out here. Raises StorageFull, Unavailable.
        """

    async def write_brief(self, work: Callable[[Transaction], T]) -> T:
        """The same for work of a handful of rows, which a pull may wait for."""

    async def note(self, work: Callable[[Transaction], T]) -> T:
        """Run `work` in a transaction that everybody sees on return and that is durable with the next write.

        For what was not promised to survive a power cut: how long an upload is, how long a lease is renewed.
        """

    def write_now(self, work: Callable[[Transaction], T]) -> T:
        """The same, for callers that are not on the event loop."""

    def collect(self, work: Callable[[Collecting], T]) -> T:
        """Run one small step of the collector in a transaction."""

    def backup(self, at: int) -> None:
        """Write a metadata backup, and let go of the oldest beyond those that are kept."""

    def last_backup(self) -> int | None:
        """Return the instant of the newest backup."""

    def named_live(self, keys: Sequence[str]) -> set[str]:
        """Return those of `keys` that a kept backup names live: restoring it would need their bytes."""

    def epoch(self) -> int:
        """Return the number of the last round as the file beside the database has it; 0: no file."""

    def set_epoch(self, number: int) -> None:
        """Write the number of a round to the file beside the database, durably."""

    def close(self) -> None: ...


class UploadFile(Protocol):
    """The bytes of one session, locked against every other writer in every process until closed."""

    @property
    def size(self) -> int:
        """How many bytes there are: what was recorded, and what was appended since."""

    def cut(self, size: int) -> None:
        """Drop what lies beyond `size`, the recorded length."""

    def append(self, *chunks: bytes | bytearray) -> None:
        """Write all of `chunks` at the end, in order. Raises StorageFull."""

    async def digest(self, algorithm: str) -> Digest:
        """Return the digest of all bytes in the file, from a running hash where it belongs to them."""

    def recorded(self, upload: Upload) -> None:
        """Keep the running hash for `upload`, the session as it is recorded now."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class BlobStore(Protocol):
    """Bytes under keys. It can add and read; removing is `reaping.BlobReaper`, which few may import."""

    def create(self, key: str) -> None:
        """Make the empty file of an upload."""

    def open_upload(self, upload: Upload) -> UploadFile:
        """Lock and open an upload's bytes. The session has to be read again under the lock.

        Raises UploadOutOfOrder when another request has them, BlobUploadUnknown when they are gone.
        """

    async def seal(self, key: str) -> None:
        """Make an upload's bytes durable under their final name. Raises StorageFull, Unavailable."""

    def path(self, key: str) -> Path:
        """Return where the whole bytes of a live key lie."""

    def size(self, key: str) -> int | None:
        """Return how many bytes lie under a live key; None: no file."""

    def has_room(self, length: int) -> bool:
        """Would `length` more bytes leave the reserve free?"""


class BlobShelf(Protocol):
    """Bytes under keys, for who looks at all of them."""

    def keys(self) -> Iterator[str]:
        """Yield every name that has bytes, arriving or whole. Raises Unavailable."""

    def size(self, key: str) -> int | None:
        """Return how many bytes lie under a live key; None: no file. Raises Unavailable."""

    def digest_of(self, key: str, algorithm: str) -> Digest:
        """Read the whole bytes of a key and return their digest. Raises Unavailable."""

    def set_aside(self, key: str) -> int:
        """Move what lies under a key to quarantine, where nothing removes or replaces it. Returns how many files."""
