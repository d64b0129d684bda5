"""The access log: one line a request in Combined Log Format, written some at a time.

A line costs the request about a microsecond; a thread writes what gathered, so a reader that lags holds
nobody up. Users' text is escaped: nobody can forge a line or a terminal's escape code.
"""

import asyncio
import re
import time
from collections.abc import Callable
from functools import lru_cache

from refloat.web.asgi import Request

PERIOD = 0.5  # seconds that a line may wait
MOST_WAITING = 50_000  # lines kept for a reader that lags; those beyond are counted and dropped
MOST_PRINTED = 1000  # bytes of an address or a header
_UNSAFE = re.compile(r"[^ !#-\[\]-~]")


class AccessLog:
    """Lines on their way to `sink`, which writes text and may block."""

    def __init__(self, sink: Callable[[str], None]) -> None:
        self._sink = sink
        self._lines: list[str] = []
        self._dropped = 0
        self._due = False
        self._second = 0
        self._stamp = ""

    def __call__(self, request: Request) -> None:
        """Log one answered request."""
        if len(self._lines) >= MOST_WAITING:
            self._dropped += 1
            return
        scope = request.scope
        target = _known(request.raw_path)
        if query := scope["query_string"]:
            target += "?" + _printable(query)
        referer = agent = b""
        for name, value in scope["headers"]:
            if name == b"user-agent":
                agent = value
            elif name == b"referer":
                referer = value
        self._lines.append(
            f'{request.address or "-"} - - [{self._now()}] "{request.method} {target} HTTP/1.1" '
            f"{request.status} {request.length or '-'} "
            f'"{_known(referer)}" "{_known(agent)}"\n'
        )
        if not self._due:
            self._due = True
            asyncio.get_running_loop().call_later(PERIOD, self._hand_over)

    def close(self) -> None:
        """Write what waits, now."""
        text = self._gathered()
        if text:
            self._sink(text)

    def _hand_over(self) -> None:
        try:
            writing = asyncio.get_running_loop().run_in_executor(None, self._sink, self._gathered())
        except RuntimeError:  # no thread can be started: these lines wait for the next one, others for the next request
            self._due = False
        else:
            writing.add_done_callback(self._written)

    def _written(self, writing: "asyncio.Future[None]") -> None:
        """Write again if lines came meanwhile; one writes at a time, so that lines keep their order."""
        writing.exception()  # there is nowhere to complain that a log cannot be written
        self._due = bool(self._lines)
        if self._due:
            asyncio.get_running_loop().call_later(PERIOD, self._hand_over)

    def _gathered(self) -> str:
        lines, self._lines = self._lines, []
        if self._dropped:
            lines.append(f"# {self._dropped} lines were dropped: whoever reads this log lags\n")
            self._dropped = 0
        return "".join(lines)

    def _now(self) -> str:
        second = int(time.time())
        if second != self._second:
            self._second = second
            self._stamp = time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(second))
        return self._stamp


def _printable(sent: bytes) -> str:
    """Escape anything but printable ASCII, and quotes and backslashes, as Apache does."""
    return _UNSAFE.sub(lambda found: f"\\x{ord(found[0]):02x}", sent.decode("latin-1"))


@lru_cache(maxsize=2048)
def _known(sent: bytes) -> str:
    """The same for what comes again and again."""
    return _printable(sent[:MOST_PRINTED]) or "-"
