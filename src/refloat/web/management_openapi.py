"""The OpenAPI 3.1 document of the management API, made from its table. `make openapi` writes docs/openapi.json."""

from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus

import msgspec

from refloat import __version__
from refloat.core.errors import RefloatError, code_of
from refloat.core.names import MAX_NAME, NAME
from refloat.web.errors import WIRE
from refloat.web.management_desk import ADMIN
from refloat.web.management_queries import Query, parameters
from refloat.web.management_shapes import Row
from refloat.web.management_table import Address
from refloat.web.spelling import Anything

Json = dict[str, object]
SCHEMAS = "#/components/schemas/"
IN_PATH: Mapping[str, Json] = {
    "id": {
        "description": "The id of a change, or its beginning where only one begins so.",
        "schema": {"type": "string", "pattern": "^[a-z]{1,10}$"},
    },
    "name": {
        "description": "The name of a repository; its slashes are written as they are, never as %2F.",
        "schema": {"type": "string", "pattern": f"^{NAME.pattern}$", "maxLength": MAX_NAME},
    },
}
TOKEN: Json = {"type": "apiKey", "in": "header", "name": ADMIN, "description": "What ROOT/refloat/admin.token has."}
HEADERS: Mapping[str, Json] = {
    "Refloat-Api": {"description": "The API's version.", "required": True, "schema": {"const": "1"}},
    "Refloat-Change": {"description": "The new change's id.", "required": True, "schema": {"type": "string"}},
}


class Problem(Row, frozen=True, kw_only=True):
    """What was wrong: a code for programs, a sentence for people, and what else helps."""

    code: str
    message: str
    detail: Anything


class Errors(Row, frozen=True, kw_only=True):
    """The answer to what was not done."""

    errors: Sequence[Problem]


def describe(addresses: Sequence[Address]) -> Json:
    """Return the document of these addresses."""
    shapes = {each.answered for each in addresses} | {each.asked for each in addresses if each.method == "POST"}
    kinds = [*sorted(shapes - {dict}, key=lambda kind: kind.__name__), Errors]
    _, components = msgspec.json.schema_components(kinds, ref_template=SCHEMAS + "{name}")
    paths: dict[str, Json] = {}
    for each in addresses:
        paths.setdefault(each.path.replace(":path", ""), {})[each.method.lower()] = _operation(each)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "refloat management API",
            "version": __version__,
            "summary": "What is in a refloat registry, what was deleted, and how it comes back.",
        },
        "servers": [{"url": "/v2/_refloat/v1", "description": "Below `http.prefix`, where one is configured."}],
        "paths": paths,
        "components": {
            "securitySchemes": {"admin": TOKEN},
            "headers": HEADERS,
            "schemas": dict(sorted(components.items())),
        },
    }


def _operation(address: Address) -> Json:
    said: Json = {"operationId": address.name, "summary": address.summary}
    in_path = [{"name": name, "in": "path", "required": True, **IN_PATH[name]} for name in address.parameters]
    if issubclass(address.asked, Query):
        said["parameters"] = [*in_path, *_in_query(address.asked)]
    else:
        said["parameters"] = in_path
        needed = any(field.required for field in msgspec.structs.fields(address.asked))
        said["requestBody"] = {"required": needed, "content": _content(SCHEMAS + address.asked.__name__)}
    said["responses"] = {**_answers(address), **_refusals(address.conditions)}
    if address.needs != "nothing":
        said["security"] = [{"admin": []}] if address.needs == "admin" else [{}, {"admin": []}]
    return said


def _in_query(query: type[Query]) -> Iterable[Json]:
    required = {field.name for field in msgspec.structs.fields(query) if field.required}
    for name, schema in parameters(query).items():
        rest = {word: value for word, value in schema.items() if word != "description"}
        about = {"description": schema["description"]} if "description" in schema else {}
        yield {"name": name, "in": "query", "required": name in required, **about, "schema": rest}


def _answers(address: Address) -> Json:
    if address.answered is dict:
        return {
            "200": {"description": "This document.", "content": {"application/json": {"schema": {"type": "object"}}}}
        }
    content = _content(SCHEMAS + address.answered.__name__)
    done = {"200": {"description": "Done.", "headers": _headers("Refloat-Api"), "content": content}}
    if not address.creates:
        return {**done}
    done["200"]["description"] = "Nothing was left to do, or it was a dry run."
    return {**done, "201": {"description": "A change was made.", "headers": _headers(*HEADERS), "content": content}}


def _refusals(conditions: Iterable[type[RefloatError]]) -> Json:
    """Describe the errors by their status; in a status only these codes come."""
    codes: dict[int, list[str]] = {}
    for condition in conditions:
        codes.setdefault(WIRE[condition], []).append(code_of(condition))
    return {str(status): _refusal(status, sorted(set(of_status))) for status, of_status in sorted(codes.items())}


def _refusal(status: int, codes: Sequence[str]) -> Json:
    only = {"errors": {"items": {"properties": {"code": {"enum": codes}}}}}
    schema = {"$ref": SCHEMAS + Errors.__name__, "properties": only}
    return {
        "description": f"{HTTPStatus(status).phrase}: {', '.join(codes)}",
        "headers": _headers("Refloat-Api"),
        "content": {"application/json": {"schema": schema}},
    }


def _content(reference: str) -> Json:
    return {"application/json": {"schema": {"$ref": reference}}}


def _headers(*names: str) -> Json:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}
