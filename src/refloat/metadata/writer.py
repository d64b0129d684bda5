"""The one writer of a process: whatever waits is written in one transaction, and answered when it is durable.

Group commit with no window: while a batch is being made durable the next one gathers. Other processes
write through their own writer; SQLite's lock puts the batches in a row.
"""

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from typing import Literal, TypeVar

from refloat import durable
from refloat.core.errors import RefloatError, StorageFull, Unavailable

T = TypeVar("T")
MOST_AT_ONCE = 64


Promise = Literal["durable", "visible"]


@dataclass(slots=True)
class _Job:
    work: Callable[[sqlite3.Connection], object]
    promise: Promise
    done: Callable[[], object]
    result: object = None
    error: BaseException | None = None


class Writer:
    """Runs work in transactions on its own thread and connection.

    `make_room` is called when the database finds the disk full; it answers whether it freed some.
    """

    def __init__(self, connection: sqlite3.Connection, make_room: Callable[[], bool]) -> None:
        self._connection = connection
        self._make_room = make_room
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._broken: BaseException | None = None
        self._durability = "FULL"  # what `connect` asserted
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)
        self._thread.start()

    async def write(self, work: Callable[[sqlite3.Connection], T], promise: Promise = "durable") -> T:
        """Run `work` and return its result when the promise holds; its exception undoes it and comes out here.

        What is only promised to be visible becomes durable with the next batch that holds a durable promise.
        """
        loop = asyncio.get_running_loop()
        answered: asyncio.Future[None] = loop.create_future()
        job = _Job(work, promise, partial(loop.call_soon_threadsafe, _answer, answered))
        self._jobs.put(job)
        await asyncio.shield(answered)
        return _outcome(job)

    def write_now(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """The same for a caller on another thread than the event loop's."""
        answered: Future[None] = Future()
        job = _Job(work, "durable", lambda: answered.set_result(None))
        self._jobs.put(job)
        answered.result()
        return _outcome(job)

    def close(self) -> None:
        """Finish what waits, then stop."""
        self._jobs.put(None)
        self._thread.join()
        self._connection.close()

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            batch, last = [job], False
            while len(batch) < MOST_AT_ONCE and not self._jobs.empty():
                more = self._jobs.get()
                if more is None:
                    last = True
                    break
                batch.append(more)
            self._write_batch(batch)
            for written in batch:
                written.done()
            if last:
                return

    def _write_batch(self, batch: Sequence[_Job]) -> None:
        try:
            self._refuse_if_broken()
            self._transact(batch)
        except BaseException as problem:  # noqa: BLE001  # whatever it is, nobody may be told it was written
            failure = self._failure(problem)
            for job in batch:
                job.error = failure

    def _transact(self, batch: Sequence[_Job]) -> None:
        execute = self._connection.execute
        durability = "FULL" if any(job.promise == "durable" for job in batch) else "NORMAL"
        if durability != self._durability:
            execute(f"PRAGMA synchronous = {durability}")  # guard: durable-promises-are-synced
            self._durability = durability
        execute("BEGIN IMMEDIATE")
        for job in batch:
            execute("SAVEPOINT job")
            try:
                job.result = job.work(self._connection)
            except (RefloatError, Exception) as problem:
                if not self._connection.in_transaction:
                    raise  # SQLite gave the whole transaction up, as it does on a full disk
                job.error = problem
                execute("ROLLBACK TO job")
            execute("RELEASE job")
        durable.commit(self._connection)  # guard: durable-before-the-answer

    def _failure(self, problem: BaseException) -> RefloatError:
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")
        if isinstance(problem, RefloatError):
            return problem
        if isinstance(problem, sqlite3.OperationalError) and problem.sqlite_errorcode == sqlite3.SQLITE_FULL:
            self._make_room()
            return StorageFull("the disk is full: nothing was written; deletes, undo and pulls still work")
        if isinstance(problem, sqlite3.OperationalError) and problem.sqlite_errorcode == sqlite3.SQLITE_BUSY:
            return Unavailable("the database is busy: nothing was written, try again")
        self._broken = problem  # a commit that failed is not tried again and not believed
        return Unavailable(f"the database failed and this process no longer writes: {problem}")

    def _refuse_if_broken(self) -> None:
        if self._broken is not None:
            raise Unavailable(f"the database failed and this process no longer writes: {self._broken}")


def _answer(future: "asyncio.Future[None]") -> None:
    if not future.done():
        future.set_result(None)


def _outcome(job: _Job) -> T:  # type: ignore[type-var]  # the result has the type its work returns
    if job.error is not None:
        raise job.error
    return job.result  # type: ignore[return-value]
