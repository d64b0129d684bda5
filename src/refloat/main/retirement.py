"""The end of a worker whose disk failed: the one that takes its place begins with nothing it must disbelieve."""

import logging
import os
import signal
import threading
import time
from pathlib import Path
from typing import Literal

from refloat.blobs.probe import takes_files
from refloat.main.refusing import FAILED
from refloat.metadata.sqlite import takes_commits

SECOND = 1_000_000
PAUSE = 1.0  # seconds between two looks at the database
log = logging.getLogger("refloat.serve")


class Retirement:
    """Ends this process once database and blobs can be written again; until then it goes on answering pulls.

    `directory` has the blobs. Requests under way have `drain` microseconds. Whoever started the process starts the
    next one.
    """

    def __init__(self, database: Path, directory: Path, drain: int) -> None:
        self._database = database
        self._directory = directory
        self._drain = drain / SECOND
        self._turn = threading.Lock()
        self._has_begun = False

    def begin(self, failed: Literal["database", "blob store"], reason: BaseException) -> None:
        """Be told, on any thread, that one of the two has given up."""
        log.error("the %s failed, this worker writes nothing more: %s", failed, reason)
        with self._turn:
            if not self._has_begun:
                self._has_begun = True
                threading.Thread(target=self._end, name="retirement", daemon=True).start()

    def _end(self) -> None:
        while not self._can_write():
            time.sleep(PAUSE)
        log.warning("the disk can be written again: this worker ends, for the next one to write")
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(self._drain)
        os._exit(FAILED)

    def _can_write(self) -> bool:
        return takes_commits(self._database) and takes_files(self._directory)
