"""The registry's HTTP door: the route table, and one request's way through it.

Raw ASGI: a framework's routing costs forty per cent of the requests per second that matter most.
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from refloat.core.errors import MethodUnsupported, NameUnknown, RefloatError
from refloat.web import blobs, listings, manifests, uploads
from refloat.web.asgi import ASGIApp, ClientGone, Header, Receive, Request, Scope, Send
from refloat.web.door import Door
from refloat.web.errors import JSON, tell, tell_unexpected
from refloat.web.paths import decode
from refloat.web.services import Services

Handler = Callable[..., Awaitable[None]]
MANAGEMENT = "/v2/_refloat/"
OURS: tuple[Header, ...] = (
    (b"docker-distribution-api-version", b"registry/2.0"),
    (b"x-content-type-options", b"nosniff"),
)


@dataclass(frozen=True, slots=True)
class Route:
    """Paths of one form, and what each method does there."""

    path: re.Pattern[str]
    methods: Mapping[str, Handler]


async def base(door: Door, request: Request) -> None:
    """GET /v2/: yes, this is a registry. Spec: "Determining Support"."""
    await request.answer(200, [JSON], b"{}")


async def root(door: Door, request: Request) -> None:
    """GET /: what load balancers look at."""
    await request.answer(200, [(b"cache-control", b"no-cache")])


_SESSIONS = Route(re.compile(r"/v2/(.+)/blobs/uploads/?"), {"POST": uploads.begin})

# By the last word but one of a path: a repository may itself be called "a/manifests/b" or "tags/list".
ROUTES: Mapping[str, tuple[Route, ...]] = {
    "manifests": (Route(re.compile(r"/v2/(.+)/manifests/([^/]+)"), {
        "GET": manifests.get, "HEAD": manifests.get, "PUT": manifests.put, "DELETE": manifests.delete}),),
    "blobs": (_SESSIONS, Route(re.compile(r"/v2/(.+)/blobs/([^/]+)"), {
        "GET": blobs.get, "HEAD": blobs.head, "DELETE": blobs.delete})),
    "uploads": (_SESSIONS, Route(re.compile(r"/v2/(.+)/blobs/uploads/([^/]+)"), {
        "GET": uploads.status, "HEAD": uploads.status, "PATCH": uploads.append, "PUT": uploads.finish,
        "DELETE": uploads.cancel})),
    "tags": (Route(re.compile(r"/v2/(.+)/tags/list"), {"GET": listings.tags, "HEAD": listings.tags}),),
    "referrers": (Route(re.compile(r"/v2/(.+)/referrers/([^/]+)"), {
        "GET": listings.referrers, "HEAD": listings.referrers}),),
}  # fmt: skip
ADDRESSES = (
    Route(re.compile(r"/v2/?"), {"GET": base, "HEAD": base}),
    Route(re.compile(r"/v2/_catalog/?"), {"GET": listings.catalog, "HEAD": listings.catalog}),
    Route(re.compile(r"/"), {"GET": root, "HEAD": root}),
)


class Registry:
    """The ASGI application."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._door = Door(services)
        self._timeout = services.settings.receive_timeout / 1_000_000
        self._prefix = services.settings.prefix.rstrip("/")
        self._common = _common_headers(services)
        self._management: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive, send, self._common, self._timeout)
        try:
            await self._serve(request, receive, send)
        except RefloatError as condition:
            await tell(request, condition)
        except ClientGone:
            request.status = 499  # nobody is there to be answered; the log says so as nginx does
        except Exception:
            await tell_unexpected(request)  # the last door: no traceback leaves it
            if request.is_cut:
                raise  # the server closes the connection: half an answer must not look whole
        finally:
            if self._services.access is not None:
                self._services.access(request)

    async def _serve(self, request: Request, receive: Receive, send: Send) -> None:
        request.path = self._path(request.scope)
        if request.path.startswith(MANAGEMENT):
            await self._manage(request, receive, send)
        else:
            await self._answer(request)

    async def _answer(self, request: Request) -> None:
        for route in ROUTES.get(_word(request.path), ADDRESSES):
            match = route.path.fullmatch(request.path)
            if match is not None:
                handler = route.methods.get(request.method)
                if handler is None:
                    raise _unsupported(request, route)
                await handler(self._door, request, *match.groups())
                return
        raise NameUnknown("there is nothing at this address")

    def _path(self, scope: Scope) -> str:
        raw: bytes = scope.get("raw_path") or scope["path"].encode()
        path = decode(raw.partition(b"?")[0])
        return path.removeprefix(self._prefix) if self._prefix else path

    async def _manage(self, request: Request, receive: Receive, send: Send) -> None:
        if self._management is None:
            self._management = self._services.management(self._services)
        await self._management(request.scope, receive, request.marking(send))


def _word(path: str) -> str:
    """Return the last part but one of a path: it says what is asked for."""
    parts = path.rsplit("/", 2)
    return parts[1] if len(parts) == 3 else ""


def application(services: Services) -> ASGIApp:
    """Return the registry as an ASGI application."""
    return Registry(services)


def _common_headers(services: Services) -> list[Header]:
    """Return what every answer carries: ours, where the configuration has no say, and the configuration's."""
    configured = [
        (name.lower().encode(), value.encode())
        for name, values in services.settings.headers.items()
        for value in values
    ]
    said = {name for name, _ in configured}
    return [*((name, value) for name, value in OURS if name not in said), *configured]


def _unsupported(request: Request, route: Route) -> MethodUnsupported:
    allowed = ", ".join(route.methods)
    return MethodUnsupported(f"{request.method} does nothing at this address", {"allow": allowed})
