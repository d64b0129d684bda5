"""A Content-Range header, as a chunk of an upload has it."""

from pathlib import Path
from random import Random

from tools.fuzz import growing
from tools.fuzz.target import Target, Try, Verdict, must

PIECES = ("bytes ", "bytes=", "bytes", "-", "/", "*", "0", "17", " ", "99999999999999999999", "x", "\t", "--", "\u0661")


def grow(dice: Random) -> bytes:
    """Return something like a Content-Range header."""
    if dice.random() < 0.003:
        return growing.long_of(dice, PIECES).encode()[: 64 * 1024]
    first = dice.randrange(1 << dice.randrange(1, 70))
    last = first + dice.randrange(-5, 1000)
    before, after = dice.choice(("", "", "bytes ", "bytes=")), dice.choice(("", "/*", "/17", "/x"))
    return f"{before}{first}-{last}{after}".encode()


def alter(dice: Random, data: bytes) -> bytes:
    """Splice pieces into it."""
    return growing.spliced(dice, data, PIECES)


def open_(place: Path) -> Try:
    """Return what reads the header; what it accepts begins before it ends."""
    from refloat.core.errors import RefloatError
    from refloat.web import ranges

    def attempt(data: bytes) -> Verdict:
        ranges.span_of(b"bytes=" + data, 1 << 40)
        ranges.span_of(data or None, 10)
        try:
            span = ranges.content_range(data.decode("latin-1"))
        except RefloatError:
            return "refused" if b"-" in data and any(48 <= byte < 58 for byte in data) else "syntax"
        if span is None:
            return "syntax"
        must(span.start < span.end, span)
        return "accepted"

    return attempt


TARGET = Target(
    name="content_range",
    modules=("refloat.web.ranges",),
    grow=grow,
    alter=alter,
    open=open_,
    planted=("refloat.web.ranges", "content_range"),
)
