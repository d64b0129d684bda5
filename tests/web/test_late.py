"""A request that looked up its session before another one ended it: in one process, so that it is late for certain."""

import asyncio
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import pytest

from refloat.blobs.filesystem import FileBlobs
from refloat.blobs.locked import LockedFile
from refloat.core.names import Digest, RepositoryName
from refloat.core.records import Upload
from refloat.main.purger import Purger
from refloat.metadata.migrate import migrate
from refloat.metadata.store import SqliteMetadata
from refloat.usecases import upload as sessions
from refloat.usecases.collect import Round
from refloat.web.app import application
from refloat.web.asgi import ASGIApp
from refloat.web.services import DoorSettings, Services

DAY = 24 * 3600 * 1_000_000
BODY = b"the whole blob"


class Interrupted(FileBlobs):
    """A store that lets something happen just before it locks an upload, once."""

    meanwhile: Callable[[Upload], None] | None = None

    def open_upload(self, upload: Upload) -> LockedFile:
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile is not None:
            meanwhile(upload)
        return super().open_upload(upload)


class NoCollector:
    def collect_now(self) -> Round:
        raise NotImplementedError

    def plan(self) -> Round:
        raise NotImplementedError


@dataclass
class Here:
    """The door over stores in this process."""

    directory: Path
    app: ASGIApp = field(init=False)

    def __post_init__(self) -> None:
        migrate(self.directory / "refloat.db")
        self.blobs = Interrupted(self.directory, 0.0)
        self.metadata = SqliteMetadata(self.directory / "refloat.db", self.directory, self.blobs.make_room)
        settings = DoorSettings(
            window=DAY, lease=DAY, graveyard=DAY, collect_interval=DAY, uploads_idle=DAY, receive_timeout=DAY,
            delete_enabled=True, catalog_max=100, tags_max=100, headers={}, relative_urls=None,
            host="", prefix="/", timetravel_prefix="at",
        )  # fmt: skip
        self.app = application(
            Services(
                metadata=self.metadata,
                blobs=self.blobs,
                shelf=self.blobs,
                settings=settings,
                now=lambda: time.time_ns() // 1000,
                random=os.urandom,
                collector=NoCollector(),
                purger=Purger(self.metadata, self.blobs, self.directory / "collector.lock"),
                is_admin=lambda _: False,
                management=lambda services: self.app,
                access=None,
            )
        )

    def finish(self, upload: Upload) -> None:
        """End an upload as the other request does: bytes sealed, session gone, blob live."""
        key_file = Path(self.directory, "incoming", upload.key)
        whole = self.blobs.path(upload.key)
        whole.parent.mkdir(exist_ok=True)
        key_file.rename(whole)
        now = time.time_ns() // 1000
        terms = sessions.Terms(now, upload.size, DAY, DAY)
        self.metadata.write_now(lambda tx: sessions.finish(tx, upload, Digest.of(BODY), None, terms))

    def close(self) -> None:
        self.metadata.close()
        self.blobs.close()


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Here]:
    place = Here(tmp_path)
    yield place
    place.close()


async def late(here: Here, method: str, query: str) -> tuple[httpx2.Response, bytes]:
    """Send a request whose upload another one finishes in between. Returns its answer and the blob's bytes."""
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=here.app), base_url="http://here") as client:
        place = (await client.post("/v2/a/blobs/uploads/")).headers["location"]
        assert (await client.patch(place, content=BODY)).status_code == 202
        here.blobs.meanwhile = here.finish
        answer = await client.request(method, place + query, content=b" and what came late")
    blob = here.metadata.read.blob(RepositoryName("a"), Digest.of(BODY), time.time_ns() // 1000)
    assert blob is not None
    return answer, here.blobs.path(blob.key).read_bytes()


@pytest.mark.parametrize(("method", "query"), [("PATCH", ""), ("PUT", f"?digest={Digest.of(b'x')}")])
def test_a_request_that_waited_for_the_lock_writes_nothing_into_a_finished_blob(
    here: Here, method: str, query: str
) -> None:
    answer, content = asyncio.run(late(here, method, query))
    assert answer.status_code == 404
    assert content == BODY


def test_a_repeated_end_that_waited_for_the_lock_is_answered_like_the_first(here: Here) -> None:
    answer, content = asyncio.run(late(here, "PUT", f"?digest={Digest.of(BODY)}"))
    assert answer.status_code == 201
    assert content == BODY


async def _repeat(here: Here, between: Callable[[], None]) -> int:
    """Push a blob, let something happen, and repeat the request that finished it. Returns its status."""
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=here.app), base_url="http://here") as client:
        place = (await client.post("/v2/a/blobs/uploads/")).headers["location"] + f"?digest={Digest.of(BODY)}"
        assert (await client.put(place, content=BODY)).status_code == 201
        between()
        return (await client.put(place, content=BODY)).status_code


def test_a_repeated_end_holds_the_blob_like_the_first(here: Here) -> None:
    def end_the_lease() -> None:
        now = time.time_ns() // 1000
        here.metadata.write_now(lambda tx: sessions.release(tx, RepositoryName("a"), Digest.of(BODY), now))

    assert asyncio.run(_repeat(here, end_the_lease)) == 201
    soon = time.time_ns() // 1000 + DAY // 2
    assert here.metadata.collect(lambda tx: tx.ended_leases(soon, 10)) == []


def test_a_repeated_end_is_not_believed_when_the_bytes_are_gone(here: Here) -> None:
    def lose_the_bytes() -> None:
        live = here.metadata.read.live_key(Digest.of(BODY))
        assert live is not None
        here.blobs.path(live.key).write_bytes(b"")

    assert asyncio.run(_repeat(here, lose_the_bytes)) == 404
