"""What the management API shows. Each read runs in a thread, on a connection of its own."""

import asyncio

from starlette.requests import Request
from starlette.responses import Response

from refloat import __version__
from refloat.core.errors import RequestInvalid
from refloat.core.records import Change
from refloat.usecases.inspect import images, show, state_of
from refloat.usecases.pull import resolve
from refloat.web import management_answers as answers
from refloat.web import management_requests as asked
from refloat.web.management_answers import Json, Schemas
from refloat.web.management_desk import SECOND, Desk, answer


async def get_server(desk: Desk, request: Request) -> Response:
    """Answer what this server is, and how long it keeps things."""
    asked.refuse_unknown(request.query_params)
    settings = desk.services.settings
    return answer(
        {
            "schema": Schemas.SERVER,
            "refloat": __version__,
            "window_seconds": settings.window // SECOND,
            "lease_seconds": settings.lease // SECOND,
            "graveyard_seconds": settings.graveyard // SECOND,
            "deletions": settings.delete_enabled,
        }
    )


async def get_changes(desk: Desk, request: Request) -> Response:
    """Answer a page of changes: newest first, or with `after` oldest first what was committed after one."""
    query = request.query_params
    asked.refuse_unknown(query, "repository", "by", "since", "kind", "before", "after", "n")
    if "before" in query and "after" in query:
        raise RequestInvalid("before and after are not said together")
    limit, narrowing = asked.page_size(query), asked.narrowing(query)
    repository = desk.name(query["repository"]) if "repository" in query else None

    def read() -> Json:
        if "after" in query:
            found = desk.listing.changes_after(repository, query["after"], limit, narrowing)
        else:
            found = desk.listing.changes(repository, query.get("before"), limit, narrowing)
        return answers.changes_document(Schemas.CHANGES, found, limit, _describe(desk), {})

    return answer(await asyncio.to_thread(read))


async def get_trash(desk: Desk, request: Request) -> Response:
    """Answer a page of the changes that can be brought back, newest first."""
    query = request.query_params
    asked.refuse_unknown(query, "repository", "before", "n")
    limit, before = asked.page_size(query), query.get("before")
    repository = desk.name(query["repository"]) if "repository" in query else None

    def read() -> Json:
        found = desk.listing.trash(repository, before, limit)
        forecasts = {change.id: desk.price(change) for change in found}
        return answers.changes_document(Schemas.TRASH, found, limit, _describe(desk), forecasts)

    return answer(await asyncio.to_thread(read))


async def get_change(desk: Desk, request: Request) -> Response:
    """Answer one change with the first of its moves."""
    asked.refuse_unknown(request.query_params)
    prefix = asked.change_prefix(request.path_params["id"])

    def read() -> Json:
        change = desk.listing.change(prefix)
        return answers.change_document(change, _describe(desk), desk.price(change))

    return answer(await asyncio.to_thread(read))


async def get_moves(desk: Desk, request: Request) -> Response:
    """Answer a page of a change's moves."""
    query = request.query_params
    asked.refuse_unknown(query, "after", "n")
    limit, after = asked.page_size(query), asked.moved_place(query.get("after"))
    prefix = asked.change_prefix(request.path_params["id"])

    def read() -> Json:
        change = desk.listing.change(prefix).id
        return answers.moves_document(change, desk.listing.moves(change, after, limit), limit)

    return answer(await asyncio.to_thread(read))


async def get_repositories(desk: Desk, request: Request) -> Response:
    """Answer a page of repositories, byte-wise."""
    query = request.query_params
    asked.refuse_unknown(query, "last", "n")
    limit, last = asked.page_size(query), query.get("last", "")

    def read() -> Json:
        return answers.repositories_document(desk.listing.repositories(last, limit), limit)

    return answer(await asyncio.to_thread(read))


async def get_images(desk: Desk, request: Request) -> Response:
    """Answer a page of the images of a repository, tagged or untagged."""
    query = request.query_params
    asked.refuse_unknown(query, "which", "last", "n")
    repository, limit = desk.name(request.path_params["name"]), asked.page_size(query)
    which = asked.which_images(query)

    def read() -> Json:
        found = images(desk.stores(), repository, which, query.get("last", ""), limit)
        return answers.images_document(repository, found, limit)

    return answer(await asyncio.to_thread(read))


async def get_image(desk: Desk, request: Request) -> Response:
    """Answer one image whole."""
    query = request.query_params
    asked.refuse_unknown(query, "reference")
    repository = desk.name(request.path_params["name"])
    if "reference" not in query:
        raise RequestInvalid("reference is missing: a tag or a digest")

    def read() -> Json:
        reference = desk.reference(repository, query["reference"])
        resolve(desk.read, repository, reference)  # says who deleted it, where it was
        return answers.image_document(show(desk.stores(), repository, reference))

    return answer(await asyncio.to_thread(read))


async def get_history(desk: Desk, request: Request) -> Response:
    """Answer a page of the moves of one reference, or of all tags of a repository, newest first."""
    query = request.query_params
    asked.refuse_unknown(query, "reference", "since", "before", "n")
    repository, limit = desk.name(request.path_params["name"]), asked.page_size(query)
    before, since = asked.move_number(query.get("before")), asked.instant(query.get("since")) or 0

    def read() -> Json:
        asked.refuse_missing(desk.read, repository)
        reference = desk.reference(repository, query["reference"]) if "reference" in query else None
        past = desk.listing.history(repository, reference, before, limit, since)
        told = [(entry, state_of(desk.read, repository, entry)) for entry in past]
        return answers.history_document(repository, told, limit)

    return answer(await asyncio.to_thread(read))


def _describe(desk: Desk) -> answers.Describe:
    def describe(change: Change) -> tuple[str | None, bool]:
        return desk.listing.undone_by(change.id), desk.listing.is_undoable(change.id)

    return describe
