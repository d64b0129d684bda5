"""What is a manifest and a blob is a part as both, in random orders of everything that can be asked, on SQLite."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from refloat.blobs.filesystem import FileBlobs
from refloat.metadata.migrate import migrate
from refloat.metadata.store import SqliteMetadata
from tests.models.parts import Both, Step, steps
from tests.usecases.conftest import TEAM


@pytest.fixture(scope="module")
def blobs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FileBlobs]:
    store = FileBlobs(tmp_path_factory.mktemp("blobs") / "refloat", reserve=0.0)
    yield store
    store.close()


SHORTEST: list[Step] = [("blob", TEAM, "one"), ("tag", TEAM, "index"), ("put", TEAM, "one")]
HELD: list[Step] = [("put", TEAM, "one"), ("blob", TEAM, "one"), ("tag", TEAM, "index"), ("days", TEAM, "2")]


@example(history=SHORTEST)
@example(history=HELD)
@given(history=st.lists(steps, min_size=6, max_size=30))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_part_is_a_part_in_any_order(blobs: FileBlobs, history: list[Step]) -> None:
    with tempfile.TemporaryDirectory() as place:
        database = Path(place) / "refloat.db"
        migrate(database)
        metadata = SqliteMetadata(database, Path(place), lambda: False)
        try:
            both = Both(metadata, blobs)
            for step in history:
                both.do(*step)
                both.check()
        finally:
            metadata.close()
