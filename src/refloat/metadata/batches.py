"""One transaction over all the work that waits, and what becomes of it when something fails."""

import asyncio
import os
import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from refloat import durable
from refloat.core import room
from refloat.core.errors import RefloatError, StorageFull, Unavailable
from refloat.core.scarcity import exhausted
from refloat.metadata.failures import code_of, database, is_full
from refloat.metadata.turns import LOOK_AGAIN
from refloat.ports import Room

CHECKPOINT_ROWS = 300  # rows written between two looks at the log: some thousand of its pages
CHECKPOINT_SIZE = 4 << 20  # bytes that the log grows by between two looks at it
LONGEST = 0.1  # seconds after which a batch takes no further job: others wait for it

Promise = Literal["durable", "visible"]
Weight = Literal["brief", "small", "wide"]
OnBroken = Callable[[BaseException], None]


@dataclass(slots=True)
class Job:
    """Work that waits, and what came of it.

    Its weight: a handful of rows that a pull may wait for, few, or many or nobody knows. `rows` is how many it is
    expected to write, `ahead` what it does before its transaction, `room` which room of the disk it may take, `passed`
    how often others went before it; `had_turn` is unset where its batch took too long, `is_short` set where it met the
    full disk, left no trace, and may be run again.
    """

    work: Callable[[sqlite3.Connection], object]
    promise: Promise
    weight: Weight
    rows: int = 0
    ahead: Callable[[], object] | None = None
    answered: "asyncio.Future[None] | None" = None
    room: Room = "spare"
    passed: int = 0
    had_turn: bool = False
    is_short: bool = False
    result: object = None
    error: BaseException | None = None


class Batches:
    """Runs batches of jobs on a connection that one caller at a time has: `begin`, `run`, `commit`.

    Nothing is raised: each job that had its turn carries its result or its error. What fails as a whole fails for all
    jobs, and the steps after it do nothing. `on_broken` is called with the reason when nothing is written any more.
    """

    def __init__(self, connection: sqlite3.Connection, on_broken: OnBroken) -> None:
        self._connection = connection
        self._on_broken = on_broken
        self._path = Path(connection.execute("PRAGMA database_list").fetchone()[2])
        self._log, self._log_size = f"{self._path}-wal", 0
        self._pragmas: dict[str, str | int] = {"synchronous": "FULL"}  # what `connect` asserted
        self._set("wal_autocheckpoint", 0)  # it would sync, also where a commit must not wait
        self._set("busy_timeout", 0)
        self._rows = connection.total_changes
        self._broken: BaseException | None = None

    def begin(self, batch: Sequence[Job], patience: int) -> bool:
        """Begin a transaction. False: with no patience (milliseconds), and another process is writing."""
        for job in batch:
            job.error, job.is_short, job.had_turn = None, False, False
        try:
            self._refuse_if_broken()
            self._promise(batch)
            self._begin_within(patience)
        except BaseException as problem:  # noqa: BLE001  # whatever it is, nobody may be told it was written
            if not patience and code_of(problem) == sqlite3.SQLITE_BUSY:
                return False
            self._fail(batch, _for_the_moment(problem))
        return True

    def _begin_within(self, patience: int) -> None:
        """SQLite itself sleeps up to 100 ms between two looks at the lock, and misses what others leave free."""
        deadline = time.monotonic() + patience / 1000
        while True:
            try:
                self._connection.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as problem:
                if code_of(problem) != sqlite3.SQLITE_BUSY or time.monotonic() >= deadline:
                    raise
                time.sleep(LOOK_AGAIN)
            else:
                return

    def run(self, batch: Sequence[Job]) -> None:
        """Let jobs do their work, until it took LONGEST; one that fails leaves no trace in what the others wrote."""
        if self._connection.in_transaction:
            try:
                self._run_alone(batch[0]) if len(batch) == 1 else self._run_all(batch)
            except BaseException as problem:  # noqa: BLE001  # the same
                self._fail(batch, _for_the_moment(problem))

    def commit(self, batch: Sequence[Job]) -> None:
        """Make what was written visible, and durable where that was promised."""
        if self._connection.in_transaction:
            try:
                durable.commit(self._connection)  # guard: durable-before-the-answer
            except BaseException as problem:  # noqa: BLE001  # the same
                self._fail(batch, problem)

    def empty_log(self) -> bool:
        """Cut the log to nothing once all of it is in the database file; what was overwritten there is gone then.

        False: somebody reads or writes it just now. Raises Unavailable.
        """
        self._refuse_if_broken()
        with database():
            (is_busy, *_) = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return not is_busy

    def restart_log(self) -> bool:
        """Let the log be written from its beginning again, where it needs no room. False: that is not to be had now."""
        with suppress(sqlite3.Error):
            _, frames, moved = self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            return bool(0 < frames == moved)
        return False

    def is_log_long(self) -> bool:
        """Was so much written that the log is to be brought into the database file? Asked again it was not."""
        rows = self._connection.total_changes
        if rows - self._rows <= CHECKPOINT_ROWS and not self._has_log_grown():
            return False
        self._rows = rows
        return True

    def bring_log(self) -> None:
        """Bring the log into the database file, as far as nobody reads it."""
        with suppress(sqlite3.Error):  # what was written is safe in the log; the next one tries again
            self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)")

    def _has_log_grown(self) -> bool:
        """Has the log become much longer than ever? A few large bodies take the room of many rows, and twice."""
        with suppress(OSError):
            size = os.stat(self._log).st_size
            has_grown = size > self._log_size + CHECKPOINT_SIZE
            if has_grown or size < self._log_size:
                self._log_size = size
            return has_grown
        return False

    def _promise(self, batch: Sequence[Job]) -> None:
        durability = "FULL" if any(job.promise == "durable" for job in batch) else "NORMAL"
        self._set("synchronous", durability)  # guard: durable-promises-are-synced

    def _set(self, pragma: str, value: str | int) -> None:
        if self._pragmas.get(pragma) != value:
            self._connection.execute(f"PRAGMA {pragma} = {value}")
            self._pragmas[pragma] = value

    def _run_alone(self, job: Job) -> None:
        job.had_turn = True
        try:
            job.result = job.work(self._connection)
        except Exception as problem:  # it comes out where the work was handed in
            if not self._connection.in_transaction:
                raise
            self._refuse(job, problem)
            self._connection.execute("ROLLBACK")

    def _run_all(self, batch: Sequence[Job]) -> None:
        execute, ends = self._connection.execute, time.monotonic() + LONGEST
        for job in batch:
            job.had_turn = True
            execute("SAVEPOINT job")
            try:
                job.result = job.work(self._connection)
            except Exception as problem:  # it comes out where the work was handed in
                if not self._connection.in_transaction:
                    raise  # SQLite gave the whole transaction up, as it does on a full disk
                self._refuse(job, problem)
                execute("ROLLBACK TO job")
            execute("RELEASE job")
            if time.monotonic() > ends:
                return

    def _refuse(self, job: Job, problem: Exception) -> None:
        """Keep what one job's work came to. On a full disk SQLite may give up one statement only."""
        job.is_short = is_full(problem, self._path)
        job.error = StorageFull(room.FULL) if job.is_short else problem

    def _fail(self, batch: Sequence[Job], problem: BaseException) -> None:
        failure = self._failure(problem)
        for job in batch:
            job.error, job.had_turn = failure, True
            job.is_short = isinstance(failure, StorageFull)

    def _failure(self, problem: BaseException) -> RefloatError:
        problem = self._given_back() or problem
        if isinstance(problem, RefloatError):
            return problem
        if is_full(problem, self._path):
            return StorageFull(room.FULL)
        if code_of(problem) == sqlite3.SQLITE_BUSY:
            return Unavailable("the database is busy: nothing was written, try again")
        self._broken = problem  # a commit that failed is not tried again and not believed
        self._on_broken(problem)
        return Unavailable(f"the database failed and this process no longer writes: {problem}")

    def _given_back(self) -> BaseException | None:
        """Roll back what is open. Returns what went wrong with that too."""
        try:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        except sqlite3.Error as problem:
            return problem
        return None

    def _refuse_if_broken(self) -> None:
        if self._broken is not None:
            raise Unavailable(f"the database failed and this process no longer writes: {self._broken}")


def short_of(batch: Sequence[Job]) -> list[Job]:
    """Return the jobs that met the full disk and may take what is kept back: they are run again when room was made."""
    return [job for job in batch if job.is_short and job.room == "kept"]  # guard: the-ballast-is-not-for-pushes


def is_ready(job: Job) -> bool:
    """Let a job do what it does before its transaction. False: that failed, and the job with it."""
    try:
        if job.ahead is not None:
            job.ahead()
    except Exception as problem:  # noqa: BLE001  # it comes out where the work was handed in
        job.error, job.had_turn = problem, True
    return job.error is None


def _for_the_moment(problem: BaseException) -> BaseException:
    """Return a condition for what was lacking before anything was committed: the database is none the worse for it."""
    return exhausted(problem) or problem


def promises_durability(batch: Sequence[Job]) -> bool:
    """Was anybody in the batch promised that a power cut takes nothing back?"""
    return any(job.promise == "durable" for job in batch)
