"""What is done while the disk fails: what was there before, and the steps under fire."""

import asyncio
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from refloat.blobs.filesystem import FileBlobs
from refloat.core.errors import BlobUploadUnknown, Unavailable
from refloat.core.names import Digest
from refloat.core.records import Upload
from refloat.metadata.migrate import migrate
from refloat.metadata.store import SqliteMetadata
from refloat.usecases import upload
from tests.crash import stories
from tests.crash.registry import DAY, HOUR, REPOSITORY, Registry
from tests.crash.stories import Step, days_pass, delete, go_back, mount, push, push_chunks, rm, take_back


@dataclass(frozen=True)
class Operation:
    """`before` happens on a disk that works, `under_fire` on one that fails.

    `makes` makes the steps anew for each trial: a step may remember how far it came. `hides_reasons`: SQLite writes a
    file of its own there, and does not say why it could not.
    """

    before: Sequence[Step]
    makes: Callable[[], Sequence[Step]]
    hides_reasons: bool = False


class Stubborn:
    """A client that sends its bytes once, and asks again to finish the same session for as long as it is there."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._session: Upload | None = None

    def __call__(self, registry: Registry) -> None:
        if self._session is None:
            self._session = stories._append(registry, stories._begin(registry), self._content)
        try:
            self._finish(registry, self._session)
        except BlobUploadUnknown:  # its bytes were not kept: from the beginning
            self._session = stories._append(registry, stories._begin(registry), self._content)
            self._finish(registry, self._session)

    def _finish(self, registry: Registry, session: Upload) -> None:
        with registry.blobs.open_upload(session) as file:
            file.cut(session.size)
            digest = asyncio.run(file.digest("sha256"))
            asyncio.run(registry.blobs.seal(session.key))
            trusted = upload.judge_live(registry.metadata.read, registry.blobs, digest, registry.now)
            terms = upload.Terms(registry.now, file.size, HOUR, HOUR)
            registry.write(lambda tx: upload.finish(tx, session, digest, trusted, terms))


def back_up(registry: Registry) -> None:
    registry.metadata.backup(registry.now)


def start(registry: Registry) -> None:
    """Open the directory as a fresh server does; the one before goes on until it is there."""
    place = registry.directory
    try:
        migrate(place / "refloat.db")
        blobs = FileBlobs(place, 0.0)
        metadata = SqliteMetadata(place / "refloat.db", place, blobs.make_room)
        metadata.write_now(lambda _: None)  # SQLite may have opened it to read only: a worker like that is replaced
    except sqlite3.Error as problem:  # a start says it in words of its own
        raise Unavailable(f"{problem}") from problem
    registry.close()
    registry.blobs, registry.metadata = blobs, metadata


def unlease(content: bytes) -> Step:
    return lambda registry: registry.free(lambda tx: upload.release(tx, REPOSITORY, Digest.of(content), registry.now))


def _of(before: Sequence[Step], *under_fire: Step) -> Operation:
    return Operation(before, lambda: under_fire)


IMAGE = [push("v1", b"a", b"b")]
INDEX = stories.index("i", b"x", b"y")
OPERATIONS: Mapping[str, Operation] = {
    "push": _of([], push("v1", b"a")),
    "finish again": Operation([], lambda: [Stubborn(b"kept whole")]),
    "chunks": _of([], push_chunks("v1", b"one", b"two", b"three" * 50_000)),
    "the same again": _of(IMAGE, push("v2", b"b", b"a")),
    "mount": _of(IMAGE, mount("w1", b"a", b"b")),
    "an index": _of(INDEX[:-2], *INDEX[-2:]),
    "delete": _of(IMAGE, delete("v1"), push("v1", b"a", b"b")),
    "undo": _of([*IMAGE, rm("v1")], take_back()),
    "restore": _of([*IMAGE, push("v1", b"c")], go_back("v1", 1)),
    "overwritten": _of(IMAGE, push("v1", b"c")),
    "cancel": _of([], stories.cancel(b"thing")),
    "prune": _of([*IMAGE, push("v2", b"b", b"c"), rm("v1")], days_pass(2)),
    "condemn and reap": _of([*IMAGE, push("v2", b"b", b"c"), rm("v1"), days_pass(2)], days_pass(2), push("v3", b"a")),
    "expired": _of([stories.abandon(b"some"), stories.abandon(b"more"), *IMAGE], days_pass(2), days_pass(1)),
    "backup": Operation(IMAGE, lambda: [back_up], hides_reasons=True),
    "eighth backup": Operation([*IMAGE, *[stories.back_up(day) for day in range(7)]], lambda: [stories.back_up(8)],
                               hides_reasons=True),
    "repair": _of([push("v1", stories.SPOILED), stories.spoil, stories.stray], stories.repair,
                  push("v1", stories.SPOILED)),
    "start": Operation(IMAGE, lambda: [start], hides_reasons=True),
    "a lease ends": _of([*IMAGE, lambda registry: registry.blob(b"alone")], unlease(b"alone"), days_pass(1)),
    "the next day": _of(IMAGE, lambda registry: _advance(registry), push("v2", b"tomorrow")),
}  # fmt: skip


def _advance(registry: Registry) -> None:
    registry.now += DAY
