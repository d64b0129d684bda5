"""Durations as Go writes them, plus `d` (24 hours) and `w` (7 days), in integer microseconds.

A bare integer is nanoseconds, because that is what distribution's parser makes of it.
"""

import re

MICROSECOND = 1_000  # nanoseconds
SECOND = 1_000_000 * MICROSECOND
UNITS = {
    "ns": 1,
    "us": MICROSECOND,
    "µs": MICROSECOND,
    "μs": MICROSECOND,
    "ms": 1_000 * MICROSECOND,
    "s": SECOND,
    "m": 60 * SECOND,
    "h": 3_600 * SECOND,
    "d": 24 * 3_600 * SECOND,
    "w": 7 * 24 * 3_600 * SECOND,
}  # nanoseconds in each
LONGEST_TEXT = 200  # characters
LONGEST = (1 << 63) - 1  # nanoseconds: what Go's duration holds, about 292 years
PART = re.compile(r"(?P<whole>[0-9]*)(?:\.(?P<part>[0-9]*))?(?P<unit>[a-zµμ]+)")


def parse(text: str) -> int:
    """Return the microseconds `text` names, cut toward zero. Raises ValueError with a sentence."""
    if len(text) > LONGEST_TEXT:
        raise ValueError(f"a duration is written in at most {LONGEST_TEXT} characters, such as 90s, 24h or 30d")
    sign, body = (-1, text[1:]) if text.startswith("-") else (1, text.removeprefix("+"))
    nanoseconds = int(body) if re.fullmatch(r"[0-9]+", body) else _sum_of_parts(text, body)
    if nanoseconds > LONGEST:
        raise ValueError(f"{text} is longer than 292 years")
    return sign * (nanoseconds // MICROSECOND)


def is_bare(text: str) -> bool:
    """Is this an integer without a unit, other than zero?"""
    return re.fullmatch(r"[-+]?[0-9]+", text) is not None and int(text) != 0


def text_of(microseconds: int) -> str:
    """Return the shortest usual form, such as `30d`, `1h30m` or `1.5s`; `parse` reads it back."""
    sign, rest = ("-", -microseconds) if microseconds < 0 else ("", microseconds)
    if rest == 0:
        return "0s"
    written = []
    for unit in ("d", "h", "m"):
        count, rest = divmod(rest, UNITS[unit] // MICROSECOND)
        if count:
            written.append(f"{count}{unit}")
    seconds, fraction = divmod(rest, SECOND // MICROSECOND)
    if rest:
        decimals = f".{fraction:06d}".rstrip("0") if fraction else ""
        written.append(f"{seconds}{decimals}s")
    return sign + "".join(written)


def _sum_of_parts(text: str, body: str) -> int:
    total, position = 0, 0
    while position < len(body):
        part = PART.match(body, position)
        if part is None or not (part["whole"] or part["part"]):
            raise ValueError(f"{text!r} is not a duration, such as 90s, 24h or 30d")
        total += _nanoseconds(text, part)
        position = part.end()
    if not body:
        raise ValueError("a duration is missing, such as 90s, 24h or 30d")
    return total


def _nanoseconds(text: str, part: re.Match[str]) -> int:
    unit = UNITS.get(part["unit"])
    if unit is None:
        raise ValueError(f"{text!r} has the unknown unit {part['unit']!r}; known: {', '.join(UNITS)}")
    decimals = part["part"] or ""
    fraction = int(decimals or "0") * unit // int("1" + "0" * len(decimals))
    return int(part["whole"] or "0") * unit + fraction
