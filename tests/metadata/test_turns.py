"""Who writes next: what writes little never waits for more than one large write, and nothing waits for ever."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from refloat.core.identity import key_at
from refloat.core.names import RepositoryName
from refloat.core.records import Upload
from refloat.metadata import batches, turns
from refloat.metadata.batches import Job
from refloat.metadata.migrate import migrate
from refloat.metadata.store import SqliteMetadata
from refloat.metadata.turns import Turn, Turns
from refloat.metadata.waiting import MOST_AT_ONCE, MOST_PASSED, ROWS_AT_ONCE, CheapestFirst, Waiting
from refloat.ports import Transaction
from tests.serve.program import eventually

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
        ]
        waiting = [asyncio.create_task(other) for other in others]
        while not metadata._writer._turn._little:
            await asyncio.sleep(0)
        held.ends.set()
        await asyncio.gather(first, *waiting)

    asyncio.run(all_at_once())
    assert order == ["small", "nobody knows", "large", "larger"]


def test_the_turn_goes_to_little_and_past_much_so_often_at_most() -> None:
    turn, order = Turn(), list[str]()
    little = [threading.Thread(target=_take, args=(turn.taken_for_little, order, "little")) for _ in range(12)]
    much = threading.Thread(target=_take, args=(turn.taken_for_much, order, "much"))
    assert turn.take_at_once()
    much.start()
    for thread in little:
        thread.start()
    eventually(lambda: (turn._much, turn._little) == (1, 12), "they do not wait")
    assert not turn.take_at_once()
    turn.release()
    for thread in (much, *little):
        thread.join(PATIENCE)
    assert order == ["little"] * turns.MOST_PASSED + ["much"] + ["little"] * (12 - turns.MOST_PASSED)
    assert turn.take_at_once()


def _take(taken: Callable[[], AbstractContextManager[None]], order: list[str], name: str) -> None:
    with taken():
        order.append(name)


def test_one_of_all_processes_writes_much(tmp_path: Path) -> None:
    ours, theirs = Turns(tmp_path / "lock"), Turns(tmp_path / "lock")
    order: list[str] = []

    def write() -> None:
        with theirs.taken():
            order.append("theirs")

    with ours.taken():
        other = threading.Thread(target=write)
        other.start()
        order.append("ours")
    other.join(PATIENCE)
    assert order == ["ours", "theirs"]
    assert (tmp_path / "lock").stat().st_mode & 0o777 == 0o600
    ours.close()
    theirs.close()


def test_a_turn_that_cannot_be_had_keeps_nobody_from_writing(tmp_path: Path) -> None:
    (tmp_path / "lock").symlink_to(tmp_path / "elsewhere")
    with Turns(tmp_path / "lock").taken():
        assert not (tmp_path / "elsewhere").exists()


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
