"""The collector inside a server, on a real database and real files."""

import fcntl
import logging
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from refloat.blobs.filesystem import FileBlobs
from refloat.main import collector as subject
from refloat.main.collector import Collector
from refloat.metadata.migrate import migrate
from refloat.metadata.store import SqliteMetadata
from refloat.usecases.collect import CollectTerms
from tests.serve.program import eventually

SECOND = 1_000_000
HOUR = 3600 * SECOND


@pytest.fixture
def metadata(tmp_path: Path) -> Iterator[SqliteMetadata]:
    migrate(tmp_path / "refloat.db")
    opened = SqliteMetadata(tmp_path / "refloat.db", tmp_path, lambda: False)
    yield opened
    opened.close()


@pytest.fixture
def blobs(tmp_path: Path) -> Iterator[FileBlobs]:
    opened = FileBlobs(tmp_path, 0.0)
    yield opened
    opened.close()


@pytest.fixture
def collector(tmp_path: Path, metadata: SqliteMetadata, blobs: FileBlobs) -> Collector:
    return Collector(metadata, blobs, CollectTerms(HOUR, HOUR), "one run", tmp_path / "collector.lock")


def test_a_round_can_be_asked_for_and_planned(collector: Collector) -> None:
    first = collector.collect_now()
    assert collector.plan().number == first.number + 1
    assert collector.collect_now().number == first.number + 1


def test_rounds_follow_each_other_by_themselves(collector: Collector, metadata: SqliteMetadata) -> None:
    collector.start(1000)
    eventually(lambda: metadata.epoch() >= 3, "no round was run")
    collector.stop()
    assert metadata.last_backup() is not None


def test_one_collects_at_a_time(collector: Collector, metadata: SqliteMetadata, tmp_path: Path,
                                monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    monkeypatch.setattr(subject, "PATIENCE", 0.0)
    with (tmp_path / "collector.lock").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(TimeoutError):
            collector.collect_now()
        assert metadata.epoch() == 0
    collector.collect_now()
    assert metadata.epoch() == 1


def test_a_restored_database_stops_collection_and_is_complained_of_once(
    collector: Collector, metadata: SqliteMetadata, caplog: pytest.LogCaptureFixture
) -> None:
    metadata.set_epoch(9)
    with caplog.at_level(logging.ERROR):
        assert collector.collect_now().stopped is not None
        assert collector.collect_now().stopped is not None
    assert len(caplog.records) == 1
    assert "collection is stopped" in caplog.text


def test_requests_count_their_deadlines_from_no_wall_that_was_set_back(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = collector.now()
    year_ago = time.time_ns() - 365 * 24 * 3600 * 1_000_000_000
    monkeypatch.setattr(time, "time_ns", lambda: year_ago)
    assert before - SECOND <= collector.now() <= before
