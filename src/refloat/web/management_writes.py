"""What the management API changes: each request is one change, or only the plan of it."""

import asyncio

from starlette.requests import Request
from starlette.responses import Response

from refloat.core.errors import ChangeGone, CollectionStopped, ManifestUnknown, RequestInvalid, Unavailable
from refloat.core.names import Digest, Reference, Tag
from refloat.core.records import Cause, Change
from refloat.usecases.delete import remove
from refloat.usecases.pull import resolve
from refloat.usecases.undo import RestoreRequest, UndoRequest, restore, undo
from refloat.web import management_answers as answers
from refloat.web import management_requests as asked
from refloat.web.management_answers import Json
from refloat.web.management_desk import Desk, answer, changed


async def post_undo(desk: Desk, request: Request) -> Response:
    """Take a change back."""
    body = asked.decode(await desk.body(request), asked.UndoBody)
    prefix = asked.change_prefix(request.path_params["id"])
    change = await asyncio.to_thread(lambda: desk.listing.change(prefix))
    cause = desk.cause(request, body.reason)
    wanted = UndoRequest(change.id, body.on_conflict, _tag(body.name), _reference_in(change, body.reference))
    try:
        undone = await desk.run(body, lambda tx: undo(tx, wanted, cause))
    except ChangeGone as gone:
        known = gone.detail if isinstance(gone.detail, dict) else {}
        gone.detail = {**known, "change": change.id, "held_until": change.held_until}
        raise
    return changed(answers.undone_document(undone, _terms(body, cause)))


async def post_remove(desk: Desk, request: Request) -> Response:
    """Move images to the trash."""
    body = asked.decode(await desk.body(request), asked.RemoveBody)
    repository = desk.name(request.path_params["name"])
    references = await asyncio.to_thread(lambda: [desk.reference(repository, text) for text in body.references])
    cause = desk.cause(request, body.reason)
    try:
        deleted = await desk.run(body, lambda tx: remove(tx, repository, references, cause, body.scope))
    except ManifestUnknown:
        for reference in references:  # says who deleted it, and until when it can come back
            resolve(desk.read, repository, reference)
        raise
    return changed(answers.removed_document(repository, deleted, _terms(body, cause) | {"references": references}))


async def post_restore(desk: Desk, request: Request) -> Response:
    """Give a reference a value it had."""
    body = asked.decode(await desk.body(request), asked.RestoreBody)
    repository, at = desk.name(request.path_params["name"]), asked.instant(body.at)
    if at is not None and body.revision is not None:
        raise RequestInvalid("say one past: revision or at")
    reference = await asyncio.to_thread(desk.reference, repository, body.reference)
    wanted = RestoreRequest(repository, reference, body.revision, at, _tag(body.name), body.on_conflict)
    cause = desk.cause(request, body.reason)
    undone = await desk.run(body, lambda tx: restore(tx, wanted, cause))
    return changed(answers.undone_document(undone, _terms(body, cause)))


async def post_collect(desk: Desk, request: Request) -> Response:
    """Run a round of the collector, or plan one."""
    body = asked.decode(await desk.body(request), asked.CollectBody)
    collector = desk.services.collector
    try:
        done = await asyncio.to_thread(collector.plan if body.dry_run else collector.collect_now)
    except TimeoutError:
        raise Unavailable("another round is running; ask again when it is done") from None
    if done.stopped is not None:
        raise CollectionStopped(done.stopped)
    return answer(answers.round_document(done, {"dry_run": body.dry_run}))


def _tag(name: str | None) -> Tag | None:
    return Tag.parse(name) if name is not None else None


def _reference_in(change: Change, text: str | None) -> Reference | None:
    """Return the reference of a change that `text` names; a digest may be shortened."""
    if text is None:
        return None
    references = {moved.move.reference for moved in change.moves}
    found = [each for each in references if each == text or (isinstance(each, Digest) and each.startswith(text))]
    if len(found) != 1:
        raise RequestInvalid(f"change {change.id} moved {len(found)} references of this name", {"reference": text})
    return found[0]


def _terms(body: asked.Doing, cause: Cause) -> Json:
    return {"dry_run": body.dry_run, "held_until": asked.rfc3339(cause.held_until)}
