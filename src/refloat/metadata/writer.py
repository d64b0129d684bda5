"""The one writer of a process: whatever waits is written in one transaction, and answered when it is durable.

Group commit with no window: while a batch is being made durable the next one gathers. Other processes
write through their own writer; SQLite's lock puts the batches in a row.

Brief work runs on the event loop: on a thread it would fight the loop for the interpreter at every
statement, which costs more than the statements do. What may wait or take long has a thread: commits that
sync, all other work, the wait for another process.
"""

import asyncio
import logging
import queue
import sqlite3
import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

from refloat.core import room as rooms
from refloat.core.errors import StorageFull
from refloat.metadata.batches import Batches, Job, OnBroken, Promise, Weight, promises_durability, short_of
from refloat.metadata.failures import with_room
from refloat.metadata.sqlite import BUSY_TIMEOUT_MS
from refloat.ports import Room

T = TypeVar("T")
MOST_AT_ONCE = 64
AT_ONCE = 0  # milliseconds
log = logging.getLogger("refloat.metadata")
MOST_TIMES = 8  # that room is made for one batch, where somebody else takes what was made


class Writer:
    """Runs work in transactions on one connection, for one event loop and any number of threads.

    `make_room` is called when work that may take what is kept back finds the disk full; it answers whether it freed
    some, and then that work is run again before anybody is answered. After a failure of another kind nothing is
    written any more: `on_broken` is told of it once, with the reason.
    """

    def __init__(self, connection: sqlite3.Connection, make_room: Callable[[], bool], on_broken: OnBroken) -> None:
        self._connection = connection
        self._batches = Batches(connection, on_broken)
        self._make_room = make_room
        self._turn = threading.Lock()  # whoever holds it has the connection
        self._waiting: list[Job] = []
        self._is_under_way = False
        self._tasks: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work_off, name="writer", daemon=True)
        self._thread.start()

    async def write(
        self,
        work: Callable[[sqlite3.Connection], T],
        promise: Promise = "durable",
        weight: Weight = "any",
        *,
        room: Room = "spare",
    ) -> T:
        """Run `work` and return its result when the promise holds; its exception undoes it and comes out here.

        It may be run more than once, where the disk was full. What is only promised to be visible becomes durable with
        the next batch that holds a durable promise.
        """
        loop = asyncio.get_running_loop()
        answered: asyncio.Future[None] = loop.create_future()
        job = Job(work, promise, weight, answered, room=room)
        self._waiting.append(job)
        if not self._is_under_way:
            self._is_under_way = True
            loop.call_soon(self._next, loop)
        await answered  # a caller that is cancelled stops waiting, and its work goes on
        return _outcome(job)

    def write_now(self, work: Callable[[sqlite3.Connection], T], *, room: Room = "spare") -> T:
        """The same for a caller on another thread than the event loop's."""
        job = Job(work, "durable", "any", room=room)
        self._transact([job])
        return _outcome(job)

    def empty_log(self) -> None:
        """Bring all of the log into the database file and cut it to nothing. What it makes room for is a purge.

        Raises StorageFull, and Unavailable while it is read.
        """
        with_room(self._empty_log, self._make_room)

    def _empty_log(self) -> None:
        with self._turn:
            self._batches.empty_log()

    def close(self) -> None:
        """Finish what has begun, then stop."""
        self._tasks.put(None)
        self._thread.join()
        self._connection.close()

    def _work_off(self) -> None:
        while (task := self._tasks.get()) is not None:
            task()

    def _next(self, loop: asyncio.AbstractEventLoop) -> None:
        """Let what has gathered have its turn: here, if nothing has to be waited for."""
        batch, self._waiting = self._waiting[:MOST_AT_ONCE], self._waiting[MOST_AT_ONCE:]
        brief = all(job.weight == "brief" for job in batch)
        if not (brief and self._turn.acquire(blocking=False)):
            self._tasks.put(partial(self._transact_for, loop, batch))
        elif self._batches.begin(batch, AT_ONCE):
            self._go_on(loop, batch)
        else:
            self._turn.release()
            self._tasks.put(partial(self._transact_for, loop, batch))

    def _go_on(self, loop: asyncio.AbstractEventLoop, batch: Sequence[Job]) -> None:
        self._batches.run(batch)
        if promises_durability(batch):
            self._tasks.put(partial(self._sync_for, loop, batch))
        else:
            self._batches.commit(batch)
            self._turn.release()
            if short_of(batch):
                self._tasks.put(partial(self._run_again_for, loop, batch))
            else:
                self._answer(loop, batch)

    def _sync_for(self, loop: asyncio.AbstractEventLoop, batch: Sequence[Job]) -> None:
        self._batches.commit(batch)
        self._turn.release()
        self._run_again_for(loop, batch)

    def _run_again_for(self, loop: asyncio.AbstractEventLoop, batch: Sequence[Job]) -> None:
        self._run_again(batch)
        loop.call_soon_threadsafe(self._answer, loop, batch)

    def _transact_for(self, loop: asyncio.AbstractEventLoop, batch: Sequence[Job]) -> None:
        self._transact(batch)
        loop.call_soon_threadsafe(self._answer, loop, batch)

    def _transact(self, batch: Sequence[Job]) -> None:
        self._run_once(batch)
        self._run_again(batch)

    def _run_once(self, batch: Sequence[Job]) -> None:
        with self._turn:
            self._batches.begin(batch, BUSY_TIMEOUT_MS)
            self._batches.run(batch)
            self._batches.commit(batch)

    def _run_again(self, batch: Sequence[Job]) -> None:
        """Run those again that met the full disk and may take what is kept back, each time that room was made."""
        if (short := short_of(batch)) and self._restart_log():
            self._run_once(short)
        for _ in range(MOST_TIMES):
            short = short_of(batch)
            if not (short and self._is_room_made()):
                break
            self._run_once(short)
        for job in short_of(batch):
            job.error = StorageFull(rooms.NOTHING_LEFT)

    def _restart_log(self) -> bool:
        with self._turn:
            return self._batches.restart_log()

    def _is_room_made(self) -> bool:
        try:
            return self._make_room()
        except Exception:
            log.exception("no room could be made on the full disk")  # whoever waits for this thread is answered
            return False

    def _answer(self, loop: asyncio.AbstractEventLoop, batch: Sequence[Job]) -> None:
        for job in batch:
            if job.answered is not None and not job.answered.done():
                job.answered.set_result(None)
        self._is_under_way = bool(self._waiting)
        if self._is_under_way:
            loop.call_soon(self._next, loop)


def _outcome(job: Job) -> T:  # type: ignore[type-var]  # the result has the type its work returns
    if job.error is not None:
        raise job.error
    return job.result  # type: ignore[return-value]
