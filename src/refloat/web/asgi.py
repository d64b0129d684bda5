"""One request and its answer on a raw ASGI connection. The hot paths make no more objects than this one."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping, Sequence
from typing import Any, Literal
from urllib.parse import parse_qs

from refloat.core.errors import BodyIncomplete, RequestInvalid, UploadTooSlow
from refloat.web.pace import Pace, Patience

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]
Header = tuple[bytes, bytes]

MOST_PRINTED = 200
MOST_PARAMETERS = 100
BODILESS = frozenset({"GET", "HEAD"})
UNMEASURED = frozenset({204, 304})  # answers whose head ends them: RFC 9110 section 8.6 wants no length of nothing
DRAIN_SECONDS = 5.0
DRAINING = Patience(idle=0.5, least=0)


class Request:
    """A request, what its path named, and what was answered."""

    __slots__ = (
        "_answered", "_body", "_fields", "_id", "_patience", "_receive", "_send", "_started", "common", "head",
        "length", "method", "scope", "status",
    )  # fmt: skip

    def __init__(
        self, scope: Scope, receive: Receive, send: Send, common: Sequence[Header], patience: Patience
    ) -> None:
        self.scope = scope
        self.method: str = scope["method"]
        self.head = self.method == "HEAD"
        self.common = common
        self.status = 0
        self.length = 0
        self._patience = patience
        self._receive = receive
        self._send = send
        self._started = False
        self._answered = False
        self._body: Literal["awaited", "coming", "ended"] = "awaited"
        self._fields: dict[bytes, bytes] | None = None
        self._id = ""

    # what was asked

    def header(self, name: bytes) -> bytes | None:
        """Return a header by its name in lower case; lines of one name are one list, RFC 9110 section 5.3."""
        if self._fields is None:
            self._fields = _joined(self.scope["headers"])
        return self._fields.get(name)

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
        """Return the query's parameters, decoded once. Raises RequestInvalid."""
        text = self.scope["query_string"]
        if not text:
            return {}
        refuse_long_query(text)
        return parse_qs(text.decode("latin-1"), keep_blank_values=True)

    @property
    def id(self) -> str:
        """The name under which the log speaks of this request: the proxy's, if it gave one."""
        if not self._id:
            self._id = self.printable_header(b"x-request-id") or os.urandom(8).hex()
        return self._id

    @property
    def raw_path(self) -> bytes:
        """The path as it came, not decoded."""
        return self.scope.get("raw_path") or self.scope["path"].encode()  # type: ignore[no-any-return]

    @property
    def address(self) -> str | None:
        """Where the request came from."""
        client = self.scope.get("client")
        return client[0] if client else None

    @property
    def has_started(self) -> bool:
        """Has an answer begun?"""
        return self._started

    @property
    def is_cut(self) -> bool:
        """Has an answer begun that is not whole?"""
        return self._started and not self._answered

    def content_length(self) -> int | None:
        """Return the announced length of the body in bytes."""
        value = self.header(b"content-length")
        return int(value) if value is not None and value.isdigit() else None

    @property
    def has_body(self) -> bool:
        """Does the head announce a body? One that tells its end itself may still be empty."""
        return self._announced() != 0

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the body as it comes. Raises UploadTooSlow, BodyIncomplete.

        What was announced is all there is: asking for more costs a way to the server's thread and back.
        """
        left, pace = self._announced(), Pace(self._patience)
        while self._body != "ended" and left != 0:
            message = await self._next(pace)
            body = message.get("body", b"")
            left = None if left is None else left - len(body)
            self._body = "coming" if message.get("more_body", False) and left != 0 else "ended"
            if body:
                yield body
        self._body = "ended"

    async def _next(self, pace: Pace) -> Message:
        """Return the message with the next piece of the body. Raises UploadTooSlow, BodyIncomplete."""
        now = asyncio.get_running_loop().time
        began = now()
        try:
            async with asyncio.timeout(pace.idle):
                message = await self._receive()
        except TimeoutError:
            raise UploadTooSlow(f"nothing came for {pace.idle:.0f} s") from None
        if message["type"] == "http.disconnect":  # the client is gone, or its chunks are no chunks: it may still read
            self._body = "ended"
            raise BodyIncomplete("the body ended before it was whole, or is not written in chunks as it says")
        pace.count(now() - began, len(message.get("body", b"")))
        return message

    def _announced(self) -> int | None:
        """Return how long the body is. None: it says so itself where it ends."""
        if self.header(b"transfer-encoding") is not None:
            return None
        length = self.content_length()
        return 0 if length is None and self.scope["http_version"] == "1.1" else length

    # what is answered

    async def answer(self, status: int, headers: Sequence[Header] = (), body: bytes = b"") -> None:
        """Send a whole answer; a HEAD gets its headers only. `body` decides the length."""
        if self.method not in BODILESS and self._is_body_under_way():
            await self._answer_early(status, headers, body)
            return
        if status in UNMEASURED:
            await self.start(status, headers, 0)
        else:
            await self.start(status, [*headers, (b"content-length", b"%d" % len(body))], len(body))
        await self.send_body(b"" if self.head else body, "last")

    async def start(self, status: int, headers: Sequence[Header], length: int) -> None:
        """Send the head of an answer whose body of `length` bytes follows."""
        self._started = True
        self.status = status
        self.length = 0 if self.head else length
        await self._send({"type": "http.response.start", "status": status, "headers": [*headers, *self.common]})

    async def send_body(self, body: bytes, rest: Literal["more", "last"]) -> None:
        """Send a piece of a body, and say whether others follow."""
        self._answered = rest == "last"
        await self._send({"type": "http.response.body", "body": body, "more_body": rest == "more"})

    def marking(self, send: Send) -> Send:
        """Return a `send` for another application's answer: it adds what every answer has, and notes the status."""

        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._started, self.status = True, message["status"]
                message["headers"] = [*message["headers"], *self.common]
            elif message["type"] == "http.response.body":
                self._answered = not message.get("more_body", False)
                self.length += len(message.get("body", b""))
            await send(message)

        return marked

    def _is_body_under_way(self) -> bool:
        """Will the client go on sending? One that expects a word first will not, if the word is an answer."""
        if self._body == "awaited":
            announced = self.header(b"transfer-encoding") is not None or bool(self.content_length())
            return announced and self.header(b"expect") is None
        return self._body == "coming"

    async def _answer_early(self, status: int, headers: Sequence[Header], body: bytes) -> None:
        """Answer before the body has come, and let it come for a while: some clients only then read the answer.

        No length is given: an answer that is whole ends the request, and the server would hang up.
        """
        await self.start(status, headers, len(body))
        await self.send_body(body, "more")
        await self._drain()
        await self.send_body(b"", "last")

    async def _drain(self) -> None:
        """Take what still comes, for a while, and for a shorter one when nothing does."""
        self._patience = DRAINING
        try:
            async with asyncio.timeout(DRAIN_SECONDS):
                async for _ in self.chunks():
                    pass
        except (TimeoutError, BodyIncomplete, UploadTooSlow, MemoryError):
            return

    async def gone(self) -> None:
        """Return when the client closes the connection."""
        while (await self._receive())["type"] != "http.disconnect":
            pass


def refuse_long_query(query: bytes) -> None:
    """Raise RequestInvalid where a query has more parameters than anybody would read."""
    if query.count(b"&") >= MOST_PARAMETERS:
        raise RequestInvalid(f"a query has at most {MOST_PARAMETERS} parameters")


def _joined(lines: Sequence[Header]) -> dict[bytes, bytes]:
    fields = dict(lines)
    if len(fields) == len(lines):
        return fields
    gathered: dict[bytes, list[bytes]] = {name: [] for name in fields}
    for name, value in lines:
        gathered[name].append(value)
    return {name: b", ".join(values) for name, values in gathered.items()}
