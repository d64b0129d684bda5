"""A word while a server takes long: on a terminal, on standard error, and gone when the answer is there."""

import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from refloat.cli import wording
from refloat.cli.printing import Printer
from refloat.language import say

EVERY = 1.0  # seconds between two looks at the clock
STEP = 0.1  # seconds between two drawings of a bar
BAR = 20  # characters
ERASE = "\r\x1b[K"


class _Line:
    """The line of standard error that is drawn over, from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._is_drawn = False
        self.drawn_at = float("-inf")  # of time.monotonic

    def draw(self, text: str) -> None:
        """Draw a text in place of what is there, cut to the terminal's width: a longer one could not be erased."""
        with self._lock:
            sys.stderr.write(ERASE + wording.visible(text)[: _width() - 1])
            sys.stderr.flush()
            self._is_drawn, self.drawn_at = True, time.monotonic()

    def erase(self) -> None:
        """Leave nothing of it."""
        with self._lock:
            if self._is_drawn:
                sys.stderr.write(ERASE)
                sys.stderr.flush()
            self._is_drawn = False


LINE = _Line()


def _width() -> int:
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns or 80
    except (OSError, ValueError):
        return 80


@contextmanager
def waiting(printer: Printer, doing: str) -> Iterator[None]:
    """Say what is being done, and for how long, while the block lasts longer than a moment; to people alone."""
    if printer.form != "people" or not sys.stderr.isatty():
        yield
        return
    over = threading.Event()
    teller = threading.Thread(target=_tell, args=(doing, over), daemon=True)
    teller.start()
    try:
        yield
    finally:
        over.set()
        teller.join()
        LINE.erase()


def _tell(doing: str, over: threading.Event) -> None:
    begun = time.monotonic()
    while not over.wait(EVERY):
        now = time.monotonic()
        if now - LINE.drawn_at > EVERY / 2:  # else a bar says more
            LINE.draw(say("{doing} … {seconds} s", doing=doing, seconds=int(now - begun)))


class Bar:
    """How far a large blob is on its way: on a terminal, on standard error, gone when it is there.

    It is told of each step: repository, digest, bytes done, size in bytes.
    """

    def __init__(self, printer: Printer) -> None:
        self._shown = printer.form == "people" and sys.stderr.isatty()

    def __call__(self, repository: str, digest: str, done: int, size: int) -> None:
        """Draw, or where all is done erase."""
        if not self._shown:
            return
        if done >= size:
            LINE.erase()
        elif time.monotonic() - LINE.drawn_at >= STEP:
            filled = BAR * done // size
            LINE.draw(
                say(
                    "{bar} {done} of {size}  {repository} {digest}",
                    bar="━" * filled + "─" * (BAR - filled),
                    done=wording.size(done),
                    size=wording.size(size),
                    repository=repository,
                    digest=wording.short(digest),
                )
            )
