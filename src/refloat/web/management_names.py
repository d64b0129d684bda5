"""The management API's names for completing what somebody types."""

import asyncio
from collections.abc import Sequence
from typing import Annotated, Literal

from msgspec import Meta
from starlette.requests import Request

from refloat.web.management_desk import Desk
from refloat.web.management_queries import Page
from refloat.web.management_shapes import Answer

Which = Annotated[Literal["live", "deleted"], Meta(description="live or deleted")]


class NamesQuery(Page, frozen=True, kw_only=True):
    """What the names begin with, and whether they are of what is there or of what was deleted."""

    prefix: Annotated[str, Meta(description="the beginning of a repository's name, or of REPO:TAG")] = ""
    which: Which = "live"


class Names(Answer, frozen=True, kw_only=True, tag="refloat.names/1"):
    """Repositories, or tags with their repository before them."""

    names: Sequence[str]


async def get_names(desk: Desk, request: Request, query: NamesQuery) -> Names:
    """Answer repositories that begin with a prefix, or behind a colon the tags of one that do."""
    name, colon, tag = query.prefix.partition(":")
    repository, deleted = desk.name(name) if colon else None, query.which == "deleted"

    def read() -> Names:
        if repository is None:
            return Names(names=desk.listing.repositories_beginning(name, query.n, deleted=deleted))
        tags = desk.listing.tags_beginning(repository, tag, query.n, deleted=deleted)
        return Names(names=[f"{repository}:{found}" for found in tags])

    return await asyncio.to_thread(read)
