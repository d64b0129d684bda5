"""The one writer of a process: whatever waits is written in one transaction, and answered when it is durable.

Group commit with no window: while a batch is being made durable the next one gathers. Other processes
write through their own writer; SQLite's lock puts the batches in a row.

Brief work runs on the event loop: on a thread it would fight the loop for the interpreter at every
statement, which costs more than the statements do. What may wait or take long has a thread: commits that
sync, all other work, the wait for another process.

What writes much, or nobody knows how much, waits apart and has a thread of its own, so that what writes little waits
for one of its transactions at most, in whichever process: `waiting` says who is next, `turns` what is left to others.
"""

import asyncio
import logging
import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from refloat.core import room as rooms
from refloat.core.errors import StorageFull, Unavailable
from refloat.metadata.batches import Batches, Job, OnBroken, Promise, Weight, is_ready, promises_durability, short_of
from refloat.metadata.checkpoints import Checkpoints
from refloat.metadata.failures import with_room
from refloat.metadata.sqlite import BUSY_TIMEOUT_MS
from refloat.metadata.turns import Turn, Turns
from refloat.metadata.waiting import CheapestFirst, Waiting
from refloat.ports import Room

T = TypeVar("T")
AT_ONCE = 0  # milliseconds
log = logging.getLogger("refloat.metadata")
MOST_TIMES = 8  # that room is made for one batch, where somebody else takes what was made
BRIEF_ROWS = 10  # at most, about
UNKNOWN_ROWS = 100
"""What work is expected to write of which nobody knows how much: a delete, an undo. It goes before a large push."""


@dataclass(frozen=True, slots=True)
class Transacted:
    """What is over: the seconds in which nobody else could write, and whether the log has grown long."""

    seconds: float
    is_log_long: bool

    def __add__(self, other: "Transacted") -> "Transacted":
        return Transacted(self.seconds + other.seconds, self.is_log_long or other.is_log_long)


NOTHING_DONE = Transacted(0.0, is_log_long=False)


class Lane:
    """Work of one kind that waits, and the thread it is done on where it is not done at once."""

    def __init__(self, name: str, waiting: Waiting) -> None:
        self.waiting = waiting
        self.is_under_way = False
        self.tasks: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work_off, name=name, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Finish what has begun, then stop."""
        self.tasks.put(None)
        self._thread.join()

    def _work_off(self) -> None:
        while (task := self.tasks.get()) is not None:
            task()


class Writer:
    """Runs work in transactions on one connection, for one event loop and any number of threads.

    `make_room` is called when work that may take what is kept back finds the disk full; it answers whether it freed
    some, and then that work is run again before anybody is answered. After a failure of another kind nothing is
    written any more: `on_broken` is told of it once, with the reason.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        log: Checkpoints,
        turns: Turns,
        make_room: Callable[[], bool],
        on_broken: OnBroken,
    ) -> None:
        self._connection = connection
        self._batches = Batches(connection, on_broken)
        self._make_room = make_room
        self._log = log
        self._turns = turns
        self._turn = Turn()  # whoever holds it has the connection
        self._small = Lane("writer", Waiting())
        self._wide = Lane("wide-writer", CheapestFirst())

    async def write(
        self,
        work: Callable[[sqlite3.Connection], T],
        promise: Promise,
        weight: Weight,
        rows: int,
        ahead: Callable[[], object] | None = None,
        *,
        room: Room = "spare",
    ) -> T:
        """Run `work` and return its result when the promise holds; its exception undoes it and comes out here.

        It may be run more than once, where the disk was full. What is only promised to be visible becomes durable with
        the next batch that holds a durable promise. `rows` is how many it is expected to write; with weight "wide"
        `ahead` is called before the transaction.
        """
        loop = asyncio.get_running_loop()
        answered: asyncio.Future[None] = loop.create_future()
        job = Job(work, promise, weight, rows, ahead, answered, room)
        lane = self._wide if weight == "wide" else self._small
        lane.waiting.add(job)
        if not lane.is_under_way:
            lane.is_under_way = True
            loop.call_soon(self._next, loop, lane)
        await answered  # a caller that is cancelled stops waiting, and its work goes on
        return _outcome(job)

    def write_now(self, work: Callable[[sqlite3.Connection], T], *, room: Room = "spare") -> T:
        """The same for a caller on another thread than the event loop's: one step of work that may have many."""
        job = Job(work, "durable", "wide", room=room)
        done = self._transact([job])
        if done.is_log_long:
            self._bring_log()
        self._turns.leave_gap(done.seconds)
        return _outcome(job)

    def empty_log(self) -> None:
        """Bring all of the log into the database file and cut it to nothing. What it makes room for is a purge.

        Raises StorageFull, and Unavailable while it is read.
        """
        with_room(self._empty_log, self._make_room)

    def _empty_log(self) -> None:
        """Cut the log to nothing, as soon as nobody reads it.

        It asks again and again: SQLite lets nobody write while it waits for a reader.
        """
        deadline = time.monotonic() + BUSY_TIMEOUT_MS / 1000
        while not self._is_log_empty():
            if time.monotonic() > deadline:
                raise Unavailable("the database is being read and its log cannot be emptied now; ask again")
            time.sleep(0.02)

    def cut_log(self) -> None:
        """Cut a long log to nothing, unless somebody uses it just now."""
        self._log.bring()
        self._log.cut()

    def close(self) -> None:
        """Finish what has begun, then stop."""
        self._wide.close()
        self._small.close()
        self._log.close()
        self._connection.close()
        self._turns.close()

    def _is_log_empty(self) -> bool:
        self._log.bring()  # nobody waits for that
        with self._turn.taken_for_little():
            return self._batches.empty_log()

    def _next(self, loop: asyncio.AbstractEventLoop, lane: Lane) -> None:
        """Let what has gathered have its turn: here, if nothing has to be waited for."""
        batch = lane.waiting.take()
        brief = all(job.weight == "brief" for job in batch)
        if lane is self._wide:
            lane.tasks.put(partial(self._transact_much_for, loop, lane, batch))
        elif not (brief and self._turn.take_at_once()):
            lane.tasks.put(partial(self._transact_for, loop, lane, batch))
        elif self._batches.begin(batch, AT_ONCE):
            self._go_on(loop, lane, batch)
        else:
            self._turn.release()
            lane.tasks.put(partial(self._transact_for, loop, lane, batch))

    def _go_on(self, loop: asyncio.AbstractEventLoop, lane: Lane, batch: Sequence[Job]) -> None:
        self._batches.run(batch)
        if promises_durability(batch):
            lane.tasks.put(partial(self._sync_for, loop, lane, batch))
        else:
            self._batches.commit(batch)
            self._turn.release()
            if short_of(batch):
                lane.tasks.put(partial(self._finish_for, loop, lane, batch))
            else:
                self._answer(loop, lane, batch)

    def _sync_for(self, loop: asyncio.AbstractEventLoop, lane: Lane, batch: Sequence[Job]) -> None:
        is_answered = self._commit_little(loop, lane, batch)
        self._turn.release()
        if not is_answered:
            self._finish_for(loop, lane, batch)

    def _transact_for(self, loop: asyncio.AbstractEventLoop, lane: Lane, batch: Sequence[Job]) -> None:
        with self._turn.taken_for_little():
            self._batches.begin(batch, BUSY_TIMEOUT_MS)
            self._batches.run(batch)
            is_answered = self._commit_little(loop, lane, batch)
        if not is_answered:
            self._finish_for(loop, lane, batch)

    def _finish_for(self, loop: asyncio.AbstractEventLoop, lane: Lane, batch: Sequence[Job]) -> None:
        self._run_again(batch)
        loop.call_soon_threadsafe(self._answer, loop, lane, batch)

    def _commit_little(self, loop: asyncio.AbstractEventLoop, lane: Lane, batch: Sequence[Job]) -> bool:
        """Commit and answer; nobody waits for the log. False: some is to be run again before anybody is answered."""
        self._batches.commit(batch)
        is_over = not short_of(batch)
        if is_over:
            loop.call_soon_threadsafe(self._answer, loop, lane, batch)
        if promises_durability(batch) and self._batches.is_log_long():
            self._batches.bring_log()
        return is_over

    def _transact_much_for(self, loop: asyncio.AbstractEventLoop, lane: Lane, batch: Sequence[Job]) -> None:
        ready = [job for job in batch if is_ready(job)]
        with self._turns.taken():
            done = self._transact(ready) if ready else NOTHING_DONE
            loop.call_soon_threadsafe(self._answer, loop, lane, batch)
            if done.is_log_long:
                self._bring_log()
            self._turns.leave_gap(done.seconds)

    def _transact(self, batch: Sequence[Job]) -> Transacted:
        """Run a batch in a transaction of which nobody knows how long it takes, or in several on a full disk."""
        return self._run_once(batch) + self._run_again(batch)

    def _run_again(self, batch: Sequence[Job]) -> Transacted:
        """Run those again that met the full disk and may take what is kept back, each time that room was made."""
        done = NOTHING_DONE
        if (short := short_of(batch)) and self._restart_log():
            done += self._run_once(short)
        for _ in range(MOST_TIMES):
            short = short_of(batch)
            if not (short and self._is_room_made()):
                break
            done += self._run_once(short)
        for job in short_of(batch):
            job.error = StorageFull(rooms.NOTHING_LEFT)
        return done

    def _restart_log(self) -> bool:
        with self._turn.taken_for_little():
            return self._batches.restart_log()

    def _is_room_made(self) -> bool:
        try:
            return self._make_room()
        except Exception:
            log.exception("no room could be made on the full disk")  # whoever waits for this thread is answered
            return False

    def _run_once(self, batch: Sequence[Job]) -> Transacted:
        with self._turn.taken_for_much():
            self._batches.begin(batch, BUSY_TIMEOUT_MS)
            began = time.monotonic()
            self._batches.run(batch)
            self._batches.commit(batch)
            return Transacted(time.monotonic() - began, self._batches.is_log_long())

    def _bring_log(self) -> None:
        """Bring the log into the database while others write, then the little they wrote: now it begins anew."""
        self._log.bring()
        with self._turn.taken_for_little():
            self._batches.bring_log()

    def _answer(self, loop: asyncio.AbstractEventLoop, lane: Lane, batch: Sequence[Job]) -> None:
        lane.waiting.put_back([job for job in batch if not job.had_turn])
        for job in batch:
            if job.had_turn and job.answered is not None and not job.answered.done():
                job.answered.set_result(None)
        lane.is_under_way = bool(lane.waiting)
        if lane.is_under_way:
            loop.call_soon(self._next, loop, lane)


def _outcome(job: Job) -> T:  # type: ignore[type-var]  # the result has the type its work returns
    if job.error is not None:
        raise job.error
    return job.result  # type: ignore[return-value]
