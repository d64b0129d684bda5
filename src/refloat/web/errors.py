"""The one table from conditions to the wire, and the body they are told in.

Spec: OCI Distribution 1.1 "Error Codes".
"""

import logging
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from refloat.core import errors
from refloat.core.errors import RefloatError, code_of
from refloat.web.asgi import Header, Request
from refloat.web.paths import STATE
from refloat.web.spelling import rfc3339

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
    errors.CollectionStopped: 409,
    errors.Unavailable: 503,
}
JSON: Header = (b"content-type", b"application/json")
UNEXPECTED = b'{"errors":[{"code":"UNKNOWN","message":"something went wrong here; the log has it","detail":null}]}'
MOMENTS = frozenset({"deleted_at", "held_until", "moved_at", "purged_at"})  # details in microseconds
log = logging.getLogger("refloat.web")


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
    if request.has_started:
        raise condition
    headers = [JSON, *_headers_of(request, condition), *more]
    await request.answer(WIRE[type(condition)], headers, body_of(condition))


async def tell_unexpected(request: Request) -> None:
    """Answer 500 without a word of what it was; the log has the traceback under the request's id."""
    log.exception(
        "%s %s failed", request.method, ascii(request.raw_path.decode("latin-1")), extra={"request": request.id}
    )
    if not request.has_started:
        await request.answer(500, [JSON, (b"x-request-id", request.id.encode())], UNEXPECTED)


def _headers_of(request: Request, condition: RefloatError) -> list[Header]:
    detail = condition.detail if isinstance(condition.detail, dict) else {}
    if isinstance(condition, errors.UploadOutOfOrder):
        place = request.raw_path.partition(b"?")[0] + STATE.encode()
        return [(b"location", place), (b"range", b"0-%d" % max(0, int(str(detail.get("offset", 0))) - 1))]
    if isinstance(condition, errors.RangeNotSatisfiable):
        return [(b"content-range", b"bytes */%d" % int(str(detail.get("size", 0))))]
    if isinstance(condition, errors.MethodUnsupported):
        return [(b"allow", str(detail.get("allow", "")).encode())]
    return []
