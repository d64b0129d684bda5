"""A database and bytes in a directory."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from refloat.blobs.filesystem import FileBlobs
from refloat.metadata.migrate import migrate
from refloat.metadata.store import SqliteMetadata
from tests.usecases.conftest import Registry


@pytest.fixture
def blobs(tmp_path: Path) -> Iterator[FileBlobs]:
    store = FileBlobs(tmp_path / "refloat", reserve=0.0)
    yield store
    store.close()


@pytest.fixture
def metadata(tmp_path: Path) -> Iterator[SqliteMetadata]:
    migrate(tmp_path / "refloat" / "refloat.db")
    store = SqliteMetadata(tmp_path / "refloat" / "refloat.db", tmp_path / "refloat", lambda: False)
    yield store
    store.close()


@pytest.fixture
def registry(metadata: SqliteMetadata) -> Registry:
    """A registry whose blobs are rows only."""
    return Registry(metadata)
