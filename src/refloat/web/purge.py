"""Purge over the management API. Each of its addresses asks for the admin token."""

import asyncio
from collections.abc import Sequence
from typing import Annotated, Literal

from msgspec import Meta
from starlette.requests import Request

from refloat.core.names import Digest, RepositoryName
from refloat.core.receipts import Lifted, Note
from refloat.usecases.purge import Part, PurgeRequest, Scope, Whole
from refloat.web import management_requests as asked
from refloat.web.instants import rfc3339
from refloat.web.management_answers import move_document
from refloat.web.management_desk import Desk
from refloat.web.management_queries import Page
from refloat.web.management_shapes import Answer, Move, Row
from refloat.web.spelling import (
    LARGEST_NUMBER,
    AskedDigest,
    ChangeText,
    Count,
    DigestText,
    Instant,
    Reason,
    RepositoryText,
    TagText,
)

BEYOND = (
    "downloads that are under way or done",
    "copies outside of this data directory: backups of it, exports, other registries",
    "blocks of the disk that the filesystem has taken back and not written over yet",
)
"""What no purge reaches, as its receipt says."""


class PurgesQuery(Page, frozen=True, kw_only=True):
    """Before which note."""

    before: Annotated[int, Meta(ge=0, le=LARGEST_NUMBER, description="what the page before gave as next")] | None = None


class PurgeBody(asked.Doing, frozen=True, kw_only=True):
    """`image` is `REPO:TAG` or `REPO@DIGEST`; `seen` the `plan` of the dry run that was looked at."""

    image: Annotated[str, Meta(min_length=1, max_length=500)]
    scope: Scope = "repository"
    block: bool = True
    seen: Annotated[str, Meta(max_length=64)] | None = None


class UnblockBody(asked.Body, frozen=True, kw_only=True):
    """Which digest is let in again, and why."""

    digest: AskedDigest
    reason: Reason | None = None


class PurgedPart(Row, frozen=True, kw_only=True):
    """What one repository loses, and in `left` what something live still needs."""

    repository: RepositoryText
    manifests: Sequence[DigestText]
    moves: Sequence[Move]
    past: Sequence[TagText]
    left: Sequence[DigestText]


class Purged(Answer, frozen=True, kw_only=True, tag="refloat.purge/1"):
    """What was ended for good, or would be."""

    dry_run: bool
    plan: str
    id: str | None
    change: ChangeText | None
    image: str
    digest: DigestText
    names: Sequence[DigestText]
    repositories: Sequence[PurgedPart]
    blobs: Sequence[DigestText]
    size: Count
    shared: Sequence[DigestText]
    blocked: Sequence[DigestText]
    beyond: Sequence[str]


class Unblocked(Answer, frozen=True, kw_only=True, tag="refloat.unblocked/1"):
    """The note that the blocks of a purge were lifted."""

    kind: Literal["unblock"]
    id: str
    at: Instant
    address: str | None
    client: str | None
    reason: str | None
    purge: str
    digests: Sequence[DigestText]


class Noted(Row, frozen=True, kw_only=True, tag_field="kind"):
    """What the notes of purges and of unblocks have in common."""

    id: str
    at: Instant
    address: str | None
    client: str | None
    reason: str | None


class PurgeNote(Noted, frozen=True, kw_only=True, tag="purge"):
    """What was purged, and in `blocks` what of it is blocked now."""

    image: str
    digest: DigestText
    names: Sequence[DigestText]
    repositories: Sequence[RepositoryText]
    manifests: Sequence[DigestText]
    blobs: Sequence[DigestText]
    size: Count
    blocked: Sequence[DigestText]
    blocks: Sequence[DigestText]


class UnblockNote(Noted, frozen=True, kw_only=True, tag="unblock"):
    """Whose blocks were lifted."""

    purge: str
    digests: Sequence[DigestText]
    blocks: Sequence[DigestText]


class Purges(Answer, frozen=True, kw_only=True, tag="refloat.purges/1"):
    """A page of notes, newest first."""

    purges: Sequence[PurgeNote | UnblockNote]
    next: Count | None


async def post_purge(desk: Desk, request: Request, body: PurgeBody) -> Purged:
    """End an image or a blob for good, or say what that would end."""
    cause = desk.cause(request, body.reason)
    wanted = await asyncio.to_thread(_request, desk, body)
    purger = desk.services.purger
    whole = await asyncio.to_thread(purger.plan if body.dry_run else purger.purge, wanted, cause)
    return _document(whole, dry_run=body.dry_run)


def _request(desk: Desk, body: PurgeBody) -> PurgeRequest:
    name, at, reference = body.image.partition("@")
    if not at:
        name, _, reference = body.image.partition(":")
    repository = desk.name(name)
    names = desk.services.purger.names(repository, desk.reference(repository, reference))
    return PurgeRequest(body.image, repository, names, body.scope, "block" if body.block else "allow", body.seen)


async def post_unblock(desk: Desk, request: Request, body: UnblockBody) -> Unblocked:
    """Lift the blocks of the purge that blocks a digest."""
    digest, cause = Digest.parse(body.digest), desk.cause(request, body.reason)
    lifted = await asyncio.to_thread(desk.services.purger.unblock, digest, cause)
    return Unblocked(
        kind="unblock",
        id=lifted.id,
        at=rfc3339(lifted.at),
        address=lifted.address,
        client=lifted.client,
        reason=lifted.reason,
        purge=lifted.purge,
        digests=lifted.digests,
    )


async def get_purges(desk: Desk, request: Request, query: PurgesQuery) -> Purges:
    """List what was purged and unblocked, newest first."""
    notes = await asyncio.to_thread(desk.services.purger.notes, query.before, query.n)
    return Purges(
        purges=[_note(note, blocks) for _, note, blocks in notes],
        next=notes[-1][0] if len(notes) == query.n else None,
    )


def _document(whole: Whole, *, dry_run: bool) -> Purged:
    receipt = whole.receipt
    return Purged(
        dry_run=dry_run,
        plan=whole.mark,
        id=None if dry_run else receipt.id,
        change=None if dry_run else whole.change,
        image=receipt.image,
        digest=receipt.digest,
        names=receipt.names,
        repositories=[_part(name, part) for name, part in whole.parts.items()],
        blobs=receipt.blobs,
        size=receipt.size,
        shared=whole.shared,
        blocked=receipt.blocked,
        beyond=BEYOND,
    )


def _part(repository: RepositoryName, part: Part) -> PurgedPart:
    return PurgedPart(
        repository=repository,
        manifests=part.manifests,
        moves=[move_document(repository, move) for move in part.moves],
        past=part.past,
        left=part.left,
    )


def _note(note: Note, blocks: Sequence[Digest]) -> PurgeNote | UnblockNote:
    if isinstance(note, Lifted):
        return UnblockNote(
            id=note.id,
            at=rfc3339(note.at),
            address=note.address,
            client=note.client,
            reason=note.reason,
            purge=note.purge,
            digests=note.digests,
            blocks=blocks,
        )
    return PurgeNote(
        id=note.id,
        at=rfc3339(note.at),
        address=note.address,
        client=note.client,
        reason=note.reason,
        image=note.image,
        digest=note.digest,
        names=note.names,
        repositories=note.repositories,
        manifests=note.manifests,
        blobs=note.blobs,
        size=note.size,
        blocked=note.blocked,
        blocks=blocks,
    )
