"""Who writes next: what writes little never waits for more than one large write, and nothing waits for ever."""

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from refloat.core.identity import key_at
from refloat.core.names import RepositoryName
from refloat.core.records import Upload
from refloat.metadata import batches
from refloat.metadata.batches import Job
from refloat.metadata.migrate import migrate
from refloat.metadata.store import SqliteMetadata
from refloat.metadata.waiting import MOST_AT_ONCE, MOST_PASSED, ROWS_AT_ONCE, CheapestFirst, Waiting
from refloat.ports import Transaction

NOW = 1_700_000_000_000_000
PATIENCE = 60.0  # seconds; only a broken writer needs them
TEAM = RepositoryName("team/api")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    migrate(tmp_path / "refloat.db")
    return tmp_path


@pytest.fixture
def metadata(place: Path) -> Iterator[SqliteMetadata]:
    store = SqliteMetadata(place / "refloat.db", place, lambda: False)
    yield store
    store.close()


def begin(tx: Transaction, name: str) -> None:
    tx.begin_upload(Upload(name, TEAM, key_at(NOW, name.ljust(10, ".").encode()[:10]), 0, 0, NOW + 1))


def job(rows: int) -> Job:
    return Job(lambda _: None, "durable", "wide", rows)


class Held:
    """Work that stays in its transaction until it is let go."""

    def __init__(self) -> None:
        self.began = threading.Event()
        self.ends = threading.Event()

    def __call__(self, tx: Transaction) -> None:
        self.began.set()
        assert self.ends.wait(PATIENCE)


def test_what_writes_little_goes_before_what_writes_much(metadata: SqliteMetadata) -> None:
    order: list[str] = []

    def note(name: str) -> Callable[[Transaction], None]:
        return lambda _: order.append(name)

    async def all_at_once() -> None:
        held = Held()
        first = asyncio.create_task(metadata.write(held))
        await asyncio.to_thread(held.began.wait, PATIENCE)
        others = [
            metadata.write(note("large"), rows=30_000),
            metadata.write(note("larger"), rows=40_000),
            metadata.write(note("nobody knows")),
            metadata.write(note("small"), rows=1),
            metadata.write_brief(note("brief")),
        ]
        waiting = [asyncio.create_task(other) for other in others]
        await asyncio.sleep(0)  # until each has begun to wait
        held.ends.set()
        await asyncio.gather(first, *waiting)

    asyncio.run(all_at_once())
    assert order.index("small") <= 1  # one that may be large goes first at most
    assert order.index("brief") < order.index("larger")
    assert [name for name in order if name not in ("small", "brief")] == ["nobody knows", "large", "larger"]


def test_a_transaction_has_a_bound_in_jobs_and_in_rows() -> None:
    waiting = Waiting()
    for _ in range(MOST_AT_ONCE + 1):
        waiting.add(job(1))
    assert [len(waiting.take()), len(waiting.take()), bool(waiting)] == [MOST_AT_ONCE, 1, False]
    for rows in (ROWS_AT_ONCE // 2, ROWS_AT_ONCE // 2, 1, 10 * ROWS_AT_ONCE, 1):
        waiting.add(job(rows))
    taken = [[job.rows for job in waiting.take()] for _ in range(4)]
    assert taken == [[ROWS_AT_ONCE // 2] * 2, [1], [10 * ROWS_AT_ONCE], [1]]


def test_what_was_passed_over_often_enough_is_next() -> None:
    waiting, largest = CheapestFirst(), job(10**6)
    waiting.add(largest)
    turns = 0
    while largest not in waiting.take():
        waiting.add(job(ROWS_AT_ONCE))
        turns += 1
        assert turns <= MOST_PASSED + 1


def test_a_transaction_that_takes_long_takes_no_further_job(
    metadata: SqliteMetadata, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "LONGEST", -1.0)
    seen: list[bool] = []

    def second(tx: Transaction) -> None:
        read = threading.Thread(target=lambda: seen.append(metadata.read.upload(TEAM, "first", NOW) is not None))
        read.start()
        read.join()
        begin(tx, "second")

    async def both() -> None:
        await asyncio.gather(metadata.write(lambda tx: begin(tx, "first"), rows=1), metadata.write(second, rows=1))

    asyncio.run(both())
    assert seen == [True]  # the first is committed before the second begins
    assert metadata.read.upload(TEAM, "second", NOW) is not None


def test_what_is_done_ahead_may_fail_and_fails_alone(metadata: SqliteMetadata) -> None:
    def fail() -> None:
        raise ValueError("ahead")

    async def both() -> list[object]:
        writes = [metadata.write(lambda _: "written", ahead=fail), metadata.write(lambda _: "written")]
        return list(await asyncio.gather(*writes, return_exceptions=True))

    failed, written = asyncio.run(both())
    assert isinstance(failed, ValueError)
    assert written == "written"


def test_a_log_that_is_read_is_emptied_without_holding_up_who_writes(place: Path, metadata: SqliteMetadata) -> None:
    other = SqliteMetadata(place / "refloat.db", place, lambda: False)  # as another process has it
    metadata.write_now(lambda tx: begin(tx, "before"))
    with closing(sqlite3.connect(place / "refloat.db", isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM uploads").fetchone()
        metadata.write_now(lambda tx: begin(tx, "unseen"))
        emptying = threading.Thread(target=metadata.empty_log)
        emptying.start()
        other.write_now(lambda tx: begin(tx, "meanwhile"))
        assert emptying.is_alive()
        reader.execute("COMMIT")
        emptying.join(PATIENCE)
    assert not emptying.is_alive()
    assert (place / "refloat.db-wal").stat().st_size == 0
    other.close()


def test_the_log_begins_anew_after_a_large_write(place: Path, metadata: SqliteMetadata) -> None:
    def much(tx: Transaction) -> None:
        tx.lock([RepositoryName(f"{number}/{'x' * 1000}") for number in range(5000)])

    sizes = []
    for number in range(4):
        name = f"{number}"
        metadata.write_now(much if not number else lambda tx: tx.lock([RepositoryName(f"y{name}/{'x' * 1000}")]))  # noqa: B023
        sizes.append((place / "refloat.db-wal").stat().st_size)
    assert sizes[0] > 4 << 20
    assert sizes[-1] <= 4 << 20
