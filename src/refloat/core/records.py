"""What is stored, as plain values. Instants are microseconds since 1970 UTC, sizes are bytes."""

from dataclasses import dataclass, field
from typing import Literal

from refloat.core.closing import Rules
from refloat.core.kinds import ChangeKind
from refloat.core.moves import Move
from refloat.core.names import Digest, Reference, RepositoryName, Tag

ReapReason = Literal["unused", "adopted", "replaced", "cancelled", "expired", "purged"]


@dataclass(frozen=True, slots=True)
class StoredManifest:
    """A manifest, byte for byte as it was pushed."""

    digest: Digest
    media_type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class ManifestFacts:
    """A manifest without its body, for lists and referrers."""

    digest: Digest
    media_type: str
    artifact_type: str | None
    size: int
    pushed_at: int


@dataclass(frozen=True, slots=True)
class Blob:
    """A blob's bytes in the store, under `key`, and until when this repository's lease holds it, if one does."""

    digest: Digest
    key: str
    size: int
    lease_ends: int | None


@dataclass(frozen=True, slots=True)
class LiveKey:
    """The live incarnation of a digest, wherever it is used."""

    key: str
    size: int
    verified_at: int
    damaged: bool


@dataclass(frozen=True, slots=True)
class StoredBody:
    """A manifest's bytes as they are stored, and its place in the order they are read in."""

    place: tuple[int, str]
    repository: RepositoryName
    digest: Digest
    body: bytes


@dataclass(frozen=True, slots=True)
class Upload:
    """An upload session as it is recorded. `version` counts the appends that were recorded."""

    id: str
    repository: RepositoryName
    key: str
    size: int
    version: int
    expires: int


@dataclass(frozen=True, slots=True)
class Cause:
    """Who does something, when, from where, with what, why; and the id the change gets if one is made."""

    at: int
    change: str
    held_until: int
    actor: str | None = None
    address: str | None = None
    client: str | None = None
    reason: str | None = None
    rules: Rules = field(default_factory=Rules)


@dataclass(frozen=True, slots=True)
class Moved:
    """One move as history keeps it, with the repository it was made in."""

    repository: RepositoryName
    seq: int
    move: Move
    held: bool  # is the displaced value still held, so that it can come back?


@dataclass(frozen=True, slots=True)
class Change:
    """All moves made by one request or run: the unit of undo. A list of changes holds the first moves of each."""

    id: str
    run: str | None
    at: int
    kind: ChangeKind
    actor: str | None
    address: str | None
    client: str | None
    reason: str | None
    undoes: str | None
    held_until: int
    moves: tuple[Moved, ...]
    moves_total: int


@dataclass(frozen=True, slots=True)
class PastValue:
    """One value a reference had: since which move, and by whom."""

    reference: Reference
    seq: int
    at: int
    old: Digest | None
    new: Digest | None
    change: str
    kind: ChangeKind
    actor: str | None
    address: str | None
    client: str | None
    reason: str | None
    held_until: int
    new_present: bool  # does the repository still have the manifest `new`?
    old_present: bool  # does it still have what is needed to take the move back?
    stands: bool  # is it the reference's last move?
    undone_by: str | None  # the change of the next move, where that put the reference back to `old`


@dataclass(frozen=True, slots=True)
class TagEntry:
    """A tag as a list for people shows it. `size` counts each blob of the image once."""

    tag: Tag | None  # None: an untagged manifest
    digest: Digest
    media_type: str
    artifact_type: str | None
    size: int
    pushed_at: int


@dataclass(frozen=True, slots=True)
class RepositoryEntry:
    """A repository as a list for people shows it."""

    name: RepositoryName
    tags: int
    manifests: int
    size: int
    pushed_at: int | None


@dataclass(frozen=True, slots=True)
class Doomed:
    """Bytes that no longer belong to anything and wait for the reaper."""

    key: str
    digest: Digest | None
    size: int
    reason: ReapReason
    condemned_at: int
    delete_after: int
    was_live: bool
    reaped_at: int | None  # since when the bytes are confirmed absent


@dataclass(frozen=True, slots=True)
class Pruned:
    """What one step let go of: how many held values, how many manifests nothing held after that, and of how many rows.

    `is_whole`: it was all that a change held.
    """

    let_go: int
    swept: int
    rows: int
    is_whole: bool


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What one step of forgetting took: how many changes, and of how many rows."""

    changes: int
    rows: int
