"""Blobs on the wire. Spec: "Pulling Blobs", "Checking if content exists", "Deleting Blobs"."""

from contextlib import suppress

from refloat.core.errors import RangeNotSatisfiable, StorageFull, Unavailable, Unsupported
from refloat.core.names import Digest, RepositoryName
from refloat.usecases.pull import open_blob, renew, wants_renewal
from refloat.usecases.upload import release
from refloat.web.asgi import Header, Request
from refloat.web.door import Door
from refloat.web.manifests import is_match, warning
from refloat.web.ranges import Span, span_of
from refloat.web.sending import send_span

FIXED: tuple[Header, ...] = (
    (b"content-type", b"application/octet-stream"),
    (b"accept-ranges", b"bytes"),
)


async def head(door: Door, request: Request, repository: RepositoryName, digest: Digest) -> None:
    """HEAD: a pusher who is told that a blob is there may rely on it; the hold is renewed, never the reading."""
    now = door.services.now()
    blob = open_blob(door.metadata.read, door.blobs, repository, digest, now)
    if wants_renewal(blob, now, door.settings.lease):
        with suppress(StorageFull, Unavailable):  # a look still works where nothing can be written
            await door.metadata.note(lambda tx: renew(tx, repository, digest, now, door.settings.lease))
    headers = _headers(digest)
    if is_match(request.header(b"if-none-match"), _etag(digest)):
        await request.answer(304, headers)
        return
    await request.start(200, [*headers, (b"content-length", b"%d" % blob.size)], 0)
    await request.send_body(b"", "last")


async def get(door: Door, request: Request, repository: RepositoryName, digest: Digest) -> None:
    """GET: the whole blob, or the one range that was asked for."""
    blob = open_blob(door.metadata.read, door.blobs, repository, digest, door.services.now())
    etag, headers = _etag(digest), _headers(digest)
    if is_match(request.header(b"if-none-match"), etag):
        await request.answer(304, headers)
        return
    condition = request.header(b"if-range")
    asked = request.header(b"range") if condition in (None, etag) else None
    span = span_of(asked, blob.size)
    if span == "unsatisfiable":
        raise RangeNotSatisfiable(f"the blob has {blob.size} bytes", {"size": blob.size})
    path = str(door.blobs.path(blob.key))
    if span == "whole":
        await send_span(request, door.files, path, Span(0, blob.size), 200, headers)
    else:
        content_range = b"bytes %d-%d/%d" % (span.start, span.end - 1, blob.size)
        await send_span(request, door.files, path, span, 206, [*headers, (b"content-range", content_range)])


async def delete(door: Door, request: Request, repository: RepositoryName, digest: Digest) -> None:
    """DELETE: ends this repository's lease; what a manifest uses stays."""
    if not door.settings.delete_enabled:
        raise Unsupported("deletion is switched off here (storage.delete.enabled)")
    now = door.services.now()
    is_used = await door.metadata.write_brief(lambda tx: release(tx, repository, digest, now), room="kept")
    headers: list[Header] = [(b"docker-content-digest", digest.encode())]
    if is_used:
        headers.append(warning("the blob stays: a manifest of this repository uses it"))
    await request.answer(202, headers)


def _etag(digest: Digest) -> bytes:
    return b'"%b"' % digest.encode()


def _headers(digest: Digest) -> list[Header]:
    return [*FIXED, (b"docker-content-digest", digest.encode()), (b"etag", _etag(digest))]
