"""Purge over the management API. Each of its addresses asks for the admin token."""

import asyncio
from typing import Annotated, Literal

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from refloat.core.errors import Denied
from refloat.core.names import Digest, RepositoryName
from refloat.core.receipts import Lifted, Note
from refloat.usecases.purge import Part, PurgeRequest, Whole
from refloat.web import management_requests as asked
from refloat.web.management_answers import Json, move_document
from refloat.web.management_desk import Desk, answer, changed

HEADER = "refloat-admin-token"
BEYOND = (
    "downloads that are under way or done",
    "copies outside of this data directory: backups of it, exports, other registries",
    "blocks of the disk that the filesystem has taken back and not written over yet",
)
"""What no purge reaches, as its receipt says."""


class PurgeBody(asked.Doing, frozen=True, kw_only=True):
    """`POST purge`. `image` is `REPO:TAG` or `REPO@DIGEST`; `seen` the `plan` of the dry run that was looked at."""

    image: Annotated[str, msgspec.Meta(min_length=1, max_length=500)]
    scope: Literal["repository", "everywhere"] = "repository"
    block: bool = True
    seen: Annotated[str, msgspec.Meta(max_length=64)] | None = None


class UnblockBody(asked.Body, frozen=True, kw_only=True):
    """`POST unblock`."""

    digest: asked.ReferenceText
    reason: asked.Reason | None = None


async def post_purge(desk: Desk, request: Request) -> Response:
    """End an image or a blob for good, or say what that would end."""
    _refuse_others(desk, request)
    body = asked.decode(await desk.body(request), PurgeBody)
    cause = desk.cause(request, body.reason)
    wanted = await asyncio.to_thread(_request, desk, body)
    purger = desk.services.purger
    whole = await asyncio.to_thread(purger.plan if body.dry_run else purger.purge, wanted, cause)
    document = _document(whole, {"dry_run": body.dry_run})
    return answer(document) if body.dry_run or whole.change is None else changed(document)


def _request(desk: Desk, body: PurgeBody) -> PurgeRequest:
    name, at, reference = body.image.partition("@")
    if not at:
        name, _, reference = body.image.partition(":")
    repository = desk.name(name)
    names = desk.services.purger.names(repository, desk.reference(repository, reference))
    return PurgeRequest(body.image, repository, names, body.scope, "block" if body.block else "allow", body.seen)


async def post_unblock(desk: Desk, request: Request) -> Response:
    """Lift the blocks of the purge that blocks a digest."""
    _refuse_others(desk, request)
    body = asked.decode(await desk.body(request), UnblockBody)
    digest, cause = Digest.parse(body.digest), desk.cause(request, body.reason)
    lifted = await asyncio.to_thread(desk.services.purger.unblock, digest, cause)
    return answer({"schema": "refloat.unblocked/1", **_note(lifted)})


async def get_purges(desk: Desk, request: Request) -> Response:
    """List what was purged and unblocked, newest first."""
    _refuse_others(desk, request)
    query = request.query_params
    asked.refuse_unknown(query, "before", "n")
    limit, before = asked.page_size(query), asked.move_number(query.get("before"))
    notes = await asyncio.to_thread(desk.services.purger.notes, before, limit)
    return answer(
        {
            "schema": "refloat.purges/1",
            "purges": [{**_note(note), "blocks": blocks} for _, note, blocks in notes],
            "next": notes[-1][0] if len(notes) == limit else None,
        }
    )


def _refuse_others(desk: Desk, request: Request) -> None:
    """Behind a proxy on the same machine every caller looks local: who can read the directory is the one to ask."""
    if not desk.services.is_admin(request.headers.get(HEADER, "")):  # guard: purge-needs-the-token
        raise Denied(
            "this needs the admin token, which ROOT/refloat/admin.token on the server has",
            {"header": "Refloat-Admin-Token"},
        )


def _document(whole: Whole, terms: dict[str, bool]) -> Json:
    receipt = whole.receipt
    return {
        "schema": "refloat.purge/1",
        **terms,
        "plan": whole.mark,
        "id": None if terms["dry_run"] else receipt.id,
        "change": None if terms["dry_run"] else whole.change,
        "image": receipt.image,
        "digest": receipt.digest,
        "names": receipt.names,
        "repositories": [_part(name, part) for name, part in whole.parts.items()],
        "blobs": receipt.blobs,
        "size": receipt.size,
        "shared": whole.shared,
        "blocked": receipt.blocked,
        "beyond": BEYOND,
    }


def _part(repository: RepositoryName, part: Part) -> Json:
    return {
        "repository": repository,
        "manifests": part.manifests,
        "moves": [move_document(repository, move) for move in part.moves],
        "past": part.past,
        "left": part.left,
    }


def _note(note: Note) -> Json:
    common: Json = {
        "id": note.id,
        "at": asked.rfc3339(note.at),
        "address": note.address,
        "client": note.client,
        "reason": note.reason,
    }
    if isinstance(note, Lifted):
        return {"kind": "unblock", **common, "purge": note.purge, "digests": note.digests}
    return {
        "kind": "purge",
        **common,
        "image": note.image,
        "digest": note.digest,
        "names": note.names,
        "repositories": note.repositories,
        "manifests": note.manifests,
        "blobs": note.blobs,
        "size": note.size,
        "blocked": note.blocked,
    }
