"""A real database in a directory, and a repository to push to without HTTP."""

import hashlib
import itertools
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import pytest

from refloat.core.closing import Rules
from refloat.core.identity import change_id, key_at
from refloat.core.media import OCI_INDEX, OCI_MANIFEST
from refloat.core.names import Digest, Reference, RepositoryName, Tag, parse_reference
from refloat.core.records import Cause, Upload
from refloat.metadata.migrate import migrate
from refloat.metadata.store import SqliteMetadata
from refloat.ports import Transaction
from refloat.usecases import upload
from refloat.usecases.push import ManifestPush, Pushed, push_manifest

T = TypeVar("T")
DAY = 24 * 3600 * 1_000_000
TEAM = RepositoryName("team/api")


class Registry:
    """The use cases with a clock that stands where it is put and names that count up."""

    def __init__(self, metadata: SqliteMetadata) -> None:
        self.metadata = metadata
        self.now = 1_700_000_000_000_000
        self.window = 30 * DAY
        self.lease = DAY
        self.rules = Rules()
        self.bodies: list[bytes] = []
        self._count = itertools.count(1)

    def do(self, work: Callable[[Transaction], T]) -> T:
        self.now += 1_000_000
        return self.metadata.write_now(work)

    def cause(self) -> Cause:
        number = next(self._count)
        identity = change_id(hashlib.sha256(b"%d" % number).digest()[:8])
        return Cause(self.now, identity, self.now + self.window, "ann", rules=self.rules)

    def blob(self, content: bytes, repository: RepositoryName = TEAM) -> Digest:
        number = next(self._count)
        session = Upload(f"u{number}", repository, key_at(self.now, number.to_bytes(10, "big")), 0, 0, self.now + DAY)
        digest = Digest.of(content)
        self.do(lambda tx: upload.begin(tx, session))
        terms = upload.Terms(self.now, len(content), self.lease, DAY)
        trusted = self.metadata.read.live_key(digest)
        self.do(lambda tx: upload.finish(tx, session, digest, trusted, terms))
        return digest

    def put(self, reference: str, body: bytes, declared: str = "", repository: RepositoryName = TEAM) -> Pushed:
        push = ManifestPush(parse_reference(reference), body, declared)
        return self.do(lambda tx: push_manifest(tx, repository, push, self.cause()))

    def image(self, seed: str, subject: Digest | None = None, repository: RepositoryName = TEAM) -> bytes:
        """Upload an image's blobs and return its manifest, not yet pushed."""
        config = self.blob(f"config {seed}".encode(), repository)
        layer = self.blob(f"layer {seed}".encode(), repository)
        document: dict[str, object] = {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": config, "size": 1},
            "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": layer, "size": 1}],
        }
        if subject is not None:
            document["subject"] = {"mediaType": OCI_MANIFEST, "digest": subject, "size": 1}
        return json.dumps(document).encode()

    def tips(self, repository: RepositoryName = TEAM) -> dict[Reference, Digest]:
        tips: dict[Reference, Digest] = {}
        for tag in self.metadata.read.tags(repository, "", None):
            stored = self.metadata.read.manifest(repository, Tag(tag))
            assert stored is not None
            tips[Tag(tag)] = stored.digest
        for digest in self.metadata.listing.matching(repository, "sha256:", 1000):
            tips[digest] = digest
        return tips


def index_of(*children: bytes) -> bytes:
    entries = [{"mediaType": OCI_MANIFEST, "digest": Digest.of(child), "size": len(child)} for child in children]
    return json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}).encode()


def references(names: Sequence[str]) -> list[Reference]:
    return [parse_reference(name) for name in names]


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    database = tmp_path / "refloat" / "refloat.db"
    migrate(database)
    metadata = SqliteMetadata(database, tmp_path / "refloat", lambda: False)
    yield Registry(metadata)
    metadata.close()
