"""Sizes, times and digests, for people and for programs; and times as people write them."""

import re
from datetime import UTC, date, datetime, timedelta

from refloat.cli.problems import usage
from refloat.language import say, say_counted

UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
AGES = ((60, 1, "s"), (3600, 60, "min"), (86400, 3600, "h"))  # below -> counted in -> written as
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_AGO = re.compile(r"(\d{1,6})([smhdw])")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_DIGITS = re.compile(r"(\d{4})(\d\d)(\d\d)")
_INSTANT = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?)([Zz]|[+-]\d\d:\d\d)?")
TIMES = "2h, 3d, yesterday, 2026-11-20, 2026-11-20T14:00Z"


_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_STYLED = re.compile(r"\x1b\[(?:31;1|36|1|33|0)m|[^\x1b]+|\x1b")


def visible(text: str) -> str:
    """Write what would move a terminal's cursor, or mean more to it, as what it is: somebody else may have sent it."""
    return _CONTROL.sub(lambda found: ascii(found[0])[1:-1], text)


def visible_styled(text: str) -> str:
    """Do the same with a line of ours: its own colours and tabs stay."""
    parts = _STYLED.findall(text)
    return "".join(
        part if part[0] == "\x1b" and len(part) > 1 else "\t".join(map(visible, part.split("\t"))) for part in parts
    )


def size(count: int) -> str:
    """Write bytes with three digits or so: `212 MiB`."""
    value, unit = float(count), 0
    while value >= 1023.5 and unit < len(UNITS) - 1:
        value, unit = value / 1024, unit + 1
    return f"{value:.1f} {UNITS[unit]}" if unit and value < 9.95 else f"{value:.0f} {UNITS[unit]}"


def short(digest: str | None) -> str:
    """Write a digest as twelve hex digits."""
    return digest.partition(":")[2][:12] if digest else "-"


def moment(text: str) -> datetime:
    """Read an instant a server wrote."""
    return datetime.fromisoformat(text)


def relative(at: datetime, now: datetime) -> str:
    """Write an instant as `3 min ago` or `in 14 days`."""
    seconds = int((now - at).total_seconds())
    distance = _distance(abs(seconds))
    if not distance:
        return say("just now")
    return say("{distance} ago", distance=distance) if seconds > 0 else say("in {distance}", distance=distance)


def _distance(seconds: int) -> str:
    if seconds < 2:
        return ""
    for below, unit, name in AGES:
        if seconds < below:
            return f"{seconds // unit} {say(name)}"
    days = round(seconds / 86400)
    return say_counted("{count} day", "{count} days", days)


def day(text: str) -> str:
    """Write the day of an instant a server wrote."""
    return text[:10]


def ending(text: str, now: datetime) -> str:
    """Write when a window ends: the day, and where that is less than a day away the minute too."""
    if abs(moment(text) - now) < timedelta(days=1):
        return f"{moment(text).astimezone(UTC):%Y-%m-%dT%H:%MZ}"
    return day(text)


def age(text: str) -> int:
    """Read a duration as people write it, such as `30d`; return seconds. Raises Problem."""
    written = _AGO.fullmatch(text)
    if written is None:
        raise usage(say("{text!r} is not an age", text=text), say("ages are written as 12h, 30d, 8w"))
    return int(written[1]) * SECONDS[written[2]]


def past(text: str, now: datetime) -> str:
    """Read a time of the past as people write it; return it as RFC 3339. A date is its last instant, UTC."""
    return _instant(text, now, "T23:59:59.999999+00:00")


def which_past(text: str, now: datetime) -> tuple[int | None, str | None]:
    """Read what stands in `@{…}`: a number of changes, or an instant as RFC 3339. Raises Problem."""
    return (int(text), None) if text.isdecimal() else (None, past(text, now))


def meant_day(text: str | None) -> str:
    """Return how to write the day that a number of changes looks like, or nothing."""
    written = _DIGITS.fullmatch(text or "")
    if written is None:
        return ""
    try:
        meant = date(*map(int, written.groups()))
        return say("a day is written @{{{day}}}", day=meant)
    except ValueError:
        return ""


def beginning(text: str, now: datetime) -> str:
    """Read since when something is asked for; return it as RFC 3339. A date is its first instant, UTC."""
    return _instant(text, now, "T00:00:00+00:00")


def _instant(text: str, now: datetime, of_a_date: str) -> str:
    try:
        if (ago := _AGO.fullmatch(text)) is not None:
            return _written(now - timedelta(seconds=int(ago[1]) * SECONDS[ago[2]]))
        if text == "yesterday":
            text = (now - timedelta(days=1)).date().isoformat()
        if _DATE.fullmatch(text):
            return _written(datetime.fromisoformat(text + of_a_date))
        if (instant := _INSTANT.fullmatch(text)) is not None:
            return _written(datetime.fromisoformat(f"{instant[1]}T{instant[2]}{(instant[3] or 'Z').upper()}"))
    except (ValueError, OverflowError):
        pass
    raise usage(say("{text!r} is not a time", text=text), say("times are written as {forms}", forms=TIMES))


def _written(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def listed(words: list[str]) -> str:
    """Join words with commas, the first ten of them."""
    shown = ", ".join(words[:10])
    return shown if len(words) <= 10 else say("{words} and {count} more", words=shown, count=len(words) - 10)


def counted(count: int, singular: str, plural: str = "") -> str:
    """Write `1 tag`, `2 tags`."""
    return f"{count:,} {say_counted(singular, plural or singular + 's', count)}"
