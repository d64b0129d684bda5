"""Requests to the registry's application in this process: what a server would hand it, and what it answers."""

import asyncio
import json
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, ParamSpec, TypeVar

from refloat.web.asgi import ASGIApp, Message

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(slots=True)
class Answer:
    """What came back."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def codes(self) -> list[str]:
        """The codes of the errors in it."""
        return [error["code"] for error in json.loads(self.body)["errors"]] if self.status >= 400 and self.body else []


class Here(ThreadPoolExecutor):
    """An executor that does the work where it is handed in, so that an actor stays in one thread."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        done: Future[T] = Future()
        try:
            done.set_result(fn(*args, **kwargs))
        except Exception as problem:  # noqa: BLE001  # the one who asked gets it
            done.set_exception(problem)
        return done


class Line:
    """One client's way to the application: an event loop that runs while a request does."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._loop = asyncio.new_event_loop()
        self._loop.set_default_executor(Here(1))

    def ask(self, method: str, address: str, body: bytes = b"", content_type: str = "") -> Answer:
        """Send a request and return the whole answer."""
        path, _, query = address.partition("?")
        headers = [(b"content-length", b"%d" % len(body)), (b"host", b"registry")]
        if content_type:
            headers.append((b"content-type", content_type.encode()))
        scope: dict[str, Any] = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http",
            "path": path, "raw_path": path.encode(), "query_string": query.encode(), "root_path": "",
            "headers": headers, "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 5000),
        }  # fmt: skip
        answer = Answer()

        async def receive() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer.status = message["status"]
                answer.headers = {name.decode(): value.decode() for name, value in message["headers"]}
            else:
                answer.body += message.get("body", b"")

        async def serve() -> None:
            await self._app(scope, receive, send)

        self._loop.run_until_complete(serve())
        return answer

    def close(self) -> None:
        """End the loop."""
        self._loop.close()
