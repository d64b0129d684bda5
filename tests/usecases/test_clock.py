"""Vouching for a clock and a database, on a real one."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from refloat.blobs.filesystem import FileBlobs
from refloat.core.clock import HOUR, Tick
from refloat.usecases.clock import accept, stand
from refloat.usecases.collect import VOUCH, CollectTerms, Round, run_round
from tests.usecases.conftest import DAY, Registry

Collect = Callable[[str], Round]
TERMS = CollectTerms(graveyard=HOUR, history_keep=400 * DAY)


def tick(registry: Registry, session: str, uptime: int = 0) -> Tick:
    return Tick(registry.now, uptime, session)


@pytest.fixture
def collect(registry: Registry, tmp_path: Path) -> Iterator[Collect]:
    blobs = FileBlobs(tmp_path / "refloat", 0.0)
    yield lambda session: run_round(registry.metadata, blobs, tick(registry, session), TERMS)
    blobs.close()


def test_a_directory_without_a_round_has_no_clock(registry: Registry) -> None:
    standing = stand(registry.metadata, tick(registry, "looking"))
    assert (standing.number, standing.epoch, standing.left) == (0, 0, None)
    assert (standing.behind, standing.waiting, standing.stopped) == (0, 0, None)
    assert accept(registry.metadata, tick(registry, "looking")) == 1
    assert registry.metadata.epoch() == 1


def test_looking_changes_nothing(registry: Registry, collect: Collect) -> None:
    collect("run")
    registry.now += 3 * DAY
    assert stand(registry.metadata, tick(registry, "looking")) == stand(registry.metadata, tick(registry, "looking"))


def test_time_beyond_a_stops_allowance_waits_until_it_is_vouched_for(registry: Registry, collect: Collect) -> None:
    collect("run")
    registry.now += 3 * DAY
    standing = stand(registry.metadata, tick(registry, "looking"))
    assert (standing.behind, standing.waiting) == (3 * DAY, 2 * DAY)
    accept(registry.metadata, tick(registry, "looking"))
    standing = stand(registry.metadata, tick(registry, "next run"))
    assert (standing.number, standing.behind, standing.waiting) == (2, 0, 0)
    assert collect("next run").clock == registry.now


def test_a_clock_that_ran_ahead_is_set_back(registry: Registry, collect: Collect) -> None:
    right = registry.now
    registry.now += 3650 * DAY
    collect("run")
    registry.now = right
    assert stand(registry.metadata, tick(registry, "looking")).behind == -3650 * DAY
    accept(registry.metadata, tick(registry, "looking"))
    assert collect("next run").clock == right


def test_a_database_behind_the_directory_is_told_and_vouched_for(registry: Registry, collect: Collect) -> None:
    collect("run")
    registry.metadata.set_epoch(9)
    assert collect("run").stopped == (
        f"the database is at round 1, the directory at 9: it was restored from a backup; {VOUCH}"
    )
    assert "refloat clock accept" in VOUCH
    assert stand(registry.metadata, tick(registry, "looking")).stopped is not None
    assert accept(registry.metadata, tick(registry, "looking")) == 10
    assert stand(registry.metadata, tick(registry, "looking")).stopped is None
    assert (collect("next run").stopped, registry.metadata.epoch()) == (None, 11)


def test_a_crash_between_database_and_file_leaves_nothing_to_repair(registry: Registry, collect: Collect) -> None:
    collect("run")
    registry.metadata.set_epoch(9)
    accept(registry.metadata, tick(registry, "looking"))
    registry.metadata.set_epoch(9)  # what the file would say
    assert collect("next run").stopped is None
    assert registry.metadata.epoch() == 11
