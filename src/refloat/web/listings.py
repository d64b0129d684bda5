"""Lists on the wire. Spec: "Listing Tags", "Listing Referrers"; `_catalog` as distribution has it."""

import asyncio
from collections.abc import Sequence
from typing import cast
from urllib.parse import quote, urlencode

import msgspec

from refloat.core.errors import PaginationNumberInvalid
from refloat.core.manifest import MAX_SIZE
from refloat.core.media import OCI_INDEX
from refloat.core.names import Digest, RepositoryName
from refloat.usecases.pull import MOST_READ, list_referrers, list_repositories, list_tags
from refloat.web.asgi import Header, Request
from refloat.web.door import Door
from refloat.web.errors import JSON

PAGE = 100
FEW = 200  # referrers that are read without a thread
INDEX = b'{"schemaVersion":2,"mediaType":"%b","manifests":[%%b]}' % OCI_INDEX.encode()
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
    """GET referrers: an index of what refers to a digest, possibly empty, and no larger than a manifest may be.

    What has no room, and what is beyond `n`, is on the page that the Link leads to: it begins after the last digest
    of this one, so what comes and goes meanwhile moves nothing from one page to another.
    """
    query = request.query()
    wanted, after, limit = query.get("artifactType", [""])[0], query.get("last", [""])[0], _number(query, None)

    def read(most: int | None) -> list[dict[str, object]]:
        return list_referrers(door.metadata.read, repository, subject, wanted or None, after, most)

    one_more = None if limit is None else limit + 1
    found = read(FEW if one_more is None else min(one_more, FEW))
    if len(found) == FEW != one_more:  # many take long, and others would wait
        found = await asyncio.to_thread(read, one_more)
    page = _fitting(found, limit)
    headers: list[Header] = [(b"content-type", OCI_INDEX.encode())]
    if wanted:
        headers.append((b"oci-filters-applied", b"artifactType"))
    if page and len(page) < len(found):
        asked = {name: values[0] for name, values in query.items() if name in ("artifactType", "n")}
        asked["last"] = str(found[len(page) - 1]["digest"])
        rest = urlencode(asked, quote_via=quote)
        headers.append(_link(door, request, f"/v2/{repository}/referrers/{subject}?{rest}"))
    await request.answer(200, headers, INDEX % b",".join(page))


def _fitting(found: Sequence[dict[str, object]], limit: int | None) -> list[bytes]:
    """Return the descriptors that one page has room for, as JSON. Of a list that is not empty there is always one."""
    page, size, read = list[bytes](), len(INDEX), 0
    for descriptor in found[:limit]:
        read += cast("int", descriptor["size"])
        encoded = msgspec.json.encode(descriptor, enc_hook=str)
        size += len(encoded) + len(",")
        if page and (size > MAX_SIZE or read > MOST_READ):
            break
        if size > MAX_SIZE:  # nobody could read it; the manifest itself has its annotations
            bare = {name: value for name, value in descriptor.items() if name != "annotations"}
            encoded = msgspec.json.encode(bare, enc_hook=str)
        page.append(encoded)
    return page


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
    return page, [_link(door, request, f"{path}?last={quote(page[-1], safe='')}&n={limit}")]


def _link(door: Door, request: Request, path: str) -> Header:
    return (b"link", b"<" + door.location(request, path) + b'>; rel="next"')
