"""Many bodies on their way in one worker: what is taken at once is sent in turn, and a small request has a turn too."""

import asyncio
from itertools import groupby
from pathlib import Path

import pytest

from refloat.web.asgi import Message, Request
from refloat.web.capacity import Capacity
from refloat.web.pace import Patience
from refloat.web.ranges import Span
from refloat.web.sending import send_span

LENGTH = 8 << 20  # bytes


async def _sent(path: Path, clients: int) -> list[int]:
    """Send a file to clients that take all at once. Returns whose each piece was, in the order of sending."""
    order: list[int] = []
    files, all_began = Capacity(clients, "files"), asyncio.Barrier(clients)

    async def receive() -> Message:
        await asyncio.Event().wait()  # who stays says nothing more
        raise AssertionError

    async def pull(number: int) -> None:
        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                await all_began.wait()
            elif message["body"]:
                order.append(number)

        request = Request({"method": "GET", "headers": []}, receive, send, (), Patience(60, 0))
        await send_span(request, files, str(path), Span(0, LENGTH), 200, ())

    await asyncio.gather(*(pull(number) for number in range(clients)))
    return order


@pytest.mark.parametrize(("clients", "most"), [(2, 16), (8, 4), (64, 1)])
def test_thirty_two_pieces_in_a_row_are_shared_by_all(tmp_path: Path, clients: int, most: int) -> None:
    path = tmp_path / "blob"
    path.write_bytes(bytes(LENGTH))
    order = asyncio.run(_sent(path, clients))
    assert set(order) == set(range(clients))
    before_the_first_ends = order[: len(order) // 2]
    assert max(len(list(run)) for _, run in groupby(before_the_first_ends)) == most
