"""The shapes of what the management API answers: the fields of each schema, in the order they are written.

Within a schema's number fields are added, never taken away or given another meaning. docs/api.md says what they mean.
"""

from collections.abc import Mapping, Sequence

import msgspec

from refloat.core.kinds import ChangeKind
from refloat.core.undo import Hindrance
from refloat.usecases.inspect import State
from refloat.web.spelling import ChangeText, Count, DigestText, Instant, ReferenceText, RepositoryText, TagText


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A part of an answer."""


class Answer(msgspec.Struct, frozen=True, kw_only=True, tag_field="schema"):
    """What one address answers. Its tag is the name of its schema, and the first field."""


class Server(Answer, frozen=True, kw_only=True, tag="refloat.server/1"):
    """What this server is, and how long it keeps things."""

    refloat: str
    window_seconds: Count
    lease_seconds: Count
    graveyard_seconds: Count
    deletions: bool


class Move(Row, frozen=True, kw_only=True):
    """One reference from one value to another; `null` is not there."""

    repository: RepositoryText
    reference: ReferenceText
    old: DigestText | None
    new: DigestText | None


class PastMove(Move, frozen=True, kw_only=True):
    """A move of a change. `held`: history still holds the displaced value."""

    held: bool


class Forecast(Row, frozen=True, kw_only=True, rename={"since": "from"}):
    """What becomes of the bytes that a change displaced."""

    frees: Count
    since: Instant
    by: Instant
    later: Count
    stays: Count


class Change(Answer, frozen=True, kw_only=True, tag="refloat.change/1"):
    """All moves made by one request, with the first hundred of them."""

    id: ChangeText
    run: str | None
    at: Instant
    kind: ChangeKind
    actor: str | None
    address: str | None
    client: str | None
    reason: str | None
    undoes: ChangeText | None
    undone_by: ChangeText | None
    undoable: bool
    standing: bool
    moved_since: bool
    held_until: Instant
    forecast: Forecast | None
    moves: Sequence[PastMove]
    moves_total: Count


class Changes(Answer, frozen=True, kw_only=True, tag="refloat.changes/1"):
    """A page of changes."""

    changes: Sequence[Change]
    next: ChangeText | None


class Trash(Changes, frozen=True, kw_only=True, tag="refloat.trash/1"):
    """A page of the changes that can be brought back."""


class Moves(Answer, frozen=True, kw_only=True, tag="refloat.moves/1"):
    """A page of a change's moves."""

    change: ChangeText
    moves: Sequence[PastMove]
    next: str | None


class Repository(Row, frozen=True, kw_only=True):
    """A repository. `size` counts each blob once."""

    name: RepositoryText
    tags: Count
    manifests: Count
    size: Count
    pushed_at: Instant | None


class Repositories(Answer, frozen=True, kw_only=True, tag="refloat.repositories/1"):
    """A page of repositories."""

    repositories: Sequence[Repository]
    next: RepositoryText | None


class ImageEntry(Row, frozen=True, kw_only=True):
    """An image. `follows` is the digest that its tag attaches something to."""

    tag: TagText | None
    digest: DigestText
    media_type: str
    artifact_type: str | None
    platforms: Sequence[str]
    size: Count
    pushed_at: Instant
    follows: DigestText | None


class Images(Answer, frozen=True, kw_only=True, tag="refloat.images/1"):
    """A page of the images of a repository."""

    repository: RepositoryText
    images: Sequence[ImageEntry]
    next: ReferenceText | None


class Part(Row, frozen=True, kw_only=True):
    """Something an image needs. `present` is false where the repository does not have it."""

    digest: DigestText
    media_type: str | None
    size: Count | None
    platform: str | None
    present: bool


class Referrer(Row, frozen=True, kw_only=True):
    """A manifest whose subject is the image."""

    digest: DigestText
    media_type: str
    artifact_type: str | None
    body_size: Count
    pushed_at: Instant


class Image(Answer, frozen=True, kw_only=True, tag="refloat.image/1"):
    """One image whole. `since`, `change` and `by` are of the move that made the reference point here."""

    repository: RepositoryText
    reference: ReferenceText
    digest: DigestText
    media_type: str
    body_size: Count
    size: Count
    platforms: Sequence[str]
    annotations: Mapping[str, str]
    config: Part | None
    layers: Sequence[Part]
    children: Sequence[Part]
    other: Sequence[Part]
    tags: Sequence[TagText]
    referrers: Sequence[Referrer]
    since: Instant | None
    change: ChangeText | None
    by: str | None


class PastValue(Row, frozen=True, kw_only=True):
    """A move of one reference. `state` is what became of `new`."""

    reference: ReferenceText
    number: Count
    at: Instant
    old: DigestText | None
    new: DigestText | None
    state: State | None
    change: ChangeText
    kind: ChangeKind
    actor: str | None
    address: str | None
    client: str | None
    reason: str | None
    undone_by: ChangeText | None
    undoable: bool
    standing: bool
    held_until: Instant


class History(Answer, frozen=True, kw_only=True, tag="refloat.history/1"):
    """A page of moves of one reference, or of every tag of a repository, newest first."""

    repository: RepositoryText
    history: Sequence[PastValue]
    next: Count | None


class Named(Row, frozen=True, kw_only=True):
    """A reference of a repository."""

    repository: RepositoryText
    reference: ReferenceText


class Skipped(Named, frozen=True, kw_only=True):
    """A reference that an undo passed over, and why."""

    now: DigestText | None
    wanted: DigestText | None
    why: Hindrance


class Left(Row, frozen=True, kw_only=True):
    """A manifest that would have gone, and is needed by something live."""

    repository: RepositoryText
    digest: DigestText


class Kinds(Row, frozen=True, kw_only=True):
    """How many references, by what they are."""

    tags: Count
    manifests: Count


class Counts(Row, frozen=True, kw_only=True):
    """How many references of a repository came, went, and moved from one value to another."""

    repository: RepositoryText
    came: Kinds
    went: Kinds
    moved: Count


class Removed(Answer, frozen=True, kw_only=True, tag="refloat.removed/1"):
    """What a removal moved. Each list has its first hundred entries.

    `following` are tags that went though nobody asked for them by name.
    """

    dry_run: bool
    held_until: Instant
    change: ChangeText | None
    forecast: Forecast | None
    images: Sequence[Named]
    images_total: Count
    whole: Sequence[RepositoryText]
    repositories: Sequence[Counts]
    repositories_total: Count
    moves: Sequence[Move]
    moves_total: Count
    left: Sequence[Left]
    left_total: Count
    following: Sequence[Named]
    following_total: Count


class Undone(Answer, frozen=True, kw_only=True, tag="refloat.undone/1"):
    """What an undo or a restore moved. Each list has its first hundred entries.

    `following` are tags that went though the change that is taken back did not move them.
    """

    dry_run: bool
    held_until: Instant
    change: ChangeText | None
    undoes: ChangeText | None
    repositories: Sequence[Counts]
    repositories_total: Count
    moves: Sequence[Move]
    moves_total: Count
    satisfied: Sequence[Named]
    satisfied_total: Count
    skipped: Sequence[Skipped]
    skipped_total: Count
    left: Sequence[Left]
    left_total: Count
    following: Sequence[Named]
    following_total: Count


class Waiting(Row, frozen=True, kw_only=True):
    """All that is condemned and still there, and by when it is gone at the latest."""

    blobs: Count
    size: Count
    by: Instant | None


class Condemned(Row, frozen=True, kw_only=True):
    """A blob that is condemned and still there, until when, and why."""

    digest: DigestText | None
    size: Count
    until: Instant
    reason: str


class Round(Answer, frozen=True, kw_only=True, tag="refloat.round/1"):
    """A round of the collector; every count is of this round."""

    dry_run: bool
    number: Count
    clock: Instant
    behind_seconds: Count
    pruned: Count
    let_go: Count
    swept: Count
    expired_uploads: Count
    condemned: Count
    reaped: Count
    reaped_bytes: Count
    forgotten: Count
    waiting: Waiting
    held: Sequence[Condemned]
