"""The registry's HTTP door: the route table, and one request's way through it.

Raw ASGI: a framework's routing costs forty per cent of the requests per second that matter most.
"""

import re
from collections.abc import Mapping

from refloat.core.errors import MethodUnsupported, RefloatError
from refloat.core.names import Digest, RepositoryName, parse_reference, printable
from refloat.web import blobs, listings, manifests, uploads
from refloat.web.asgi import ASGIApp, Header, Receive, Request, Scope, Send
from refloat.web.door import Door
from refloat.web.errors import JSON, tell, tell_unexpected
from refloat.web.hosts import refuse_hostless
from refloat.web.paths import name_in
from refloat.web.routing import Handler, Parse, Place, Route, Router
from refloat.web.services import Services

MANAGEMENT = "/v2/_refloat/"
OURS: tuple[Header, ...] = (
    (b"docker-distribution-api-version", b"registry/2.0"),
    (b"x-content-type-options", b"nosniff"),
)


async def base(door: Door, request: Request) -> None:
    """GET /v2/: yes, this is a registry. Spec: "Determining Support"."""
    await request.answer(200, [JSON], b"{}")


async def root(door: Door, request: Request) -> None:
    """GET /: what load balancers look at."""
    await request.answer(200, [(b"cache-control", b"no-cache")])


async def options(request: Request, place: Place) -> None:
    """OPTIONS: what may be done here. With the configured headers it answers a browser that asks before it does."""
    await request.answer(204, [(b"allow", ", ".join((*place.methods, "OPTIONS")).encode())])


def routes(reserved: str) -> dict[str, tuple[Route, ...]]:
    """Return the registry's paths by their last word but one: a repository may itself be called "tags/list".

    No repository's name begins with `reserved`.
    """

    def name(text: str) -> RepositoryName:
        return name_in(text, reserved)

    def route(path: str, names: tuple[Parse, ...], methods: Mapping[str, Handler]) -> Route:
        return Route(re.compile(path), (name, *names), methods)

    sessions = route(r"/v2/(.+)/blobs/uploads/?", (), {"POST": uploads.begin})
    return {
        "manifests": (route(r"/v2/(.+)/manifests/([^/]+)", (parse_reference,), {
            "GET": manifests.get, "HEAD": manifests.get, "PUT": manifests.put, "DELETE": manifests.delete}),),
        "blobs": (sessions, route(r"/v2/(.+)/blobs/([^/]+)", (Digest.parse,), {
            "GET": blobs.get, "HEAD": blobs.head, "DELETE": blobs.delete})),
        "uploads": (sessions, route(r"/v2/(.+)/blobs/uploads/([^/]+)", (str,), {
            "GET": uploads.status, "HEAD": uploads.status, "PATCH": uploads.append, "PUT": uploads.finish,
            "DELETE": uploads.cancel})),
        "tags": (route(r"/v2/(.+)/tags/list", (), {"GET": listings.tags, "HEAD": listings.tags}),),
        "referrers": (route(r"/v2/(.+)/referrers/([^/]+)", (Digest.parse,), {
            "GET": listings.referrers, "HEAD": listings.referrers}),),
    }  # fmt: skip


ADDRESSES = (
    Route(re.compile(r"/v2/?"), (), {"GET": base, "HEAD": base}),
    Route(re.compile(r"/v2/_catalog/?"), (), {"GET": listings.catalog, "HEAD": listings.catalog}),
    Route(re.compile(r"/"), (), {"GET": root, "HEAD": root}),
)


class Registry:
    """The ASGI application."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._door = Door(services)
        self._patience = services.settings.patience
        prefix = services.settings.prefix.rstrip("/")
        self._router = Router(routes(services.settings.timetravel_prefix), ADDRESSES, prefix)
        self._managed = (prefix + MANAGEMENT).encode()
        self._common = _common_headers(services)
        self._management: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive, send, self._common, self._patience)
        try:
            await self._serve(request, receive, send)
        except RefloatError as condition:
            await tell(request, condition)
        except Exception as problem:
            await tell_unexpected(request, problem)  # the last door: no traceback leaves it
            if request.is_cut:
                raise  # the server closes the connection: half an answer must not look whole
        finally:
            if self._services.access is not None:
                self._services.access(request)

    async def _serve(self, request: Request, receive: Receive, send: Send) -> None:
        refuse_hostless(request)
        raw = request.raw_path
        if raw.startswith(self._managed):
            self._router.path(raw)  # refuses what could be read in two ways
            await self._manage(request, receive, send)
            return
        place = self._router.find(raw)
        handler = place.methods.get(request.method)
        if handler is not None:
            await handler(self._door, request, *place.arguments)
        elif request.method == "OPTIONS":
            await options(request, place)
        else:
            raise _unsupported(request, place)

    async def _manage(self, request: Request, receive: Receive, send: Send) -> None:
        if self._management is None:
            self._management = self._services.management(self._services)
        await self._management(request.scope, receive, request.marking(send))


def application(services: Services) -> ASGIApp:
    """Return the registry as an ASGI application."""
    return Registry(services)


def _common_headers(services: Services) -> list[Header]:
    """Return what every answer carries: ours, where the configuration has no say, and the configuration's."""
    configured = [
        (name.lower().encode("latin-1"), value.encode("latin-1"))
        for name, values in services.settings.headers.items()
        for value in values
    ]
    said = {name for name, _ in configured}
    return [*((name, value) for name, value in OURS if name not in said), *configured]


def _unsupported(request: Request, place: Place) -> MethodUnsupported:
    allowed = ", ".join(place.methods)
    return MethodUnsupported(f"{printable(request.method)} does nothing at this address", {"allow": allowed})
