"""What the management API shows about space. Sizes are bytes. Each read runs in a thread, and may take long."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from starlette.requests import Request
from starlette.responses import Response

from refloat.core.names import RepositoryName, Tag
from refloat.usecases.usage import usage
from refloat.web import management_requests as asked
from refloat.web.management_answers import Json, Schemas
from refloat.web.management_desk import Desk, answer

PAGE = 1000  # repositories read at once
T = TypeVar("T")


async def get_usage(desk: Desk, request: Request) -> Response:
    """Answer what all files of blobs take, by class; it looks at every file."""
    asked.refuse_unknown(request.query_params)

    def read() -> Json:
        classes = usage(desk.listing, desk.services.shelf)
        return {"schema": Schemas.USAGE, "classes": classes, "total": sum(classes.values())}

    return answer(await asyncio.to_thread(read))


async def get_repository_sizes(desk: Desk, request: Request) -> Response:
    """Answer the repositories that take most."""
    asked.refuse_unknown(request.query_params, "n")
    most = asked.page_size(request.query_params)

    def read() -> Json:
        rows = ((name, *desk.listing.repository_sizes(name)) for name in _repositories(desk))
        found = _largest(rows, lambda row: row[1] + row[3], most)
        titles = ("name", "live", "alone", "trash")
        return {
            "schema": Schemas.REPOSITORY_SIZES,
            "repositories": [dict(zip(titles, row, strict=True)) for row in found],
        }

    return answer(await asyncio.to_thread(read))


async def get_tag_sizes(desk: Desk, request: Request) -> Response:
    """Answer the tags of a repository that take most."""
    asked.refuse_unknown(request.query_params, "n")
    most, repository = asked.page_size(request.query_params), desk.name(request.path_params["name"])

    def read() -> Json:
        asked.refuse_missing(desk.read, repository)
        tags = map(Tag, desk.read.tags(repository, "", None))
        rows = ((tag, *desk.listing.tag_sizes(repository, tag)) for tag in tags)
        found = _largest(rows, lambda row: row[1], most)
        return {
            "schema": Schemas.TAG_SIZES,
            "repository": repository,
            "tags": [{"tag": tag, "size": size, "alone": alone} for tag, size, alone in found],
        }

    return answer(await asyncio.to_thread(read))


async def get_layers(desk: Desk, request: Request) -> Response:
    """Answer the largest blobs, of one repository or of all."""
    query = request.query_params
    asked.refuse_unknown(query, "repository", "n")
    most = asked.page_size(query)
    repository = desk.name(query["repository"]) if "repository" in query else None

    def read() -> Json:
        if repository is not None:
            asked.refuse_missing(desk.read, repository)
        titles = ("digest", "size", "manifests", "repositories")
        found = desk.listing.largest_blobs(repository, most)
        return {"schema": Schemas.LAYERS, "layers": [dict(zip(titles, row, strict=True)) for row in found]}

    return answer(await asyncio.to_thread(read))


def _repositories(desk: Desk) -> Iterable[RepositoryName]:
    last = ""
    while names := desk.listing.known_repositories(last, PAGE):
        yield from names
        last = names[-1]


def _largest(rows: Iterable[T], size: Callable[[T], int], most: int) -> Sequence[T]:
    return sorted((row for row in rows if size(row)), key=size, reverse=True)[:most]
