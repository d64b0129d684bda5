"""The one table from conditions to the wire, and the body they are told in.

Spec: OCI Distribution 1.1 "Error Codes".
"""

import logging
import time
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from refloat.core import errors
from refloat.core.errors import Exhausted, RefloatError, Unavailable, code_of
from refloat.core.scarcity import exhausted
from refloat.web.asgi import Header, Request
from refloat.web.instants import rfc3339
from refloat.web.paths import STATE

WIRE: dict[type[RefloatError], int] = {
    errors.BlobUnknown: 404,
    errors.BlobUploadInvalid: 400,
    errors.UploadOutOfOrder: 416,
    errors.UploadTooSlow: 408,
    errors.BlobUploadUnknown: 404,
    errors.DigestInvalid: 400,
    errors.ManifestBlobUnknown: 404,
    errors.ManifestInvalid: 400,
    errors.ManifestUnknown: 404,
    errors.NameInvalid: 400,
    errors.NameUnknown: 404,
    errors.SizeInvalid: 400,
    errors.BodyIncomplete: 400,
    errors.ManifestTooLarge: 413,
    errors.RangeNotSatisfiable: 416,
    errors.Denied: 403,
    errors.ProtectedTag: 403,
    errors.Blocked: 403,
    errors.StorageFull: 507,
    errors.PreconditionFailed: 412,
    errors.Unsupported: 405,
    errors.MethodUnsupported: 405,
    errors.PaginationNumberInvalid: 400,
    errors.ChangeUnknown: 404,
    errors.ChangeConflict: 409,
    errors.ChangeGone: 410,
    errors.Purged: 410,
    errors.RequestInvalid: 400,
    errors.PatternsTooWide: 400,
    errors.CollectionStopped: 409,
    errors.Unavailable: 503,
    errors.Exhausted: 503,
}
JSON: Header = (b"content-type", b"application/json")
UNEXPECTED = b'{"errors":[{"code":"UNKNOWN","message":"something went wrong here; the log has it","detail":null}]}'
MOMENTS = frozenset({"deleted_at", "held_until", "moved_at", "purged_at"})  # details in microseconds
RETRY_AFTER = "5"  # seconds
SELDOM = 10.0  # seconds between two lines of the log about the same lack: there may be thousands a second
log = logging.getLogger("refloat.web")
_noted: dict[str, float] = {}


def body_of(condition: RefloatError) -> bytes:
    """Return the error body of a condition."""
    entry = {"code": code_of(type(condition)), "message": condition.message, "detail": with_moments(condition.detail)}
    return msgspec.json.encode({"errors": [entry]}, enc_hook=str)


def with_moments(detail: object) -> object:
    """Write the instants in a detail as RFC 3339 has them."""
    if isinstance(detail, Mapping):
        return {
            name: rfc3339(value) if name in MOMENTS and isinstance(value, int) else with_moments(value)
            for name, value in detail.items()
        }
    if isinstance(detail, Iterable) and not isinstance(detail, str):
        return [with_moments(value) for value in detail]
    return detail


async def tell(request: Request, condition: RefloatError, more: Sequence[Header] = ()) -> None:
    """Answer with a condition, while a body may still be coming; it is too late where an answer has begun.

    `more` are headers beside those that go with the condition.
    """
    note(condition)
    if request.has_started:
        raise condition
    headers = [JSON, *_headers_of(request, condition), *more]
    await request.answer(WIRE[type(condition)], headers, body_of(condition))


async def tell_unexpected(request: Request, problem: Exception) -> None:
    """Answer 500 without a word of what it was; the log has the traceback under the request's id.

    Where the process lacks what any request needs it is 503.
    """
    scarce = exhausted(problem)
    if scarce is not None:
        if request.has_started:
            note(scarce)
        else:
            await tell(request, scarce)
        return
    log.error(
        "%s %s failed", request.method, ascii(request.raw_path.decode("latin-1")),
        extra={"request": request.id}, exc_info=problem,
    )  # fmt: skip
    if not request.has_started:
        await request.answer(500, [JSON, (b"x-request-id", request.id.encode())], UNEXPECTED)


def note(condition: RefloatError) -> None:
    """Log now and then that requests are refused because the process lacks something: the operator can help."""
    now = time.monotonic()
    if isinstance(condition, Exhausted) and now - _noted.get(condition.message, now - SELDOM) >= SELDOM:
        _noted[condition.message] = now
        log.error("%s: requests that need it are answered 503", condition.message.partition(";")[0])


def retry_of(condition: RefloatError) -> Mapping[str, str]:
    """Return the header that says when to ask again, where that helps. Spec: RFC 9110 section 10.2.3."""
    return {"Retry-After": RETRY_AFTER} if isinstance(condition, Unavailable) else {}


def _headers_of(request: Request, condition: RefloatError) -> list[Header]:
    detail = condition.detail if isinstance(condition.detail, dict) else {}
    if isinstance(condition, errors.UploadOutOfOrder):
        place = request.raw_path.partition(b"?")[0] + STATE.encode()
        return [(b"location", place), (b"range", b"0-%d" % max(0, int(str(detail.get("offset", 0))) - 1))]
    if isinstance(condition, errors.RangeNotSatisfiable):
        return [(b"content-range", b"bytes */%d" % int(str(detail.get("size", 0))))]
    if isinstance(condition, errors.MethodUnsupported):
        return [(b"allow", str(detail.get("allow", "")).encode())]
    return [(name.lower().encode(), value.encode()) for name, value in retry_of(condition).items()]
