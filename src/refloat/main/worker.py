"""One worker: stores opened in it, the application over them, a collector beside it."""

import os
import sys
from functools import partial

from refloat.blobs.filesystem import FileBlobs
from refloat.main.collector import Collector
from refloat.main.descriptors import descriptors
from refloat.main.purger import Purger
from refloat.main.retirement import Retirement
from refloat.main.shedding import Shedder
from refloat.main.token import AdminToken
from refloat.metadata.store import SqliteMetadata
from refloat.settings import Settings
from refloat.usecases.collect import CollectTerms
from refloat.web.access import AccessLog
from refloat.web.app import application
from refloat.web.asgi import ASGIApp, Receive, Scope, Send
from refloat.web.capacity import Capacity
from refloat.web.services import DoorSettings, Services

NOBODY = ("", 0)  # who asks through a socket without addresses


class Worker:
    """The registry as an ASGI application. Made in the process that serves: it holds threads and files."""

    def __init__(self, settings: Settings, session: str) -> None:
        ours = settings.root / "refloat"
        retire = Retirement(settings.database, ours, settings.drain_timeout).begin
        broken = partial(retire, "blob store")
        self._blobs = FileBlobs(ours, settings.reserve, broken, settings.database, lambda: self._metadata.owed())
        self._ways = [self._blobs.make_room]
        self._metadata = SqliteMetadata(
            settings.database, ours, self._make_room, partial(retire, "database"), others_write=settings.workers > 1
        )
        terms = CollectTerms(settings.graveyard, settings.history_keep)
        self._collector = Collector(self._metadata, self._blobs, terms, session, ours / "collector.lock")
        self._ways.append(self._collector.make_room)
        self._purger = Purger(self._metadata, self._blobs, ours / "collector.lock")
        share = descriptors()
        self._files = Capacity(share.bodies, "files of blobs open")
        self._shedder = Shedder(share.connections, self._files)
        self._is_admin = AdminToken(ours).matches
        self._interval = settings.collect_interval
        self._access = AccessLog(_write_out) if settings.access_log and sys.stdout is not None else None
        self._app = application(self._services(settings))

    def _services(self, settings: Settings) -> Services:
        return Services(
            metadata=self._metadata,
            blobs=self._blobs,
            shelf=self._blobs,
            settings=_door_settings(settings),
            now=self._collector.now,
            random=os.urandom,
            collector=self._collector,
            purger=self._purger,
            is_admin=self._is_admin,
            management=_management,
            access=self._access,
            files=self._files,
        )

    def _make_room(self) -> bool:
        """Make room on a full disk for what makes more: what is kept back, then what is due to go."""
        return any(way() for way in self._ways)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one connection's event; the lifespan is the worker's own."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        host, port = scope["client"] or NOBODY
        peer = (host, str(port))
        self._shedder.begin(peer)
        try:
            await self._app(scope, receive, send)
        finally:
            self._shedder.answered(peer)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        self.start()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        self.close()
        await send({"type": "lifespan.shutdown.complete"})

    def start(self) -> None:
        """Begin to collect, and to look at the connections."""
        self._collector.start(self._interval)
        self._shedder.start()

    def close(self) -> None:
        """Finish what has begun; what is acknowledged is durable already."""
        self._shedder.stop()
        self._collector.stop()
        self._metadata.close()
        self._blobs.close()
        if self._access is not None:
            self._access.close()


def _write_out(lines: str) -> None:
    sys.stdout.write(lines)
    sys.stdout.flush()


def _management(services: Services) -> ASGIApp:
    from refloat.web.management import application as management  # its imports are heavy, and pulls never need them

    return management(services)


def _door_settings(settings: Settings) -> DoorSettings:
    return DoorSettings(
        window=settings.window,
        lease=settings.lease,
        graveyard=settings.graveyard,
        collect_interval=settings.collect_interval,
        uploads_idle=settings.uploads_idle,
        receive_timeout=settings.receive_timeout,
        receive_rate=settings.receive_rate,
        delete_enabled=settings.delete_enabled,
        protected=settings.protect,
        catalog_max=settings.catalog_max,
        tags_max=settings.tags_max,
        headers=settings.headers,
        relative_urls=settings.relative_urls is not False,
        host=settings.host,
        prefix=settings.prefix,
        timetravel_prefix=settings.timetravel_prefix,
    )
