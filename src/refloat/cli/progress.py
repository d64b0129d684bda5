"""A word while a server takes long: on a terminal, on standard error, and gone when the answer is there."""

import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from refloat.cli import wording
from refloat.cli.printing import Printer
from refloat.language import say

EVERY = 1.0  # seconds between two looks at the clock
STEP = 0.1  # seconds between two drawings of a bar
BAR = 20  # characters
ERASE = "\r\x1b[K"


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


def _tell(doing: str, over: threading.Event) -> None:
    begun, told = time.monotonic(), False
    while not over.wait(EVERY):
        seconds = int(time.monotonic() - begun)
        sys.stderr.write(ERASE + say("{doing} … {seconds} s", doing=doing, seconds=seconds))
        sys.stderr.flush()
        told = True
    if told:
        sys.stderr.write(ERASE)
        sys.stderr.flush()


class Bar:
    """How far a large blob is on its way: on a terminal, on standard error, gone when it is there."""

    def __init__(self, printer: Printer) -> None:
        self._shown = printer.form == "people" and sys.stderr.isatty()

    def __call__(self, repository: str, digest: str, done: int, size: int) -> None:
        """Draw."""
        if self._shown:
            part = f"{repository} {digest[7:19]} {done * 100 // max(size, 1)} %" if done < size else ""
            sys.stderr.write(ERASE + part)
            sys.stderr.flush()


@contextmanager
def transferring(printer: Printer) -> Iterator[Callable[[str, str, int, int], None]]:
    """Draw how far a blob on its way is, while the block lasts; to people alone.

    What is yielded is told of each step: repository, digest, bytes done, size in bytes.
    """
    if printer.form != "people" or not sys.stderr.isatty():
        yield lambda repository, digest, done, size: None
        return
    drawn = float("-inf")

    def draw(repository: str, digest: str, done: int, size: int) -> None:
        nonlocal drawn
        now = time.monotonic()
        if now - drawn >= STEP:
            drawn = now
            sys.stderr.write(ERASE + _bar(repository, digest, done, size))
            sys.stderr.flush()

    try:
        yield draw
    finally:
        sys.stderr.write(ERASE)
        sys.stderr.flush()


def _bar(repository: str, digest: str, done: int, size: int) -> str:
    """Return one line, cut to the terminal's width: a longer one could not be erased."""
    filled = BAR if done >= size else BAR * done // size
    text = say(
        "{bar} {done} of {size}  {repository} {digest}",
        bar="━" * filled + "─" * (BAR - filled),
        done=wording.size(done),
        size=wording.size(size),
        repository=repository,
        digest=wording.short(digest),
    )
    return wording.visible(text)[: shutil.get_terminal_size().columns - 1]
