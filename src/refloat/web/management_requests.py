"""What the body of a management request may say. Anything it says beyond that is refused, never passed over."""

import re
from typing import Literal, TypeVar, cast

import msgspec

from refloat.core.errors import NameUnknown, RequestInvalid
from refloat.core.kinds import ChangeKind
from refloat.core.names import RepositoryName, printable
from refloat.core.narrowing import Narrowing
from refloat.core.undo import OnConflict
from refloat.ports import Reader
from refloat.web.instants import instant
from refloat.web.management_queries import ChangesQuery, parameters
from refloat.web.spelling import (
    Age,
    AskedInstant,
    AskedMoved,
    AskedReference,
    AskedTag,
    Patterns,
    Reason,
    Revision,
)

LARGEST_BODY = 1 << 20  # bytes
_PLACE = re.compile(r" - at `\$\.(\w+)")
_CHANGE_ID = re.compile(r"[a-z]{1,10}")


class Body(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A request body; every field but those without a default may be left out."""


class Doing(Body, frozen=True, kw_only=True):
    """A body that asks for a change, or with `dry_run` only for what it would come to."""

    dry_run: bool = False
    reason: Reason | None = None


class UndoBody(Doing, frozen=True, kw_only=True, rename={"name": "as"}):
    """`POST changes/ID/undo`."""

    on_conflict: OnConflict = "refuse"
    name: AskedTag | None = None
    reference: AskedMoved | None = None


class RemoveBody(Doing, frozen=True, kw_only=True):
    """`POST remove`. Each of `images` is `REPO:TAG`, `REPO@DIGEST`, or a pattern of repositories and tags.

    `untagged` and `repositories` are repositories or patterns of them: whose untagged images go, and which go
    whole. `older_than_seconds` narrows patterns to what nobody pushed or moved for so long.
    """

    images: Patterns = []
    untagged: Patterns = []
    repositories: Patterns = []
    older_than_seconds: Age | None = None
    scope: Literal["image", "tag"] = "image"


class RestoreBody(Doing, frozen=True, kw_only=True, rename={"name": "as"}):
    """`POST repositories/NAME/restore`. `at` is an RFC 3339 instant."""

    reference: AskedReference
    revision: Revision | None = None
    at: AskedInstant | None = None
    name: AskedTag | None = None
    on_conflict: OnConflict = "refuse"


class CollectBody(Body, frozen=True):
    """`POST collect`."""

    dry_run: bool = False


B = TypeVar("B", bound=Body)


def decode(body: bytes, kind: type[B]) -> B:
    """Read a body; an empty one says nothing, as `{}` does. Raises RequestInvalid."""
    try:
        return msgspec.json.decode(body or b"{}", type=kind)
    except msgspec.ValidationError as problem:
        raise _refused(kind, str(problem)) from None
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as problem:
        raise RequestInvalid(f"the request body cannot be used: {problem}") from None


def _refused(kind: type[Body], problem: str) -> RequestInvalid:
    """Say what the field at fault has to be, where its declaration describes that."""
    place = _PLACE.search(problem)
    description = parameters(kind).get(place[1], {}).get("description") if place else None
    if place is None or description is None:
        return RequestInvalid(f"the request body cannot be used: {problem}")
    return RequestInvalid(f"{place[1]} is {description}", {"field": place[1]})


def narrowing(query: ChangesQuery) -> Narrowing:
    """Return which changes a list is of. Raises RequestInvalid."""
    kinds = tuple(query.kind.split(",")) if query.kind is not None else ()
    return Narrowing(query.by, instant(query.since), cast("tuple[ChangeKind, ...]", kinds))


def refuse_missing(read: Reader, repository: RepositoryName) -> None:
    """Raise NameUnknown where a repository never was."""
    if not read.has_repository(repository):
        raise NameUnknown(f"there is no repository {repository}", {"name": repository})


def change_prefix(text: str) -> str:
    """Return a change's id, or its beginning. Raises RequestInvalid."""
    if not _CHANGE_ID.fullmatch(text):
        raise RequestInvalid(f"{printable(text)} is not the id of a change: those are up to ten small letters")
    return text


def moved_place(text: str | None) -> tuple[RepositoryName, int] | None:
    """Return `after` of a page of moves: `NAME:NUMBER`. Raises NameInvalid."""
    if text is None:
        return None
    name, _, number = text.rpartition(":")
    return RepositoryName.parse(name), int(number)
