"""Lists of a registry, page after page. Spec: OCI Distribution 1.1 "Listing Tags", "Listing Referrers"."""

import json
from collections.abc import Iterator

from refloat.client.asking import Asking, Place
from refloat.client.errors import Broken
from refloat.client.exchange import Reply, Request
from refloat.client.manifests import Pointer
from refloat.client.scopes import CATALOG, Scopes, pulling
from refloat.core.errors import DigestInvalid
from refloat.core.media import OCI_INDEX
from refloat.core.names import Digest
from refloat.language import say

PAGE = 1000  # entries; registries that find it too many say 400, and are asked without a number
NO_SUCH_API = frozenset({400, 404, 405, 501})  # registries older than the API say any of these


def is_registry(asking: Asking) -> bool:
    """See that the root of the API is there, and no page for people; it may want to know who asks first."""
    reply = asking.greet()
    is_page = "html" in reply.headers.get("content-type", "").lower()
    return reply.status in (401, 403) or (reply.status == 200 and not is_page)


def tags(asking: Asking, repository: str) -> Iterator[str]:
    """Return every tag; nothing where there is no such repository. Raises what client.errors names."""
    path, needs = f"/v2/{repository}/tags/list", pulling(repository)
    reply = _first(asking, path, needs)
    if reply.status != 404:
        for page in _pages(asking, reply, Place(asking.origin, path), (needs, "tags")):
            yield from map(str, page)


def repositories(asking: Asking) -> Iterator[str]:
    """Return every repository. Raises what client.errors names."""
    path = "/v2/_catalog"
    for page in _pages(asking, _first(asking, path, CATALOG), Place(asking.origin, path), (CATALOG, "repositories")):
        yield from map(str, page)


def referrers(asking: Asking, repository: str, digest: str) -> tuple[Pointer, ...] | None:
    """Return what refers to a manifest; None where there is no such API. Raises what client.errors names."""
    path, needs = f"/v2/{repository}/referrers/{digest}", pulling(repository)
    reply = asking.ask(Request("GET", path, {"Accept": OCI_INDEX}), needs)
    if reply.status in NO_SUCH_API:
        return None
    pages = _pages(asking, reply, Place(asking.origin, path), (needs, "manifests"))
    return tuple(_pointer(asking, entry) for page in pages for entry in page)


def _pointer(asking: Asking, entry: object) -> Pointer:
    try:
        assert isinstance(entry, dict)
        return Pointer(Digest.parse(str(entry["digest"])), str(entry["mediaType"]), int(entry["size"]))
    except (AssertionError, KeyError, TypeError, ValueError, DigestInvalid):
        raise Broken(say("{server} answers with no descriptor", server=asking.origin.netloc)) from None


def _first(asking: Asking, path: str, needs: Scopes) -> Reply:
    reply = asking.ask(Request("GET", f"{path}?n={PAGE}"), needs)
    return asking.ask(Request("GET", path), needs) if reply.status == 400 else reply


def _pages(asking: Asking, reply: Reply, place: Place, what: tuple[Scopes, str]) -> Iterator[list[object]]:
    """Return the list of each page; `what` is what reading takes, and the name of the list."""
    needs, field = what
    seen = {place.path}
    while True:
        yield _entries(asking, reply, field)
        following = next_in(reply.headers.get("link", ""))
        if following is None:
            return
        place = asking.place(place, following)
        if place.path in seen or place.origin != asking.origin:
            raise Broken(say("the pages of {server} do not end", server=asking.origin.netloc))
        seen.add(place.path)
        reply = asking.ask(Request("GET", place.path), needs)


def _entries(asking: Asking, reply: Reply, field: str) -> list[object]:
    """Return the list an answer has under a name. Raises what client.errors names."""
    if reply.status != 200:
        raise asking.refusal(reply)
    try:
        document = json.loads(reply.body)
    except (ValueError, RecursionError):
        document = None
    found = document.get(field, None) if isinstance(document, dict) else 0
    if found is None:
        return []
    if not isinstance(found, list):
        raise Broken(say("{server} answers with no list", server=asking.origin.netloc))
    return found


def next_in(link: str) -> str | None:
    """Return the address that a Link header gives as the next one, RFC 8288 section 3. It is read once, to its end."""
    at = 0
    while (begins := link.find("<", at)) >= 0 and (ends := link.find(">", begins)) >= 0:
        at = _place_of(",", link, ends + 1)
        if "next" in _relations(link[ends + 1 : at]):
            return link[begins + 1 : ends]
    return None


def _relations(parameters: str) -> list[str]:
    begins = 0
    while begins <= len(parameters):
        ends = _place_of(";", parameters, begins)
        name, _, value = parameters[begins:ends].partition("=")
        if name.strip().lower() == "rel":
            return value.strip().strip('"').lower().split()
        begins = ends + 1
    return []


def _place_of(mark: str, text: str, at: int) -> int:
    """Return where a mark stands next; one in quotes does not count. Without one it is the end."""
    is_quoted = False
    for place in range(at, len(text)):
        if text[place] == '"':
            is_quoted = not is_quoted
        elif text[place] == mark and not is_quoted:
            return place
    return len(text)
