"""What a management request may say. Anything it says beyond that is refused, never passed over."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal, TypeVar, cast

import msgspec

from refloat.core.errors import NameUnknown, RequestInvalid
from refloat.core.names import RepositoryName, printable
from refloat.core.narrowing import Narrowing
from refloat.core.records import KINDS, ChangeKind
from refloat.core.undo import OnConflict
from refloat.ports import Reader

MOST_A_PAGE = 1000
PAGE = 100
LARGEST_BODY = 1 << 20  # bytes
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:[Zz]|[+-]\d\d:\d\d)")
_CHANGE_ID = re.compile(r"[a-z]{1,10}")

Reason = Annotated[str, msgspec.Meta(max_length=1000)]
ReferenceText = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]

Texts = Annotated[list[Annotated[str, msgspec.Meta(min_length=1, max_length=500)]], msgspec.Meta(max_length=1000)]
LONGEST_AGE = 100 * 366 * 24 * 3600  # seconds
MOST_MOVES = (1 << 31) - 1  # no reference has moved more often


class Body(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A request body; every field but those without a default may be left out."""


class Doing(Body, frozen=True, kw_only=True):
    """A body that asks for a change, or with `dry_run` only for what it would come to."""

    dry_run: bool = False
    reason: Reason | None = None


class UndoBody(Doing, frozen=True, kw_only=True, rename={"name": "as"}):
    """`POST changes/ID/undo`."""

    on_conflict: OnConflict = "refuse"
    name: ReferenceText | None = None
    reference: ReferenceText | None = None


class RemoveBody(Doing, frozen=True, kw_only=True):
    """`POST remove`. Each of `images` is `REPO:TAG`, `REPO@DIGEST`, or a pattern of repositories and tags.

    `untagged` and `repositories` are repositories or patterns of them: whose untagged images go, and which go
    whole. `older_than_seconds` narrows patterns to what nobody pushed or moved for so long.
    """

    images: Texts = []
    untagged: Texts = []
    repositories: Texts = []
    older_than_seconds: Annotated[int, msgspec.Meta(ge=0, le=LONGEST_AGE)] | None = None
    scope: Literal["image", "tag"] = "image"


class RestoreBody(Doing, frozen=True, kw_only=True, rename={"name": "as"}):
    """`POST repositories/NAME/restore`. `at` is an RFC 3339 instant."""

    reference: ReferenceText
    revision: Annotated[int, msgspec.Meta(ge=0, le=MOST_MOVES)] | None = None
    at: str | None = None
    name: ReferenceText | None = None
    on_conflict: OnConflict = "refuse"


class CollectBody(Body, frozen=True):
    """`POST collect`."""

    dry_run: bool = False


B = TypeVar("B", bound=Body)


def decode(body: bytes, kind: type[B]) -> B:
    """Read a body; an empty one says nothing, as `{}` does. Raises RequestInvalid."""
    try:
        return msgspec.json.decode(body or b"{}", type=kind)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as problem:
        raise RequestInvalid(f"the request body cannot be used: {problem}") from None


def refuse_unknown(query: Mapping[str, str], *known: str) -> None:
    """Raise RequestInvalid if the query has a parameter that is not one of `known`."""
    unknown = sorted(set(query) - set(known))
    if unknown:
        raise RequestInvalid(f"there is no parameter {printable(unknown[0])} here", {"parameters": list(known)})


def page_size(query: Mapping[str, str]) -> int:
    """Return `n`, how many entries a page has at most. Raises RequestInvalid."""
    text = query.get("n", str(PAGE))
    if not text.isascii() or not text.isdecimal() or len(text) > 6 or not 1 <= int(text) <= MOST_A_PAGE:
        raise RequestInvalid(f"n is a number from 1 to {MOST_A_PAGE}, not {printable(text)}")
    return int(text)


def narrowing(query: Mapping[str, str]) -> Narrowing:
    """Return which changes a list is of: `by`, `since`, `kind`. Raises RequestInvalid."""
    kinds = tuple(query["kind"].split(",")) if "kind" in query else ()
    if unknown := [kind for kind in kinds if kind not in KINDS]:
        raise RequestInvalid(f"kind is {', '.join(KINDS)}, or several of them, not {printable(unknown[0])}")
    return Narrowing(query.get("by"), instant(query.get("since")), cast("tuple[ChangeKind, ...]", kinds))


def which_images(query: Mapping[str, str]) -> Literal["tagged", "untagged"]:
    """Return which images a list is of. Raises RequestInvalid."""
    which = query.get("which", "tagged")
    if which == "tagged":
        return "tagged"
    if which == "untagged":
        return "untagged"
    raise RequestInvalid(f"which is tagged or untagged, not {printable(which)}")


def refuse_missing(read: Reader, repository: RepositoryName) -> None:
    """Raise NameUnknown where a repository never was."""
    if not read.has_repository(repository):
        raise NameUnknown(f"there is no repository {repository}", {"name": repository})


def change_prefix(text: str) -> str:
    """Return a change's id, or its beginning. Raises RequestInvalid."""
    if not _CHANGE_ID.fullmatch(text):
        raise RequestInvalid(f"{printable(text)} is not the id of a change: those are up to ten small letters")
    return text


def move_number(text: str | None) -> int | None:
    """Return `before` of a history page. Raises RequestInvalid."""
    if text is None:
        return None
    if not text.isascii() or not text.isdecimal() or len(text) > 18:
        raise RequestInvalid(f"before is the number of a move, not {printable(text)}")
    return int(text)


def moved_place(text: str | None) -> tuple[RepositoryName, int] | None:
    """Return `after` of a page of moves: `NAME:NUMBER`. Raises RequestInvalid, NameInvalid."""
    if text is None:
        return None
    name, colon, number = text.rpartition(":")
    if not colon or not number.isascii() or not number.isdecimal() or len(number) > 18:
        raise RequestInvalid(f"after is what the page before gave as next, not {printable(text)}")
    return RepositoryName.parse(name), int(number)


def instant(text: str | None) -> int | None:
    """Return an RFC 3339 instant as microseconds since 1970. Raises RequestInvalid."""
    if text is None:
        return None
    try:
        if not _RFC3339.fullmatch(text):
            raise ValueError(text)
        moment = datetime.fromisoformat(text.upper())
        return (moment - _EPOCH) // timedelta(microseconds=1)
    except (ValueError, OverflowError):
        raise RequestInvalid(f"{printable(text)} is not an instant as RFC 3339 writes it") from None


def rfc3339(at: int) -> str:
    """Write microseconds since 1970 as an RFC 3339 instant in UTC."""
    return (_EPOCH + timedelta(microseconds=at)).isoformat(timespec="microseconds").replace("+00:00", "Z")
