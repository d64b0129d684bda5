"""What the query of a management request may say: one struct for each form, read by its declaration.

The description of a parameter's type is the sentence that refuses another value.
"""

import re
from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta
from msgspec.structs import FieldInfo

from refloat.core.errors import RequestInvalid
from refloat.core.names import printable
from refloat.web.spelling import (
    AskedInstant,
    AskedReference,
    AskedRepository,
    ChangeId,
    ChangeIdOrNone,
    Kinds,
    MovePlace,
    Number,
    PageSize,
    Who,
)

PAGE = 100
_NUMBER = re.compile(r"[0-9]{1,18}")
Which = Annotated[Literal["tagged", "untagged"], Meta(description="tagged or untagged")]


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """A query that says nothing. What may be left out has a default, or is None."""


class Page(Query, frozen=True, kw_only=True):
    """How many entries a page has at most."""

    n: PageSize = PAGE


class ChangesQuery(Page, frozen=True, kw_only=True):
    """Which changes, and from which on: `before` for newest first, `after` for oldest first."""

    repository: AskedRepository | None = None
    by: Who | None = None
    since: AskedInstant | None = None
    kind: Kinds | None = None
    before: ChangeId | None = None
    after: ChangeIdOrNone | None = None


class TrashQuery(Page, frozen=True, kw_only=True):
    """Of which repository, and before which change."""

    repository: AskedRepository | None = None
    before: ChangeId | None = None


class MovesQuery(Page, frozen=True, kw_only=True):
    """After which move."""

    after: MovePlace | None = None


class RepositoriesQuery(Page, frozen=True, kw_only=True):
    """After which name."""

    last: str = ""


class ImagesQuery(Page, frozen=True, kw_only=True):
    """Which images, and after which tag or digest."""

    which: Which = "tagged"
    last: str = ""


class ImageQuery(Query, frozen=True, kw_only=True):
    """Which image."""

    reference: AskedReference


class HistoryQuery(Page, frozen=True, kw_only=True):
    """Of which reference, since when, and before which move."""

    reference: AskedReference | None = None
    since: AskedInstant | None = None
    before: Number | None = None


Q = TypeVar("Q", bound=Query)


def read_query(said: Mapping[str, str], kind: type[Q]) -> Q:
    """Read a query by its declaration. Raises RequestInvalid for what is not declared, or not written so."""
    known = parameters(kind)
    unknown = sorted(said.keys() - known.keys())
    if unknown:
        raise RequestInvalid(f"there is no parameter {printable(unknown[0])} here", {"parameters": list(known)})
    values: dict[str, object] = {}
    for field in msgspec.structs.fields(kind):
        if field.name in said:
            values[field.name] = _value(field, said[field.name], _said_of(known, field.name))
        elif field.required:
            raise RequestInvalid(f"{field.name} is missing: {_said_of(known, field.name)}")
    return kind(**values)


def _value(field: FieldInfo, text: str, expected: str) -> object:
    """Return a parameter's value: a number only where one is declared, and only in digits."""
    for value in (int(text), text) if _NUMBER.fullmatch(text) else (text,):
        try:
            return msgspec.convert(value, field.type)
        except msgspec.ValidationError:
            continue
    raise RequestInvalid(f"{field.name} is {expected}, not {printable(text)}", {"field": field.name})


@cache
def parameters(kind: type[msgspec.Struct]) -> Mapping[str, Mapping[str, object]]:
    """Return the JSON Schema of each parameter, or field of a body; that it may be left out is no part of it."""
    properties = msgspec.json.schema(kind)["$defs"][kind.__name__]["properties"]
    return {name: _present(schema) for name, schema in properties.items()}


def _present(schema: Mapping[str, Any]) -> Mapping[str, object]:
    kinds = [each for each in schema.get("anyOf", []) if each != {"type": "null"}]
    return kinds[0] if kinds else schema


def _said_of(known: Mapping[str, Mapping[str, object]], name: str) -> str:
    return str(known[name].get("description", "text"))
