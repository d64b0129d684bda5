"""Making finished uploads durable under their final names, as many at once as wait.

A thread takes whatever is queued, with no window: files are synced side by side, then named, then each
directory is synced once. While it works the next batch gathers.
"""

import asyncio
import queue
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from refloat import durable
from refloat.blobs.room import full_as_condition

AT_ONCE = 4  # more fsyncs side by side gain nothing
MOST = 64


@dataclass(slots=True)
class _Job:
    source: Path
    target: Path
    loop: asyncio.AbstractEventLoop
    answered: "asyncio.Future[None]"
    error: BaseException | None = None


class Sealer:
    """Syncs and names files on its own thread."""

    def __init__(self) -> None:
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="sync")
        self._thread = threading.Thread(target=self._run, name="sealer", daemon=True)
        self._thread.start()

    async def seal(self, source: Path, target: Path) -> None:
        """Return when the bytes of `source` are durable as `target`. Raises StorageFull, OSError."""
        loop = asyncio.get_running_loop()
        job = _Job(source, target, loop, loop.create_future())
        self._jobs.put(job)
        await asyncio.shield(job.answered)
        if job.error is not None:
            raise job.error

    def close(self) -> None:
        """Finish what waits, then stop."""
        self._jobs.put(None)
        self._thread.join()
        self._pool.shutdown()

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            batch = [job]
            while len(batch) < MOST and not self._jobs.empty():
                more = self._jobs.get()
                if more is None:
                    self._jobs.put(None)
                    break
                batch.append(more)
            self._seal(batch)
            for sealed in batch:
                sealed.loop.call_soon_threadsafe(partial(_answer, sealed.answered))

    def _seal(self, batch: Sequence[_Job]) -> None:
        if len(batch) == 1:
            _name(batch[0])
        else:
            list(self._pool.map(_name, batch))
        named = [job for job in batch if job.error is None]
        for directory in {job.target.parent for job in named}:
            try:
                durable.fsync_directory(directory)
            except OSError as problem:
                for job in named:
                    job.error = problem


def _name(job: _Job) -> None:
    """Sync one file and give it its name. A repeated request finds it named already."""
    try:
        with full_as_condition():
            if job.target.exists() and not job.source.exists():
                return
            durable.fsync_file(job.source)
            if not job.target.parent.is_dir():
                durable.make_directory(job.target.parent)
            durable.rename(job.source, job.target)
    except BaseException as problem:  # noqa: BLE001  # whatever it is, this upload is not sealed
        job.error = problem


def _answer(future: "asyncio.Future[None]") -> None:
    if not future.done():
        future.set_result(None)
