"""The end of a worker whose database failed: the one that takes its place begins on a fresh connection."""

import logging
import os
import signal
import threading
import time
from pathlib import Path

from refloat.main.refusing import FAILED
from refloat.metadata.sqlite import takes_commits

SECOND = 1_000_000
PAUSE = 1.0  # seconds between two looks at the database
LEAST_AGE = 6.0  # seconds: granian ends the whole server when a fresh worker lives for no longer than 5.5
log = logging.getLogger("refloat.serve")


class Retirement:
    """Ends this process once the database takes commits again; until then it goes on answering pulls.

    Requests under way have `drain` microseconds. Whoever started the process starts the next one.
    """

    def __init__(self, database: Path, drain: int) -> None:
        self._database = database
        self._drain = drain / SECOND
        self._born = time.monotonic()

    def begin(self, reason: BaseException) -> None:
        """Be told, on any thread and once, that the writer has given up."""
        log.error("the database failed, this worker writes nothing more: %s", reason)
        threading.Thread(target=self._end, name="retirement", daemon=True).start()

    def _end(self) -> None:
        while time.monotonic() - self._born < LEAST_AGE or not takes_commits(self._database):
            time.sleep(PAUSE)
        log.warning("the database takes commits again: this worker ends, for the next one to write")
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(self._drain)
        os._exit(FAILED)
