"""What the management API changes: each request is one change, or only the plan of it."""

import asyncio
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from starlette.requests import Request

from refloat.core.errors import ChangeGone, CollectionStopped, ManifestUnknown, RequestInvalid, Unavailable
from refloat.core.names import Reference, RepositoryName, Tag
from refloat.core.patterns import ImagePattern, RepositoryPattern, is_pattern
from refloat.core.prices import Forecast
from refloat.core.records import Cause, Change
from refloat.ports import Listing, Transaction
from refloat.usecases.price import price
from refloat.usecases.pull import resolve
from refloat.usecases.remove import Asked, Removed, Selection, Wanted, choose, remove
from refloat.usecases.undo import RestoreRequest, UndoRequest, restore, undo
from refloat.web import management_answers as answers
from refloat.web import management_outcomes as outcomes
from refloat.web import management_requests as asked
from refloat.web import management_shapes as shapes
from refloat.web.instants import instant
from refloat.web.management_desk import SECOND, Desk

SWITCH_INTERVAL = 0.0001
"""Seconds that patterns are compared before a thread that waits goes on. Each statement of a transaction waits anew: at
Python's own 0.005 the three thousand of a removal take fifteen seconds longer beside it."""
_choosing = ThreadPoolExecutor(1, thread_name_prefix="choose")  # one at a time: it is work for the processor alone


async def post_undo(desk: Desk, request: Request, body: asked.UndoBody) -> shapes.Undone:
    """Take a change back."""
    prefix = asked.change_prefix(request.path_params["id"])
    change = await asyncio.to_thread(lambda: desk.listing.change(prefix))
    cause = desk.cause(request, body.reason)
    wanted = UndoRequest(change.id, body.on_conflict, _tag(body.name), body.reference)
    try:
        undone = await desk.run(body, lambda tx: undo(tx, wanted, cause))
    except ChangeGone as gone:
        known = gone.detail if isinstance(gone.detail, dict) else {}
        gone.detail = {**known, "change": change.id, "held_until": change.held_until}
        raise
    return outcomes.undone_document(undone, _moved_by(change), _terms(body, cause))


def _moved_by(change: Change) -> Wanted:
    moved: dict[RepositoryName, list[Reference]] = {}
    for entry in change.moves:
        moved.setdefault(entry.repository, []).append(entry.move.reference)
    return moved


async def post_remove(desk: Desk, request: Request, body: asked.RemoveBody) -> shapes.Removed:
    """Move images to the trash."""
    cause = desk.cause(request, body.reason)
    selection = await _selected(desk, await asyncio.to_thread(_asked, desk, body, cause))

    def planned(tx: Transaction) -> tuple[Removed, Forecast | None]:
        done = remove(tx, selection, cause, body.scope)
        return done, _priced(desk, tx.listing, done, cause) if body.dry_run else None

    try:
        removed, forecast = await desk.run(body, planned)
    except ManifestUnknown:
        for repository, references in selection.named.items():
            for reference in references:  # says who deleted it, and until when it can come back
                resolve(desk.read, repository, reference)
        raise
    if not body.dry_run:  # nobody's push waits for it
        forecast = await asyncio.to_thread(lambda: _priced(desk, desk.listing, removed, cause))
    return outcomes.removed_document(removed, forecast, _terms(body, cause))


def _priced(desk: Desk, listing: Listing, removed: Removed, cause: Cause) -> Forecast | None:
    if removed.change is None:
        return None
    return price(listing, removed.change, cause.held_until, desk.services.settings.departure)


async def _selected(desk: Desk, wanted: Asked) -> Selection:
    """Find what patterns mean. What others read and write does not wait for it, nor for the next that compares much."""
    if not wanted.has_patterns:
        return Selection(wanted.named)
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(_choosing, _chosen, desk, wanted)


def _chosen(desk: Desk, wanted: Asked) -> Selection:
    """Compare patterns, and let every other thread of this process go on meanwhile."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_INTERVAL)
    try:
        return choose(desk.read, desk.listing, wanted)
    finally:
        sys.setswitchinterval(usual)


def _asked(desk: Desk, body: asked.RemoveBody, cause: Cause) -> Asked:
    """Read what a removal names. Raises NameInvalid, ManifestUnknown, RequestInvalid."""
    named = [text for text in body.images if not is_pattern(text)]
    if not body.images and not body.untagged and not body.repositories:
        raise RequestInvalid("say what to remove: images, untagged or repositories")
    if body.older_than_seconds is not None and (named or body.repositories):
        raise RequestInvalid("older_than_seconds narrows patterns and untagged; it cannot go with what is named")
    return Asked(
        named=_wanted(desk, named),
        images=[ImagePattern.parse(text) for text in body.images if is_pattern(text)],
        untagged=[_repositories(desk, text) for text in body.untagged],
        repositories=[_repositories(desk, text) for text in body.repositories],
        quiet_since=None if body.older_than_seconds is None else cause.at - body.older_than_seconds * SECOND,
    )


def _repositories(desk: Desk, text: str) -> RepositoryPattern:
    """Read a repository, which has to be there, or a pattern. Raises NameInvalid, NameUnknown."""
    pattern = RepositoryPattern.parse(text)
    if pattern.one_repository is not None:
        asked.refuse_missing(desk.read, desk.name(text))
    return pattern


def _wanted(desk: Desk, images: Sequence[str]) -> Wanted:
    """Read `REPO:TAG` and `REPO@DIGEST`, whose digest may be shortened. Raises NameInvalid, ManifestUnknown."""
    wanted: dict[RepositoryName, list[Reference]] = {}
    for text in images:
        name, at, reference = text.partition("@")
        if not at:
            name, _, reference = text.partition(":")
        repository = desk.name(name)
        wanted.setdefault(repository, []).append(desk.reference(repository, reference))
    return wanted


async def post_restore(desk: Desk, request: Request, body: asked.RestoreBody) -> shapes.Undone:
    """Give a reference a value it had."""
    repository, at = desk.name(request.path_params["name"]), instant(body.at)
    if at is not None and body.revision is not None:
        raise RequestInvalid("say one past: revision or at")
    reference = await asyncio.to_thread(_reference, desk, repository, body.reference)
    wanted = RestoreRequest(repository, reference, body.revision, at, _tag(body.name), body.on_conflict)
    cause = desk.cause(request, body.reason)
    undone = await desk.run(body, lambda tx: restore(tx, wanted, cause))
    return outcomes.undone_document(undone, {repository: [reference]}, _terms(body, cause))


def _reference(desk: Desk, repository: RepositoryName, text: str) -> Reference:
    asked.refuse_missing(desk.read, repository)
    return desk.reference(repository, text)


async def post_collect(desk: Desk, request: Request, body: asked.CollectBody) -> shapes.Round:
    """Run a round of the collector, or plan one."""
    collector = desk.services.collector
    try:
        done = await asyncio.to_thread(collector.plan if body.dry_run else collector.collect_now)
    except TimeoutError:
        raise Unavailable("another round is running; ask again when it is done") from None
    if done.stopped is not None:
        raise CollectionStopped(done.stopped)
    return answers.round_document(done, desk.services.settings.departure, dry_run=body.dry_run)


def _tag(name: str | None) -> Tag | None:
    return Tag.parse(name) if name is not None else None


def _terms(body: asked.Doing, cause: Cause) -> outcomes.Terms:
    return outcomes.Terms(body.dry_run, cause.held_until)
