"""How an address of the management API is declared: what it is asked, what it answers, and what it may refuse."""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from inspect import getdoc
from typing import Literal, TypeVar

from starlette.requests import Request

from refloat.core.errors import (
    BodyIncomplete,
    ChangeUnknown,
    Denied,
    NameInvalid,
    NameUnknown,
    RefloatError,
    RequestInvalid,
    StorageFull,
    Unavailable,
    UploadTooSlow,
)
from refloat.web.asgi import refuse_long_query
from refloat.web.management_desk import Desk
from refloat.web.management_queries import Query, read_query
from refloat.web.management_requests import Body, decode

REPOSITORY = "/repositories/{name:path}"  # what follows is a fixed word, as a name may hold slashes
Conditions = tuple[type[RefloatError], ...]
Endpoint = Callable[[Desk, Request], Awaitable[object]]
ANYWHERE: Conditions = (RequestInvalid, Denied, Unavailable)
WITH_A_BODY: Conditions = (BodyIncomplete, UploadTooSlow)
BY_PARAMETER: dict[str, Conditions] = {"id": (ChangeUnknown,), "name": (NameInvalid, NameUnknown)}
Q = TypeVar("Q", bound=Query)
B = TypeVar("B", bound=Body)
A = TypeVar("A")


@dataclass(frozen=True, slots=True)
class Address:
    """One row: a method and path, the endpoint there, and the shapes of what goes in and comes out."""

    method: Literal["GET", "POST"]
    path: str
    name: str
    summary: str
    asked: type[Query] | type[Body]
    answered: type[object]
    refused: Conditions
    endpoint: Endpoint
    needs: Literal["nothing", "admin for all of it", "admin"] = "nothing"

    @property
    def parameters(self) -> list[str]:
        """The names in the path."""
        return re.findall(r"{(\w+)", self.path)

    @property
    def conditions(self) -> Conditions:
        """Everything it may refuse with."""
        by_path = [condition for name in self.parameters for condition in BY_PARAMETER[name]]
        return (*ANYWHERE, *by_path, *self.refused)

    @property
    def creates(self) -> bool:
        """Does it make a change, whose id is in the answer?"""
        return self.method == "POST" and "change" in getattr(self.answered, "__struct_fields__", ())

    def change_in(self, document: object) -> str | None:
        """Return the change that was made."""
        return getattr(document, "change", None) if self.creates else None


def get(
    path: str,
    endpoint: Callable[[Desk, Request, Q], Awaitable[A]],
    query: type[Q],
    answer: type[A],
    refused: Conditions = (),
) -> Address:
    """Declare an address that shows something."""

    async def ask(desk: Desk, request: Request) -> object:
        return await endpoint(desk, request, read_query(_said(request), query))

    return Address("GET", path, *_told_by(endpoint), query, answer, refused, ask)


def post(
    path: str,
    endpoint: Callable[[Desk, Request, B], Awaitable[A]],
    body: type[B],
    answer: type[A],
    refused: Conditions = (),
) -> Address:
    """Declare an address that does something. It has no query."""

    async def ask(desk: Desk, request: Request) -> object:
        read_query(_said(request), Query)
        return await endpoint(desk, request, decode(await desk.body(request), body))

    return Address("POST", path, *_told_by(endpoint), body, answer, (*refused, *WITH_A_BODY, StorageFull), ask)


def _said(request: Request) -> Mapping[str, str]:
    """Return the parameters of a query. Raises RequestInvalid where there are more than anybody would read."""
    refuse_long_query(request.scope["query_string"])
    return request.query_params


def admin(address: Address) -> Address:
    """Declare that an address asks for the admin token, before it reads what is asked."""

    async def ask(desk: Desk, request: Request) -> object:
        desk.refuse_others(request)
        return await address.endpoint(desk, request)

    return replace(address, endpoint=ask, needs="admin")


def guarded(address: Address) -> Address:
    """Declare that an address tells more with the admin token than without."""
    return replace(address, needs="admin for all of it")


def _told_by(endpoint: Callable[..., object]) -> tuple[str, str]:
    return endpoint.__name__, (getdoc(endpoint) or "").partition("\n")[0]
