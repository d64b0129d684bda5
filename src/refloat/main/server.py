"""Granian, with sockets of ours, workers that are replaced for as long as it takes, and an end on the second signal."""

import asyncio
import logging
import multiprocessing
import os
import signal
import socket
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import wait
from typing import Any

from granian._granian import SocketHolder
from granian.constants import HTTPModes, Interfaces, Loops
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server.mp import MPServer, WorkerProcess

from refloat.main.listening import BACKLOG, pause, resume
from refloat.main.refusing import FAILED
from refloat.main.respawning import Places
from refloat.main.worker import Worker

HEADERS_AND_IDLE = 65_000  # milliseconds for a request's head, and for an idle connection between requests
QUIET = {
    "formatters": {},
    "handlers": {},
    "loggers": {"_granian": {"handlers": [], "propagate": True}, "granian.access": {"handlers": []}},
}
ENDS = (signal.SIGTERM, signal.SIGINT)  # what tells a server to end
PATIENT = 1.0  # seconds that callers wait at the socket of a worker that ended, where another could serve them
log = logging.getLogger("refloat.serve")


def _hold_back() -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, ENDS)


def _let_through() -> None:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDS)


@dataclass(frozen=True, slots=True)
class Start:
    """How a worker is made in its process, and whom it tells when it serves."""

    load: Callable[[], Worker]
    serves: Callable[[], None]


def _once_serving(worker: Worker, serves: Callable[[], None]) -> Worker:
    """Return the worker, and hear of signals as soon as the event loop runs: granian serves by then."""
    loop = asyncio.get_event_loop()
    loop.call_soon(serves)
    loop.call_soon(_let_through)
    return worker


def _manner(code: int) -> str:
    """Return in words how a process ended that has this exit code."""
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"


class Server(MPServer):
    """A worker for each listening socket. A worker that ends leaves its socket, with who waits at it, to the next.

    `drain_timeout` seconds are for requests under way when it ends; each worker takes `most` connections at once.
    """

    def __init__(self, listeners: Sequence[socket.socket], drain_timeout: float, most: int) -> None:
        host, port = listeners[0].getsockname()[:2]
        super().__init__(
            "refloat",
            address=host,
            port=port,
            interface=Interfaces.ASGINL,
            workers=len(listeners),
            http=HTTPModes.http1,
            http1_settings=HTTP1Settings(header_read_timeout=HEADERS_AND_IDLE),
            loop=Loops.uvloop,
            websockets=False,
            backlog=BACKLOG,
            backpressure=most,
            log_level=LogLevels.warning,
            log_dictconfig=QUIET,
            respawn_failed_workers=True,
        )
        self._listeners = listeners
        self._drain = drain_timeout
        self._places = Places(len(listeners))

    def run(self, loader: Callable[[], Worker]) -> None:
        """Serve until a signal. `loader` makes a worker, in its process."""
        multiprocessing.set_start_method("fork", force=True)  # workers keep the sockets and the lock
        # a signal must not meet the parent's handlers in a new worker, nor granian's before they have a server to end
        os.register_at_fork(before=_hold_back, after_in_parent=_let_through)
        self.serve(target_loader=loader, wrap_loader=False)

    def _init_shared_socket(self) -> None:
        self._sso = None

    def _spawn_worker(self, idx: int, target: Any, callback_loader: Any) -> Any:  # type: ignore[override]
        # the stub of SocketHolder lacks its arguments: descriptor, is it a Unix socket, backlog
        holder = SocketHolder(self._listeners[idx].fileno(), False, BACKLOG)  # type: ignore[call-arg]
        self._shd = holder  # type: ignore[assignment]
        self._places.start(idx)
        return super()._spawn_worker(idx, target, Start(callback_loader, partial(self._places.serves, idx)))

    @staticmethod
    def _spawn_asgi_worker(worker_id: int, name: str, start: Start, *rest: Any) -> None:
        """Live one worker's life. Granian's own way of starting an application stands still when told twice to end."""
        worker = start.load()
        worker.start()
        try:
            MPServer._spawn_asgi_worker(worker_id, name, partial(_once_serving, worker, start.serves), *rest)
        finally:
            worker.close()

    def _serve_loop(self, spawn_target: Any, target_loader: Any) -> None:
        """Replace workers until a signal. Granian's own way ends all of them when one ends twice within seconds."""
        while not self.interrupt_signal:
            if not self.interrupt_children:  # Granian's reload forgets what it was woken for meanwhile
                self.main_loop_interrupt.wait(self._places.wait(time.monotonic()))
            self.main_loop_interrupt.clear()
            self._note_ends()
            if self._places.is_hopeless():
                log.error("no worker can start: the server ends")
                self.shutdown(FAILED)
            if not self.interrupt_signal:
                for idx in self._places.due(time.monotonic()):
                    self._start(idx, spawn_target, target_loader)
            if self.reload_signal and not self.interrupt_signal:
                self._reload(spawn_target, target_loader)  # type: ignore[no-untyped-call]

    def _note_ends(self) -> None:
        while self.interrupt_children:
            worker = self.wrks[self.interrupt_children.pop(0)]
            if worker.inner.exitcode is None:
                continue  # it was replaced already
            now = time.monotonic()
            lived = now - worker.birth
            patience = self._places.end(worker.idx, now, lived)
            log.error(
                "worker-%d (pid %s) ended after %.1f s with %s: the next one starts %s",
                worker.idx + 1, worker.inner.pid, lived, _manner(worker.inner.exitcode),
                f"in {patience:g} s" if patience else "at once",
            )  # fmt: skip
            if patience > PATIENT and self._places.anybody_serves():
                pause(self._listeners[worker.idx])  # the others serve who would wait here, until a worker listens again
        if not self._places.anybody_serves():
            for listener in self._listeners:
                resume(listener)  # whoever comes waits for the first one who serves

    def _start(self, idx: int, spawn_target: Any, target_loader: Any) -> None:
        self.wrks[idx] = worker = self._spawn_worker(idx, spawn_target, target_loader)
        worker.start()

    def _respawn_workers(
        self, workers: Iterable[int], spawn_target: Any, target_loader: Any, delay: float = 0
    ) -> None:
        """Put another worker in the place of each, and let the old one finish when the new one has had `delay` s."""
        for idx in workers:
            old = self.wrks[idx]
            self._start(idx, spawn_target, target_loader)
            time.sleep(delay)
            old.terminate()  # type: ignore[no-untyped-call]
            self._finish([old])

    def _stop_workers(self) -> None:
        for worker in self.wrks:
            worker.terminate()  # type: ignore[no-untyped-call]
        self._finish(self.wrks)
        self.wrks.clear()

    def _finish(self, workers: Iterable[WorkerProcess]) -> None:
        """Wait for workers that were told to end, and cut off what is under way when it was waited for long enough.

        The end of its process is what counts. A thread of Granian's waits for it too, and whoever comes second is
        told nothing: Granian then takes a worker that has ended for one that will not.
        """
        patience = time.monotonic() + self._drain
        for worker in workers:
            if wait([worker.inner.sentinel], max(patience - time.monotonic(), 0)):
                continue
            log.log(
                logging.WARNING if self._drain else logging.DEBUG,
                "worker-%d had requests under way after %g s: they are cut off", worker.idx + 1, self._drain,
            )  # fmt: skip
            worker.kill()  # type: ignore[no-untyped-call]
            wait([worker.inner.sentinel])

    def shutdown(self, exit_code: int = 0) -> None:
        """Stop the workers. One that heard the signal itself, and was quicker, did not fail."""
        if self.interrupt_signal:
            self.interrupt_children.clear()
        super().shutdown(exit_code)  # type: ignore[no-untyped-call]

    def signal_handler_interrupt(self, *args: Any, **kwargs: Any) -> None:
        """Drain on the first signal, end on the second."""
        if self.interrupt_signal:
            log.warning("told twice: requests under way are cut off")
            for worker in self.wrks:
                worker.kill()  # type: ignore[no-untyped-call]
            return
        log.info("stopping: requests under way may finish", extra={"pid": os.getpid()})
        super().signal_handler_interrupt(*args, **kwargs)  # type: ignore[no-untyped-call]
