"""A Range header over blobs of several sizes."""

from contextlib import suppress
from pathlib import Path
from random import Random

from tools.fuzz import growing
from tools.fuzz.target import Target, Try, Verdict, must

PIECES = (
    "bytes=", "bytes", "=", "-", ",", " ", "0", "9", "99999999999999999999", "18446744073709551616", "+", "x", "\t",
    "--",
)  # fmt: skip
SIZES = (0, 1, 100, 1 << 40)


def grow(dice: Random) -> bytes:
    """Return something like a Range header."""
    if dice.random() < 0.003:
        return growing.long_of(dice, PIECES).encode()[: 64 * 1024]
    first, last = (dice.choice(("", str(dice.randrange(1 << dice.randrange(1, 70))))) for _ in range(2))
    return (dice.choice(("bytes=", "bytes=", "bytes=", "Bytes=", "bytes ")) + f"{first}-{last}").encode()


def alter(dice: Random, data: bytes) -> bytes:
    """Splice pieces into it."""
    return growing.spliced(dice, data, PIECES)


def open_(place: Path) -> Try:
    """Return what reads a range; one that is served lies within the blob."""
    from refloat.core.errors import RefloatError
    from refloat.web import ranges

    def attempt(data: bytes) -> Verdict:
        found = [(ranges.span_of(data, size), size) for size in SIZES]
        for span, size in found:
            must(isinstance(span, str) or 0 <= span.start < span.end <= size, (span, size))
        with suppress(RefloatError):
            ranges.content_range(data.decode("latin-1").removeprefix("bytes="))
        if not data.startswith(b"bytes="):
            return "syntax"
        return "accepted" if any(isinstance(span, ranges.Span) for span, _ in found) else "refused"

    return attempt


TARGET = Target(
    name="range",
    modules=("refloat.web.ranges",),
    grow=grow,
    alter=alter,
    open=open_,
    planted=("refloat.web.ranges", "span_of"),
)
