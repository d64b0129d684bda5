"""From a file to a client, in step: a piece is read when the one before has been taken.

What the kernel has in memory is read here, in a tenth of a millisecond; what it would have to fetch from the disk
is read in a thread, so that one cold pull holds nobody else up. A client that does not read keeps some seven pieces
in memory, so pieces are smaller where many bodies are on their way.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress

from refloat.core.errors import BlobUnknown
from refloat.web.asgi import Header, Request
from refloat.web.capacity import Capacity
from refloat.web.ranges import Span

PIECE = 256 * 1024  # bytes
LEAST_PIECE = 8 * 1024
IN_A_ROW = 32  # pieces of all bodies that are on their way after which others have their turn
AT_ONCE = 64 * PIECE  # bytes: one piece of each body that is on its way
_threads = ThreadPoolExecutor(4, thread_name_prefix="read")  # pulls wait for nobody who lists or adds up
_WITHOUT_WAITING = getattr(os, "RWF_NOWAIT", None)  # Linux


async def send_span(
    request: Request, files: Capacity, path: str, span: Span, status: int, headers: Sequence[Header]
) -> None:
    """Answer with part of a file, until it is sent or the client is gone.

    The file counts among `files` while it is open. Raises BlobUnknown if there is no file, Unavailable.
    """
    length = span.end - span.start
    whole = [*headers, (b"content-length", b"%d" % length)]
    with files, _opened(path) as file:
        if length > PIECE:
            await request.start(status, whole, length)
            await _send_pieces(request, file, span, files)
            return
        piece = await _read(file, span)
    await request.start(status, whole, length)
    await request.send_body(piece, "last")


@contextmanager
def _opened(path: str) -> Iterator[int]:
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:  # condemned a graveyard's time ago, and reaped since it was looked up
        raise BlobUnknown("the blob has gone") from None
    try:
        yield file
    finally:
        os.close(file)


async def _send_pieces(request: Request, file: int, span: Span, files: Capacity) -> None:
    gone, sent = asyncio.ensure_future(request.gone()), 0
    try:
        async for piece in _pieces(file, span, files):
            if gone.done():
                return
            await request.send_body(piece, "more")
            sent += 1
            if sent % max(IN_A_ROW // files.used, 1) == 0:  # only the event loop hears who is gone
                await asyncio.sleep(0)
        await request.send_body(b"", "last")
    finally:
        gone.cancel()
        with suppress(asyncio.CancelledError):
            await gone


async def _pieces(file: int, span: Span, files: Capacity) -> AsyncIterator[bytes]:
    offset = span.start
    while offset < span.end:
        end = min(offset + _length_of_pieces(files.used), span.end)
        yield await _read(file, Span(offset, end))
        offset = end


def _length_of_pieces(bodies: int) -> int:
    """Return how many bytes of each body are read at once while so many are on their way."""
    return max(LEAST_PIECE, min(PIECE, AT_ONCE // max(bodies, 1)))


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
