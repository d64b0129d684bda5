"""From a request's body to an upload's file, in step: the next piece is received while one is written."""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor

from refloat.ports import UploadFile

PIECE = 1024 * 1024  # bytes handed to a thread at once
SMALL = 128 * 1024  # bytes that are written sooner than a thread is woken
_threads = ThreadPoolExecutor(4, thread_name_prefix="append")


async def pour(chunks: AsyncIterator[bytes], file: UploadFile, check: Callable[[int], None]) -> None:
    """Append everything that comes. Whatever ends it early leaves what was appended so far.

    `check` is asked before each piece, with its size in bytes, and raises to end it: not every client says beforehand
    how much comes.
    """
    loop = asyncio.get_running_loop()
    gathered: list[bytes] = []  # as they came: joining them would copy every byte once more
    size = 0
    writing: asyncio.Future[None] | None = None
    try:
        async for chunk in chunks:
            gathered.append(chunk)
            size += len(chunk)
            if size < PIECE:
                continue
            if writing is not None:
                await writing
            check(size)
            writing = loop.run_in_executor(_threads, file.append, *gathered)
            gathered, size = [], 0
    finally:
        if writing is not None:
            await writing
        if gathered:
            check(size)
        if size > SMALL:
            await loop.run_in_executor(_threads, file.append, *gathered)
        elif gathered:
            file.append(*gathered)
