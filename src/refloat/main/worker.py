"""One worker: stores opened in it, the application over them, a collector beside it."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from refloat.blobs.filesystem import FileBlobs
from refloat.main.collector import Collector
from refloat.metadata.store import SqliteMetadata
from refloat.settings import Settings
from refloat.usecases.collect import CollectTerms
from refloat.web.app import application

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class Worker:
    """The registry as an ASGI application. Made in the process that serves: it holds threads and files."""

    def __init__(self, settings: Settings, session: str) -> None:
        ours = settings.root / "refloat"
        blobs = FileBlobs(ours, settings.reserve)
        self._metadata = SqliteMetadata(settings.database, ours, blobs.make_room)
        terms = CollectTerms(settings.graveyard, settings.history_keep)
        self._collector = Collector(self._metadata, blobs, terms, session, ours / "collector.lock")
        self._interval = settings.collect_interval
        self._app = application(None)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one connection's event; the lifespan is the worker's own."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        else:
            await self._app(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        self._collector.start(self._interval)
        await send({"type": "lifespan.startup.complete"})
        await receive()
        self._collector.stop()
        self._metadata.close()
        await send({"type": "lifespan.shutdown.complete"})
