"""The registry's stores without a server: a registry in one process, whose clock is put forward by hand."""

import asyncio
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from refloat.blobs.filesystem import FileBlobs
from refloat.core.clock import Tick
from refloat.core.identity import change_id, key_at
from refloat.core.media import OCI_MANIFEST
from refloat.core.names import Digest, RepositoryName, Tag
from refloat.core.records import Cause, Upload
from refloat.metadata.migrate import migrate
from refloat.metadata.store import SqliteMetadata
from refloat.ports import Transaction
from refloat.usecases import upload
from refloat.usecases.collect import CollectTerms, Round, run_round
from refloat.usecases.purge import reconcile
from refloat.usecases.push import ManifestPush, push_manifest

T = TypeVar("T")
HOUR = 3600 * 1_000_000
DAY = 24 * HOUR
START = 1_764_000_000_000_000
REPOSITORY = RepositoryName("team/api")


@dataclass
class Registry:
    """The stores of one directory, and a clock that is put forward by hand."""

    directory: Path
    now: int = START

    def __post_init__(self) -> None:
        migrate(self.directory / "refloat.db")
        self.blobs = FileBlobs(self.directory, 0.0)
        self.metadata = SqliteMetadata(self.directory / "refloat.db", self.directory, self.blobs.make_room)
        reconcile(self.metadata, self.blobs, self.now)

    def close(self) -> None:
        self.metadata.close()
        self.blobs.close()

    def write(self, work: Callable[[Transaction], T]) -> T:
        return self.metadata.write_now(work)

    def free(self, work: Callable[[Transaction], T]) -> T:
        """Write what deletes, or takes a delete back: on a full disk it has the room that is kept back."""
        return self.metadata.write_now(work, room="kept")

    def blob(self, content: bytes) -> Digest:
        """Push a blob as a client does: a session, an append, the end."""
        self.now += 1000
        session = Upload(os.urandom(8).hex(), REPOSITORY, key_at(self.now, os.urandom(10)), 0, 0, self.now + DAY)
        self.write(lambda tx: upload.begin(tx, session))
        self.blobs.create(session.key)
        with self.blobs.open_upload(session) as file:
            file.cut(0)
            file.append(content)
            found = self.write(lambda tx: upload.record_append(tx, session, len(content), self.now + DAY, self.now))
            digest = Digest.of(content)
            asyncio.run(self.blobs.seal(session.key))
            trusted = upload.judge_live(self.metadata.read, self.blobs, digest, self.now)
            terms = upload.Terms(self.now, len(content), HOUR, HOUR)
            self.write(lambda tx: upload.finish(tx, found, digest, trusted, terms))
        return digest

    def image(self, tag: str, *layers: bytes) -> Digest:
        """Push an image whole."""
        digests = [self.blob(content) for content in (b"{}", *layers)]
        descriptors = [{"mediaType": "application/x", "digest": digest, "size": 1} for digest in digests]
        document = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": descriptors[0], "layers": descriptors[1:]}
        push = ManifestPush(Tag(tag), json.dumps(document).encode(), "")
        return self.write(lambda tx: push_manifest(tx, REPOSITORY, push, self.cause())).digest

    def cause(self) -> Cause:
        self.now += 1000
        return Cause(self.now, change_id(os.urandom(8)), self.now + DAY)

    def collect(self) -> Round:
        tick = Tick(self.now, self.now - START, "one")
        return run_round(self.metadata, self.blobs, tick, CollectTerms(HOUR, 400 * DAY))
