"""What every management endpoint shares: the services, and how a request's parts become values."""

import dataclasses
from collections.abc import Callable
from typing import TypeVar

from starlette.requests import Request
from starlette.responses import Response

from refloat.core.errors import Denied, RequestInvalid
from refloat.core.names import Reference, RepositoryName
from refloat.core.prices import Forecast
from refloat.core.records import Cause, Change
from refloat.ports import Listing, Reader, Transaction
from refloat.usecases.inspect import Stores, find_reference
from refloat.usecases.preview import preview
from refloat.usecases.price import price
from refloat.web import asgi
from refloat.web import management_requests as asked
from refloat.web.management_answers import encode
from refloat.web.paths import name_in
from refloat.web.services import Services

MARK = {"Refloat-Api": "1", "Cache-Control": "no-store"}
ADMIN = "Refloat-Admin-Token"
SECOND = 1_000_000
T = TypeVar("T")


class Desk:
    """The services, as the endpoints use them."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self.metadata = services.metadata

    @property
    def read(self) -> Reader:
        """The reader of the thread this is called in."""
        return self.metadata.read

    @property
    def listing(self) -> Listing:
        """The lists of the thread this is called in."""
        return self.metadata.listing

    def stores(self) -> Stores:
        """Return what reads for people ask, in the thread this is called in."""
        return Stores(self.read, self.listing, self.services.blobs, self.services.now())

    def name(self, text: str) -> RepositoryName:
        """Return a repository's name. Raises NameInvalid."""
        return name_in(text, self.services.settings.timetravel_prefix)

    def name_or_none(self, text: str | None) -> RepositoryName | None:
        """Return the repository that a list is narrowed to, if it is. Raises NameInvalid."""
        return None if text is None else self.name(text)

    def reference(self, repository: RepositoryName, text: str) -> Reference:
        """Return a tag or digest, which may be shortened. Asks the lists: call it in a thread."""
        return find_reference(self.listing, repository, text)

    async def body(self, request: Request) -> bytes:
        """Return a request's body. Raises RequestInvalid when it is too large."""
        body = b""
        async for chunk in self._raw(request).chunks():
            body += chunk
            if len(body) > asked.LARGEST_BODY:
                raise RequestInvalid(f"a request body has at most {asked.LARGEST_BODY} bytes")
        return body

    def cause(self, request: Request, reason: str | None) -> Cause:
        """Return who does something; a reason in the body goes before one in the header."""
        cause = self.services.cause(self._raw(request))
        return cause if reason is None else dataclasses.replace(cause, reason=reason)

    def is_admin(self, request: Request) -> bool:
        """Does this request show the admin token? Raises Denied where it shows another, as that was not meant."""
        if ADMIN not in request.headers:
            return False
        self.refuse_others(request)
        return True

    def refuse_others(self, request: Request) -> None:
        """Raise Denied for whoever has no admin token.

        Behind a proxy on the same machine every caller looks local: who can read the directory is the one to ask.
        """
        if not self.services.is_admin(request.headers.get(ADMIN, "")):  # guard: purge-needs-the-token
            raise Denied(
                "this needs the admin token, which ROOT/refloat/admin.token on the server has", {"header": ADMIN}
            )

    async def run(self, body: asked.Doing, work: Callable[[Transaction], T]) -> T:
        """Do what was asked, with the room that is kept back for it, or only find out what it would come to."""
        return await (preview(self.metadata, work) if body.dry_run else self.metadata.write(work, room="kept"))

    def price(self, change: Change) -> Forecast:
        """Return what a change will free. Asks the lists: call it in a thread."""
        return price(self.listing, change.id, change.held_until, self.services.settings.departure)

    def _raw(self, request: Request) -> asgi.Request:
        return asgi.Request(request.scope, request.receive, request._send, (), self.services.settings.patience)


def answer(document: object, change: str | None) -> Response:
    """Answer 200, or 201 with the new change where one was made."""
    if change is None:
        return Response(encode(document), 200, MARK, "application/json")
    return Response(encode(document), 201, {**MARK, "Refloat-Change": change}, "application/json")
