"""From a file to a client, in step: a piece is read when the one before has been taken.

What the kernel has in memory is read here, in a tenth of a millisecond; what it would have to fetch from the disk
is read in a thread, so that one cold pull holds nobody else up.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from refloat.core.errors import BlobUnknown
from refloat.web.asgi import Header, Request
from refloat.web.ranges import Span

PIECE = 256 * 1024  # bytes
_threads = ThreadPoolExecutor(4, thread_name_prefix="read")  # pulls wait for nobody who lists or adds up
_WITHOUT_WAITING = getattr(os, "RWF_NOWAIT", None)  # Linux


async def send_span(request: Request, path: str, span: Span, status: int, headers: Sequence[Header]) -> None:
    """Answer with part of a file, until it is sent or the client is gone. Raises BlobUnknown if there is no file."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:  # condemned a graveyard's time ago, and reaped since it was looked up
        raise BlobUnknown("the blob has gone") from None
    try:
        length = span.end - span.start
        await request.start(status, [*headers, (b"content-length", b"%d" % length)], length)
        if length <= PIECE:
            await request.send_body(await _read(file, span), "last")
        else:
            await _send_pieces(request, file, span)
    finally:
        os.close(file)


async def _send_pieces(request: Request, file: int, span: Span) -> None:
    gone = asyncio.ensure_future(request.gone())
    try:
        async for piece in _pieces(file, span):
            if gone.done():
                return
            await request.send_body(piece, "more")
        await request.send_body(b"", "last")
    finally:
        gone.cancel()
        with suppress(asyncio.CancelledError):
            await gone


async def _pieces(file: int, span: Span) -> AsyncIterator[bytes]:
    for offset in range(span.start, span.end, PIECE):
        yield await _read(file, Span(offset, min(offset + PIECE, span.end)))


async def _read(file: int, span: Span) -> bytes:
    """Return a span. Raises OSError where the file ends within it: half a blob must not look whole."""
    length = span.end - span.start
    if _is_in_memory(file, span):
        piece = os.pread(file, length, span.start)
    else:
        loop = asyncio.get_running_loop()
        piece = await loop.run_in_executor(_threads, os.pread, file, length, span.start)
    if len(piece) < length:
        raise OSError(f"a blob's file ends at {span.start + len(piece)}")
    return piece


def _is_in_memory(file: int, span: Span) -> bool:
    """Can a span be read without the disk? Its last byte answers for all of it: the kernel reads ahead in order."""
    if _WITHOUT_WAITING is None or span.end == span.start:
        return True
    try:
        return os.preadv(file, [bytearray(1)], span.end - 1, _WITHOUT_WAITING) == 1
    except OSError:  # it would wait, or this filesystem cannot tell
        return False
