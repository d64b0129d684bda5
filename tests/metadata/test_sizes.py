"""Each use of a blob says the blob's size, and what a repository takes is added up from its own uses."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from refloat.core.identity import key_at
from refloat.core.media import OCI_MANIFEST
from refloat.core.names import Digest, RepositoryName
from refloat.core.records import Upload
from refloat.metadata.migrate import migrate
from refloat.metadata.store import SqliteMetadata
from refloat.usecases import upload
from tests.usecases.conftest import DAY, TEAM, Registry, index_of

WRONG = """
SELECT f.digest, f.size, b.size FROM refs f LEFT JOIN blobs b ON b.digest = f.blob WHERE f.size IS NOT b.size"""
WITHOUT_SIZES = (
    "DROP TRIGGER blobs_resized",
    "ALTER TABLE refs DROP COLUMN size",
    "DELETE FROM schema_version WHERE version > 5",
)
WEB = RepositoryName("team/web")


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "refloat" / "refloat.db"


@pytest.fixture
def registry(database: Path) -> Iterator[Registry]:
    migrate(database)
    metadata = SqliteMetadata(database, database.parent, lambda: False)
    yield Registry(metadata)
    metadata.close()


def test_a_repository_takes_each_of_its_blobs_once(registry: Registry, database: Path) -> None:
    _fill(registry)
    one = len("config one") + len("layer one")
    assert _sizes(registry.metadata) == {TEAM: 2 * one, WEB: one}
    assert registry.metadata.listing.repository_sizes(TEAM)[0] == _sizes(registry.metadata)[TEAM]
    assert _wrong(database) == []


def test_a_layer_that_arrives_after_its_manifest_counts_from_then_on(registry: Registry, database: Path) -> None:
    layer = b"kept elsewhere until now"
    config = registry.blob(b"config")
    registry.put("v1", _image_with_urls(config, Digest.of(layer)))
    assert _sizes(registry.metadata) == {TEAM: len(b"config")}
    registry.blob(layer)
    assert _sizes(registry.metadata) == {TEAM: len(b"config") + len(layer)}
    assert _wrong(database) == []


def test_a_size_put_right_with_a_blobs_bytes_is_right_wherever_it_is_used(registry: Registry, database: Path) -> None:
    _fill(registry)
    before, content = _sizes(registry.metadata), b"layer one"
    with closing(sqlite3.connect(database)) as rows, rows:  # what was taken over from a file that had been cut short
        rows.execute("UPDATE blobs SET size = 3 WHERE digest = ?", (Digest.of(content),))
    assert _sizes(registry.metadata) == {name: size - len(content) + 3 for name, size in before.items()}
    _push_again(registry, content)
    assert _sizes(registry.metadata) == before
    assert _wrong(database) == []


def test_an_older_databases_uses_get_their_sizes(
    registry: Registry, database: Path, caplog: pytest.LogCaptureFixture
) -> None:
    _fill(registry)
    before = _sizes(registry.metadata)
    registry.metadata.close()
    with closing(sqlite3.connect(database)) as older, older:
        for statement in WITHOUT_SIZES:
            older.execute(statement)
    with caplog.at_level("INFO"):
        migrate(database)
    assert "from schema 5 to" in caplog.text
    assert _wrong(database) == []
    newer = SqliteMetadata(database, database.parent, lambda: False)
    assert _sizes(newer) == before
    newer.close()


def _fill(registry: Registry) -> None:
    """Push two images and their index to one repository, and one of them to another."""
    images = [registry.image("one"), registry.image("two")]
    for body in images:
        registry.put(Digest.of(body), body)
    registry.put("v1", index_of(*images))
    registry.put("v1", registry.image("one", repository=WEB), repository=WEB)


def _push_again(registry: Registry, content: bytes) -> None:
    """Upload what nobody trusts the bytes of any more."""
    key = key_at(registry.now, b"pushed-2nd")
    session = Upload("again", TEAM, key, 0, 0, registry.now + DAY)
    terms = upload.Terms(registry.now, len(content), DAY, DAY)
    registry.do(lambda tx: upload.begin(tx, session))
    registry.do(lambda tx: upload.finish(tx, session, Digest.of(content), None, terms))


def _sizes(metadata: SqliteMetadata) -> dict[str, int]:
    return {entry.name: entry.size for entry in metadata.listing.repositories("", 50)}


def _wrong(database: Path) -> list[object]:
    with closing(sqlite3.connect(database)) as rows:
        return rows.execute(WRONG).fetchall()


def _image_with_urls(config: Digest, layer: Digest) -> bytes:
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": config, "size": 6},
        "layers": [{"mediaType": "application/x", "digest": layer, "size": 24, "urls": ["https://elsewhere.example/"]}],
    }
    return json.dumps(document).encode()
