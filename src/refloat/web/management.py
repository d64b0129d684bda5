"""The management API under `/v2/_refloat/v1/`; docs/api.md describes it. Imported at the first request for it."""

import logging
from collections.abc import Awaitable, Callable
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from refloat.core.errors import Denied, RefloatError
from refloat.core.scarcity import exhausted
from refloat.web import errors
from refloat.web.asgi import ASGIApp, Receive, Scope, Send
from refloat.web.management_addresses import ADDRESSES
from refloat.web.management_answers import encode
from refloat.web.management_desk import MARK, Desk, answer
from refloat.web.management_table import Address
from refloat.web.services import Services

BASE = "/v2/_refloat/v1"
log = logging.getLogger("refloat.management")


def application(services: Services) -> ASGIApp:
    """Return the management API, for requests whose path holds `/v2/_refloat/v1`."""
    desk = Desk(services)
    app = Starlette(
        routes=[Route(each.path, _guarded(desk, each), methods=[each.method]) for each in ADDRESSES],
        exception_handlers={HTTPException: _tell_http, Exception: _tell_late},
    )
    app.router.redirect_slashes = False

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        before, base, rest = scope["path"].partition(BASE)
        await app({**scope, "path": before + base + (rest or "/"), "root_path": before + base}, receive, send)

    return serve


def _guarded(desk: Desk, address: Address) -> Callable[[Request], Awaitable[Response]]:
    """Refuse what a page of another origin sends, and let nothing out that is not an answer."""

    async def guarded(request: Request) -> Response:
        try:
            _refuse_foreign(request, desk.services.settings.host)
            document = await address.endpoint(desk, request)
            return answer(document, address.change_in(document))
        except RefloatError as condition:
            return _tell(condition)
        except Exception as problem:  # noqa: BLE001  # the last door of the endpoints: no traceback leaves it
            return _tell_unexpected(request, problem)

    return guarded


def _refuse_foreign(request: Request, configured: str) -> None:
    """Browsers name the origin of the page that asks; only pages of this very server may."""
    origin = request.headers.get("origin")
    if origin is None:
        return
    host = request.headers.get("host", "")
    ours = {host if _is_address(host) else "", configured.rpartition("://")[2].rstrip("/")} - {""}
    if origin.partition("://")[2] not in ours:  # guard: no-foreign-origin
        raise Denied("requests from pages of other origins are refused", {"origin": ascii(origin[:200])})


def _is_address(host: str) -> bool:
    """Can no name service lead this elsewhere? A page may own a name that leads to us; `http.host` names ours."""
    name = urlsplit(f"//{host}").hostname or ""
    try:
        ip_address(name)
    except ValueError:
        return name == "localhost"
    return True


def _tell(condition: RefloatError) -> Response:
    errors.note(condition)
    headers = {**MARK, **errors.retry_of(condition)}
    return Response(errors.body_of(condition), errors.WIRE[type(condition)], headers, "application/json")


def _tell_unexpected(request: Request, problem: Exception) -> Response:
    scarce = exhausted(problem)
    if scarce is not None:
        return _tell(scarce)
    log.error("%s %s failed", request.method, ascii(request.url.path), exc_info=problem)
    return Response(errors.UNEXPECTED, 500, MARK, "application/json")


async def _tell_late(_: Request, problem: Exception) -> Response:
    """Answer for what failed outside an endpoint; it is raised on from here, and logged where it arrives."""
    scarce = exhausted(problem)
    return Response(errors.UNEXPECTED, 500, MARK, "application/json") if scarce is None else _tell(scarce)


async def _tell_http(_: Request, problem: Exception) -> Response:
    assert isinstance(problem, HTTPException)
    what = "there is nothing at this address" if problem.status_code == 404 else "this address has no such method"
    body = encode({"errors": [{"code": "UNSUPPORTED", "message": what, "detail": None}]})
    return Response(body, problem.status_code, {**MARK, **(problem.headers or {})}, "application/json")
