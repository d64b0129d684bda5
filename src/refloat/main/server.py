"""Granian, with sockets of ours, and an end on the second signal."""

import asyncio
import logging
import multiprocessing
import os
import signal
import socket
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from granian._granian import SocketHolder
from granian.constants import HTTPModes, Interfaces, Loops
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server.mp import MPServer

from refloat.main.listening import BACKLOG
from refloat.main.worker import Worker

HEADERS_AND_IDLE = 65_000  # milliseconds for a request's head, and for an idle connection between requests
AT_ONCE = 0.001  # seconds: granian takes 0 for "wait for ever"
QUIET = {
    "formatters": {},
    "handlers": {},
    "loggers": {"_granian": {"handlers": [], "propagate": True}, "granian.access": {"handlers": []}},
}
ENDS = (signal.SIGTERM, signal.SIGINT)  # what tells a server to end
log = logging.getLogger("refloat.serve")


def _hold_back() -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, ENDS)


def _let_through() -> None:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDS)


def _once_serving(worker: Worker) -> Worker:
    """Return the worker, and hear of signals as soon as the event loop runs: granian serves by then."""
    asyncio.get_event_loop().call_soon(_let_through)
    return worker


class Server(MPServer):
    """A worker for each listening socket. A worker that ends leaves its socket, with who waits at it, to the next."""

    def __init__(self, listeners: Sequence[socket.socket], drain_timeout: float) -> None:
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
            log_level=LogLevels.warning,
            log_dictconfig=QUIET,
            respawn_failed_workers=True,
            workers_kill_timeout=max(drain_timeout, AT_ONCE),  # type: ignore[arg-type]
        )
        self._listeners = listeners

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
        return super()._spawn_worker(idx, target, callback_loader)

    @staticmethod
    def _spawn_asgi_worker(worker_id: int, name: str, loader: Callable[[], Worker], *rest: Any) -> None:
        """Live one worker's life. Granian's own way of starting an application stands still when told twice to end."""
        worker = loader()
        worker.start()
        try:
            MPServer._spawn_asgi_worker(worker_id, name, partial(_once_serving, worker), *rest)
        finally:
            worker.close()

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
