"""What the management API shows. Each read runs in a thread, on a connection of its own."""

import asyncio

from starlette.requests import Request

from refloat import __version__
from refloat.core.errors import RequestInvalid
from refloat.core.records import Change
from refloat.usecases.inspect import images, show, state_of
from refloat.usecases.price import price_all
from refloat.usecases.pull import resolve
from refloat.web import management_answers as answers
from refloat.web import management_queries as queries
from refloat.web import management_requests as asked
from refloat.web import management_shapes as shapes
from refloat.web.instants import instant
from refloat.web.management_desk import SECOND, Desk


async def get_server(desk: Desk, request: Request, query: queries.Query) -> shapes.Server:
    """Answer what this server is, and how long it keeps things."""
    settings = desk.services.settings
    return shapes.Server(
        refloat=__version__,
        window_seconds=settings.window // SECOND,
        lease_seconds=settings.lease // SECOND,
        graveyard_seconds=settings.graveyard // SECOND,
        deletions=settings.delete_enabled,
    )


async def get_changes(desk: Desk, request: Request, query: queries.ChangesQuery) -> shapes.Changes:
    """Answer a page of changes: newest first, or with `after` oldest first what was committed after one."""
    if query.before is not None and query.after is not None:
        raise RequestInvalid("before and after are not said together")
    narrowing, repository = asked.narrowing(query), desk.name_or_none(query.repository)

    def read() -> shapes.Changes:
        if query.after is not None:
            found = desk.listing.changes_after(repository, query.after, query.n, narrowing)
        else:
            found = desk.listing.changes(repository, query.before, query.n, narrowing)
        return answers.changes_document(shapes.Changes, found, query.n, _describe(desk), {})

    return await asyncio.to_thread(read)


async def get_trash(desk: Desk, request: Request, query: queries.TrashQuery) -> shapes.Trash:
    """Answer a page of the changes that can be brought back, newest first."""
    repository = desk.name_or_none(query.repository)

    def read() -> shapes.Trash:
        found = desk.listing.trash(repository, query.before, query.n)
        forecasts = price_all(desk.listing, found, desk.services.settings.departure)
        return answers.changes_document(shapes.Trash, found, query.n, _describe(desk), forecasts)

    return await asyncio.to_thread(read)


async def get_change(desk: Desk, request: Request, query: queries.Query) -> shapes.Change:
    """Answer one change with the first of its moves."""
    prefix = asked.change_prefix(request.path_params["id"])

    def read() -> shapes.Change:
        change = desk.listing.change(prefix)
        return answers.change_document(change, _describe(desk), desk.price(change))

    return await asyncio.to_thread(read)


async def get_moves(desk: Desk, request: Request, query: queries.MovesQuery) -> shapes.Moves:
    """Answer a page of a change's moves."""
    after = asked.moved_place(query.after)
    prefix = asked.change_prefix(request.path_params["id"])

    def read() -> shapes.Moves:
        change = desk.listing.change(prefix).id
        return answers.moves_document(change, desk.listing.moves(change, after, query.n), query.n)

    return await asyncio.to_thread(read)


async def get_repositories(desk: Desk, request: Request, query: queries.RepositoriesQuery) -> shapes.Repositories:
    """Answer a page of repositories, byte-wise."""

    def read() -> shapes.Repositories:
        return answers.repositories_document(desk.listing.repositories(query.last, query.n), query.n)

    return await asyncio.to_thread(read)


async def get_images(desk: Desk, request: Request, query: queries.ImagesQuery) -> shapes.Images:
    """Answer a page of the images of a repository, tagged or untagged."""
    repository = desk.name(request.path_params["name"])

    def read() -> shapes.Images:
        found = images(desk.stores(), repository, query.which, query.last, query.n)
        return answers.images_document(repository, found)

    return await asyncio.to_thread(read)


async def get_image(desk: Desk, request: Request, query: queries.ImageQuery) -> shapes.Image:
    """Answer one image whole."""
    repository = desk.name(request.path_params["name"])

    def read() -> shapes.Image:
        reference = desk.reference(repository, query.reference)
        resolve(desk.read, repository, reference)  # says who deleted it, where it was
        return answers.image_document(show(desk.stores(), repository, reference))

    return await asyncio.to_thread(read)


async def get_history(desk: Desk, request: Request, query: queries.HistoryQuery) -> shapes.History:
    """Answer a page of the moves of one reference, or of all tags of a repository, newest first."""
    repository, since = desk.name(request.path_params["name"]), instant(query.since) or 0

    def read() -> shapes.History:
        asked.refuse_missing(desk.read, repository)
        reference = None if query.reference is None else desk.reference(repository, query.reference)
        past = desk.listing.history(repository, reference, query.before, query.n, since)
        told = [(entry, state_of(desk.read, repository, entry)) for entry in past]
        return answers.history_document(repository, told, query.n)

    return await asyncio.to_thread(read)


def _describe(desk: Desk) -> answers.Describe:
    def describe(change: Change) -> answers.Fate:
        listing = desk.listing
        standing = listing.standing(change.id)
        return answers.Fate(
            undone_by=listing.undone_by(change.id),
            undoable=change.kind != "purge" and listing.is_undoable(change.id),
            standing=standing.stands,
            moved_since=standing.moved_on,
        )

    return describe
