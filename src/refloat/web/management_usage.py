"""What the management API shows about space. Sizes are bytes. Each read runs in a thread, and may take long."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from starlette.requests import Request

from refloat.core.names import RepositoryName, Tag
from refloat.core.prices import UsageClass
from refloat.usecases.usage import usage
from refloat.web import management_requests as asked
from refloat.web.management_desk import Desk
from refloat.web.management_queries import Page, Query
from refloat.web.management_shapes import Answer, Row
from refloat.web.spelling import AskedRepository, Count, DigestText, RepositoryText, TagText

PAGE = 1000  # repositories read at once
T = TypeVar("T")
_adding = ThreadPoolExecutor(1, thread_name_prefix="usage")


class LayersQuery(Page, frozen=True, kw_only=True):
    """Of which repository."""

    repository: AskedRepository | None = None


class DatabaseUsage(Row, frozen=True, kw_only=True):
    """What the database takes beside the blobs: its file, its log, and what of the file is free pages.

    `shrinks`: free pages go back to the disk while the server runs; otherwise `refloat compact` gives them back.
    """

    size: Count
    log: Count
    free: Count
    shrinks: bool


class Usage(Answer, frozen=True, kw_only=True, tag="refloat.usage/1"):
    """The bytes of all files of blobs, by class and in all, and those of the database."""

    classes: Mapping[UsageClass, Count]
    total: Count
    database: DatabaseUsage


class RepositorySize(Row, frozen=True, kw_only=True):
    """The bytes of a repository: live, of those what no other uses, and what only its trash does."""

    name: RepositoryText
    live: Count
    alone: Count
    trash: Count


class RepositorySizes(Answer, frozen=True, kw_only=True, tag="refloat.repository-sizes/1"):
    """The repositories that take most."""

    repositories: Sequence[RepositorySize]


class TagSize(Row, frozen=True, kw_only=True):
    """The bytes below a tag, and those of them that nothing else live uses."""

    tag: TagText
    size: Count
    alone: Count


class TagSizes(Answer, frozen=True, kw_only=True, tag="refloat.tag-sizes/1"):
    """The tags of a repository that take most."""

    repository: RepositoryText
    tags: Sequence[TagSize]


class Layer(Row, frozen=True, kw_only=True):
    """A blob, how many manifests use it, and in how many repositories."""

    digest: DigestText
    size: Count
    manifests: Count
    repositories: Count


class Layers(Answer, frozen=True, kw_only=True, tag="refloat.layers/1"):
    """The largest blobs."""

    layers: Sequence[Layer]


async def get_usage(desk: Desk, request: Request, query: Query) -> Usage:
    """Answer what all files of blobs take, by class; it looks at every file."""

    def read() -> Usage:
        classes = usage(desk.listing, desk.services.shelf)
        space = desk.listing.database_space()
        database = DatabaseUsage(size=space.size, log=space.log, free=space.free, shrinks=space.shrinks)
        return Usage(classes=classes, total=sum(classes.values()), database=database)

    return await _apart(read)


async def get_repository_sizes(desk: Desk, request: Request, query: Page) -> RepositorySizes:
    """Answer the repositories that take most."""

    def read() -> RepositorySizes:
        rows = ((name, *desk.listing.repository_sizes(name)) for name in _repositories(desk))
        found = _largest(rows, lambda row: row[1] + row[3], query.n)
        return RepositorySizes(
            repositories=[
                RepositorySize(name=name, live=live, alone=alone, trash=trash) for name, live, alone, trash in found
            ]
        )

    return await _apart(read)


async def get_tag_sizes(desk: Desk, request: Request, query: Page) -> TagSizes:
    """Answer the tags of a repository that take most."""
    repository = desk.name(request.path_params["name"])

    def read() -> TagSizes:
        asked.refuse_missing(desk.read, repository)
        tags = map(Tag, desk.read.tags(repository, "", None))
        rows = ((tag, *desk.listing.tag_sizes(repository, tag)) for tag in tags)
        found = _largest(rows, lambda row: row[1], query.n)
        sizes = [TagSize(tag=tag, size=size, alone=alone) for tag, size, alone in found]
        return TagSizes(repository=repository, tags=sizes)

    return await _apart(read)


async def get_layers(desk: Desk, request: Request, query: LayersQuery) -> Layers:
    """Answer the largest blobs, of one repository or of all."""
    repository = desk.name_or_none(query.repository)

    def read() -> Layers:
        if repository is not None:
            asked.refuse_missing(desk.read, repository)
        found = desk.listing.largest_blobs(repository, query.n)
        return Layers(
            layers=[
                Layer(digest=digest, size=size, manifests=manifests, repositories=repositories)
                for digest, size, manifests, repositories in found
            ]
        )

    return await _apart(read)


async def _apart(read: Callable[[], T]) -> T:
    """Add up one thing at a time, on a thread nothing else waits for: those who pushed decide how long it takes."""
    return await asyncio.get_running_loop().run_in_executor(_adding, read)


def _repositories(desk: Desk) -> Iterable[RepositoryName]:
    last = ""
    while names := desk.listing.known_repositories(last, PAGE):
        yield from names
        last = names[-1]


def _largest(rows: Iterable[T], size: Callable[[T], int], most: int) -> Sequence[T]:
    return sorted((row for row in rows if size(row)), key=size, reverse=True)[:most]
