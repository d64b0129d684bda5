"""The management API's names for completing what somebody types."""

import asyncio
from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response

from refloat.core.errors import RequestInvalid
from refloat.core.names import printable
from refloat.web import management_requests as asked
from refloat.web.management_answers import Json, Schemas
from refloat.web.management_desk import Desk, answer


async def get_names(desk: Desk, request: Request) -> Response:
    """Answer repositories that begin with a prefix, or behind a colon the tags of one that do."""
    query = request.query_params
    asked.refuse_unknown(query, "prefix", "which", "n")
    limit, prefix, which = asked.page_size(query), query.get("prefix", ""), query.get("which", "live")
    if which not in ("live", "deleted"):
        raise RequestInvalid(f"which is live or deleted, not {printable(which)}")
    name, colon, tag = prefix.partition(":")
    repository = desk.name(name) if colon else None

    def read() -> Json:
        names: Sequence[str]
        if repository is None:
            names = desk.listing.repositories_beginning(name, limit, deleted=which == "deleted")
        else:
            tags = desk.listing.tags_beginning(repository, tag, limit, deleted=which == "deleted")
            names = [f"{repository}:{found}" for found in tags]
        return {"schema": Schemas.NAMES, "names": names}

    return answer(await asyncio.to_thread(read))
