"""Blobs on the wire. Spec: "Pulling Blobs", "Checking if content exists", "Deleting Blobs"."""

import asyncio
import os
from contextlib import suppress

from refloat.core.errors import BlobUnknown, RangeNotSatisfiable, StorageFull, Unavailable, Unsupported
from refloat.core.names import Digest, RepositoryName
from refloat.core.records import Blob
from refloat.usecases.pull import open_blob, renew, wants_renewal
from refloat.usecases.upload import release
from refloat.web.asgi import Header, Request
from refloat.web.door import Door
from refloat.web.manifests import is_match
from refloat.web.ranges import Span, span_of

PIECE = 256 * 1024  # bytes
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
    size = b"%d" % blob.size
    encoded = digest.encode()
    await request.start(
        200, [*FIXED, (b"content-length", size), (b"docker-content-digest", encoded), (b"etag", b'"%b"' % encoded)], 0
    )
    await request.send_body(b"", "last")


async def get(door: Door, request: Request, repository: RepositoryName, digest: Digest) -> None:
    """GET: the whole blob, or the one range that was asked for."""
    blob = open_blob(door.metadata.read, door.blobs, repository, digest, door.services.now())
    etag = b'"%b"' % digest.encode()
    headers = [*FIXED, (b"docker-content-digest", digest.encode()), (b"etag", etag)]
    if is_match(request.header(b"if-none-match"), etag):
        await request.answer(304, headers)
        return
    condition = request.header(b"if-range")
    asked = request.header(b"range") if condition in (None, etag) else None
    span = span_of(asked, blob.size)
    if span == "unsatisfiable":
        raise RangeNotSatisfiable(f"the blob has {blob.size} bytes", {"size": blob.size})
    if span == "whole":
        await _send_whole(door, request, blob, headers)
    else:
        await _send_span(door, request, blob, span, headers)


async def _send_whole(door: Door, request: Request, blob: Blob, headers: list[Header]) -> None:
    path = door.blobs.path(blob.key)
    if not request.sends_paths or blob.size == 0:
        await _stream(request, str(path), Span(0, blob.size), 200, headers)
        return
    await request.start(200, [*headers, (b"content-length", b"%d" % blob.size)], blob.size)
    await request.send_path(str(path))


async def _send_span(door: Door, request: Request, blob: Blob, span: Span, headers: list[Header]) -> None:
    content_range = b"bytes %d-%d/%d" % (span.start, span.end - 1, blob.size)
    await _stream(request, str(door.blobs.path(blob.key)), span, 206, [*headers, (b"content-range", content_range)])


async def _stream(request: Request, path: str, span: Span, status: int, headers: list[Header]) -> None:
    """Send part of a file piece by piece, until it is sent or the client is gone."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:  # condemned a graveyard's time ago, and reaped since it was looked up
        raise BlobUnknown("the blob has gone") from None
    gone = asyncio.ensure_future(request.gone())
    try:
        length = span.end - span.start
        await request.start(status, [*headers, (b"content-length", b"%d" % length)], length)
        offset = span.start
        while offset < span.end and not gone.done():
            piece = os.pread(file, min(PIECE, span.end - offset), offset)
            if not piece:
                raise OSError(f"{path} ends at {offset}")  # cut the answer: half a blob must not look whole
            offset += len(piece)
            await request.send_body(piece, "more")
        await request.send_body(b"", "last")
    finally:
        os.close(file)
        gone.cancel()
        with suppress(asyncio.CancelledError):
            await gone


async def delete(door: Door, request: Request, repository: RepositoryName, digest: Digest) -> None:
    """DELETE: ends this repository's lease; what a manifest uses stays."""
    if not door.settings.delete_enabled:
        raise Unsupported("deletion is switched off here (storage.delete.enabled)")
    now = door.services.now()
    await door.metadata.write_brief(lambda tx: release(tx, repository, digest, now))
    await request.answer(202, [(b"docker-content-digest", digest.encode())])
