"""One request and its answer on a raw ASGI connection. The hot paths make no more objects than this one."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping, Sequence
from typing import Any, Literal
from urllib.parse import parse_qs

from refloat.core.errors import UploadTooSlow

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]
Header = tuple[bytes, bytes]

MOST_PRINTED = 200
DRAIN_SECONDS = 5.0


class ClientGone(Exception):
    """The client closed the connection before its request was whole. There is nobody to answer."""


class Request:
    """A request, what its path named, and what was answered."""

    __slots__ = (
        "_body_ended", "_receive", "_send", "_started", "common", "head", "length", "method", "path", "scope", "status",
        "timeout",
    )  # fmt: skip

    def __init__(self, scope: Scope, receive: Receive, send: Send, common: Sequence[Header], timeout: float) -> None:
        self.scope = scope
        self.method: str = scope["method"]
        self.head = self.method == "HEAD"
        self.path = ""
        self.common = common
        self.timeout = timeout
        self.status = 0
        self.length = 0
        self._receive = receive
        self._send = send
        self._started = False
        self._body_ended = False

    # what was asked

    def header(self, name: bytes) -> bytes | None:
        """Return the first header of this name (lower case)."""
        for key, value in self.scope["headers"]:
            if key == name:
                return value  # type: ignore[no-any-return]
        return None

    def text_header(self, name: bytes) -> str:
        """Return a header's text, empty when it is absent."""
        value = self.header(name)
        return value.decode("latin-1") if value is not None else ""

    def printable_header(self, name: bytes) -> str | None:
        """Return a header fit to be stored and shown: printable ASCII, shortened."""
        value = self.header(name)
        if not value:
            return None
        return "".join(chr(byte) if 32 <= byte < 127 else "?" for byte in value[:MOST_PRINTED])

    def query(self) -> dict[str, list[str]]:
        """Return the query's parameters, decoded once."""
        text = self.scope["query_string"]
        return parse_qs(text.decode("latin-1"), keep_blank_values=True, max_num_fields=100) if text else {}

    @property
    def address(self) -> str | None:
        """Where the request came from."""
        client = self.scope.get("client")
        return client[0] if client else None

    @property
    def has_started(self) -> bool:
        """Has an answer begun?"""
        return self._started

    def content_length(self) -> int | None:
        """Return the announced length of the body in bytes."""
        value = self.header(b"content-length")
        return int(value) if value is not None and value.isdigit() else None

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the body as it comes. Raises UploadTooSlow, ClientGone."""
        while not self._body_ended:
            try:
                async with asyncio.timeout(self.timeout):
                    message = await self._receive()
            except TimeoutError:
                raise UploadTooSlow(f"nothing came for {self.timeout:.0f} s") from None
            if message["type"] == "http.disconnect":
                raise ClientGone
            self._body_ended = not message.get("more_body", False)
            if body := message.get("body"):
                yield body

    # what is answered

    async def answer(self, status: int, headers: Sequence[Header] = (), body: bytes = b"") -> None:
        """Send a whole answer; a HEAD gets its headers only. `body` decides the length."""
        await self.start(status, [*headers, (b"content-length", b"%d" % len(body))], len(body))
        await self._send({"type": "http.response.body", "body": b"" if self.head else body})

    async def start(self, status: int, headers: Sequence[Header], length: int) -> None:
        """Send the head of an answer whose body of `length` bytes follows."""
        self._started = True
        self.status = status
        self.length = 0 if self.head else length
        await self._send({"type": "http.response.start", "status": status, "headers": [*headers, *self.common]})

    async def send_body(self, body: bytes, rest: Literal["more", "last"]) -> None:
        """Send a piece of a body, and say whether others follow."""
        await self._send({"type": "http.response.body", "body": body, "more_body": rest == "more"})

    async def send_path(self, path: str) -> None:
        """Let the server send a whole file."""
        await self._send({"type": "http.response.pathsend", "path": path})

    @property
    def sends_paths(self) -> bool:
        """Can the server send files by path?"""
        return "http.response.pathsend" in self.scope.get("extensions", ())

    async def refuse(self, status: int, headers: Sequence[Header], body: bytes) -> None:
        """Answer before the body has come, and let it come for a while: some clients only then read the answer."""
        if self._body_ended or self.header(b"expect") or not self._has_body():
            await self.answer(status, headers, body)
            return
        length = (b"content-length", b"%d" % len(body))
        await self.start(status, [*headers, length, (b"connection", b"close")], len(body))
        await self.send_body(body, "more")
        await self._drain()
        await self.send_body(b"", "last")

    def _has_body(self) -> bool:
        return self.header(b"transfer-encoding") is not None or bool(self.content_length())

    async def _drain(self) -> None:
        try:
            async with asyncio.timeout(DRAIN_SECONDS):
                async for _ in self.chunks():
                    pass
        except (TimeoutError, ClientGone, UploadTooSlow):
            return

    async def gone(self) -> None:
        """Return when the client closes the connection."""
        while (await self._receive())["type"] != "http.disconnect":
            pass
