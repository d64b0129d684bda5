"""Makes finished uploads durable under their final names, whatever waits in one go.

There is no window: while one batch is flushed the next one gathers. A file gets its name first; then its
bytes and the directory of the names are flushed side by side. Only then is anybody answered, and only then
may the database hear of it: until a row has it, a name means nothing.
"""

import asyncio
import errno
import os
import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from refloat import durable
from refloat.blobs.layout import Layout
from refloat.core.errors import BlobUploadUnknown, RefloatError, Unavailable
from refloat.core.scarcity import DESCRIPTORS
from refloat.durable import condition_of

MOST_AT_ONCE = 64
FLUSHERS = 4  # fsyncs at a time: more gain nothing, measured

OnBroken = Callable[[BaseException], None]


@dataclass(slots=True)
class _Job:
    key: str
    loop: asyncio.AbstractEventLoop
    answered: "asyncio.Future[None]"
    error: RefloatError | None = None

    def answer(self) -> None:
        self.loop.call_soon_threadsafe(_answer, self)


class Sealer:
    """One thread that seals, and a few that flush for it.

    `on_broken` is told the reason, on any thread, when a directory or a dropped file cannot be believed any more:
    from then on nothing is sealed here.
    """

    def __init__(self, layout: Layout, on_broken: OnBroken) -> None:
        self._layout = layout
        self._on_broken = on_broken
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._flushers = ThreadPoolExecutor(FLUSHERS, thread_name_prefix="flusher")
        self._made: set[str] = set()
        self._broken: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="sealer", daemon=True)
        self._thread.start()

    async def seal(self, key: str) -> None:
        """Return when the bytes of `key` are durable under their final name; once more is fine.

        Raises BlobUploadUnknown where there are no bytes, StorageFull, Unavailable.
        """
        loop = asyncio.get_running_loop()
        job = _Job(key, loop, loop.create_future())
        self._jobs.put(job)
        await job.answered

    def close(self) -> None:
        """Finish what waits, then stop."""
        self._jobs.put(None)
        self._thread.join()
        self._flushers.shutdown()

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            batch, last = [job], False
            while len(batch) < MOST_AT_ONCE and not self._jobs.empty():
                more = self._jobs.get()
                if more is None:
                    last = True
                    break
                batch.append(more)
            self._seal_all(batch)
            for sealed in batch:
                sealed.answer()
            if last:
                return

    def _seal_all(self, batch: Sequence[_Job]) -> None:
        try:
            self._seal(batch)
        except BaseException as problem:  # noqa: BLE001  # whatever it is, nobody may be told that it is durable
            self._break(problem)
            for job in batch:
                job.error = job.error or _refusal(problem)

    def _seal(self, batch: Sequence[_Job]) -> None:
        named = [job for job in batch if self._name(job)]
        names = self._flushers.submit(self._fsync_directories, named)
        flush = map if len(named) == 1 else self._flushers.map
        list(flush(self._flush, named))
        names.result()

    def _name(self, job: _Job) -> bool:
        """Give the file its final name, if an earlier request did not."""
        day, whole = self._layout.day(job.key), self._layout.whole(job.key)
        try:
            self._make(day)
            durable.rename(self._layout.arriving(job.key), whole)
        except FileNotFoundError:
            if not os.path.exists(whole):  # the session expired meanwhile and the reaper was here
                job.error = BlobUploadUnknown("the bytes of this upload are gone; begin it again")
        except OSError as problem:
            job.error = condition_of(problem)
        return job.error is None

    def _make(self, day: str) -> None:
        """Make a day's directory, and its name durable also where another process made it a moment ago."""
        if day in self._made:
            return
        try:
            durable.make_directory(Path(day))
        except OSError as problem:
            if os.path.isdir(day) and problem.errno not in DESCRIPTORS:  # it was made, and could not be made durable
                self._break(problem)
            raise
        self._sync(self._layout.objects)
        self._made.add(day)

    def _flush(self, job: _Job) -> None:
        """Make the bytes durable. What could not be made durable is dropped, and never flushed again."""
        try:
            file = durable.open_plain(self._layout.whole(job.key), os.O_RDWR)
        except FileNotFoundError:
            job.error = BlobUploadUnknown("the bytes of this upload are gone; begin it again")
            return
        except OSError as problem:  # nothing was asked of the disk yet, so nothing is in doubt
            job.error = condition_of(problem)
            return
        try:
            durable.fsync(file)
        except OSError as problem:  # guard: failed-fsync-is-final
            job.error = condition_of(problem)
            os.ftruncate(file, 0)  # the next fsync would say yes to pages the kernel has given up
        finally:
            os.close(file)

    def _fsync_directories(self, jobs: Sequence[_Job]) -> None:
        days: dict[str, list[_Job]] = {}
        for job in jobs:
            days.setdefault(self._layout.day(job.key), []).append(job)
        for day, inside in days.items():
            try:
                self._sync(day)
            except OSError as problem:
                for job in inside:
                    job.error = condition_of(problem) if self._broken is None else _refusal(problem)

    def _sync(self, directory: str) -> None:
        """Make the names in a directory durable. One that failed is not asked again and not believed."""
        if self._broken is not None:
            raise OSError(errno.EIO, f"{self._broken}")
        try:
            durable.fsync_directory(directory)
        except OSError as problem:
            if problem.errno not in DESCRIPTORS:  # without one it was not opened: nothing was asked of the disk yet
                self._break(problem)
            raise

    def _break(self, problem: BaseException) -> None:
        if self._broken is None:
            self._broken = problem
            self._on_broken(problem)


def _refusal(problem: BaseException) -> Unavailable:
    return Unavailable(f"the disk failed and this process stores no more blobs: {problem}")


def _answer(job: _Job) -> None:
    if job.answered.done():
        return  # nobody waits any more
    if job.error is not None:
        job.answered.set_exception(job.error)
    else:
        job.answered.set_result(None)
