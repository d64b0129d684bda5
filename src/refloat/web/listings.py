"""Lists on the wire. Spec: "Listing Tags", "Listing Referrers"; `_catalog` as distribution has it."""

from collections.abc import Sequence
from urllib.parse import quote

import msgspec

from refloat.core.errors import PaginationNumberInvalid
from refloat.core.media import OCI_INDEX
from refloat.core.names import Digest, RepositoryName
from refloat.usecases.pull import list_referrers, list_repositories, list_tags
from refloat.web.asgi import Header, Request
from refloat.web.door import Door
from refloat.web.errors import JSON

PAGE = 100
Query = dict[str, list[str]]


async def tags(door: Door, request: Request, repository: RepositoryName) -> None:
    """GET tags/list: all tags, or a page of `n` after `last`."""
    query = request.query()
    limit = _number(query, None)
    last = query.get("last", [""])[0]
    if limit is not None:
        limit = min(limit, door.settings.tags_max)
    found = list_tags(door.metadata.read, repository, last, None if limit is None else limit + 1)
    page, headers = _page(door, request, found, limit, f"/v2/{repository}/tags/list")
    await request.answer(200, [JSON, *headers], msgspec.json.encode({"name": str(repository), "tags": page}))


async def catalog(door: Door, request: Request) -> None:
    """GET _catalog: a page of repositories that have something live."""
    query = request.query()
    limit = _number(query, min(PAGE, door.settings.catalog_max))
    if limit is None or limit > door.settings.catalog_max:
        raise PaginationNumberInvalid(f"n is at most {door.settings.catalog_max}", {"n": query.get("n")})
    found = list_repositories(door.metadata.read, query.get("last", [""])[0], limit + 1)
    page, headers = _page(door, request, found, limit, "/v2/_catalog")
    await request.answer(200, [JSON, *headers], msgspec.json.encode({"repositories": page}))


async def referrers(door: Door, request: Request, repository: RepositoryName, subject: Digest) -> None:
    """GET referrers: an index of what refers to a digest, possibly empty."""
    wanted = request.query().get("artifactType", [None])[0]
    manifests = list_referrers(door.metadata.read, repository, subject, wanted or None)
    body = msgspec.json.encode({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": manifests}, enc_hook=str)
    headers: list[Header] = [(b"content-type", OCI_INDEX.encode())]
    if wanted:
        headers.append((b"oci-filters-applied", b"artifactType"))
    await request.answer(200, headers, body)


def _number(query: Query, default: int | None) -> int | None:
    text = query.get("n", [""])[0]
    if "n" not in query:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise PaginationNumberInvalid("n is not a number", {"n": text[:20]})
    return int(text)


def _page(
    door: Door, request: Request, found: Sequence[str], limit: int | None, path: str
) -> tuple[list[str], list[Header]]:
    """Cut a list that was read one longer than asked, and link to what follows."""
    if limit is None or len(found) <= limit:
        return list(found), []
    page = list(found[:limit])
    if not page:
        return page, []
    address = door.location(request, f"{path}?last={quote(page[-1], safe='')}&n={limit}")
    return page, [(b"link", b"<" + address + b'>; rel="next"')]
