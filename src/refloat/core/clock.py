"""The collector's own clock: it follows the wall, but no wrong clock can end a window early.

Instants are microseconds since 1970, UTC.
"""

from dataclasses import dataclass

SECOND = 1_000_000
HOUR = 3600 * SECOND
STOP_ALLOWANCE = 24 * HOUR  # how much one stop of the machine may count for


@dataclass(frozen=True, slots=True)
class Tick:
    """One reading: the wall clock, and the machine's uptime, which no operator and no NTP can set."""

    wall: int
    uptime: int  # CLOCK_BOOTTIME, microseconds
    session: str  # one boot of the machine: within it, uptime tells how much time has really passed


@dataclass(frozen=True, slots=True)
class Clock:
    """The collector's clock after a reading. `behind` is how much wall time it has not followed."""

    at: int
    tick: Tick

    @property
    def behind(self) -> int:
        return max(0, self.tick.wall - self.at)


def advance(clock: Clock | None, tick: Tick) -> Clock:
    """Return the clock after `tick`: never back, never faster than the machine was up.

    A restart of the program is no stop: it earns nothing beyond the time that passed, however often it
    happens. Only a stop of the machine, during which nobody counted, earns the allowance.
    """
    if clock is None:
        return Clock(tick.wall, tick)
    passed = max(0, tick.uptime - clock.tick.uptime)
    allowance = passed if tick.session == clock.tick.session else STOP_ALLOWANCE
    return Clock(max(clock.at, min(tick.wall, clock.at + allowance)), tick)


def stamp(wall: int, clock: Clock | None) -> int:
    """Return the instant that a request counts its deadlines from.

    It is the wall's, but never behind the collector's clock: a deadline counted from a wall that was set
    back would be over, by the collector's clock, before its time had passed.
    """
    return wall if clock is None else max(wall, clock.at)


def accept(tick: Tick) -> Clock:
    """Return a clock set to the wall because an operator vouched for it."""
    return Clock(tick.wall, tick)


def restored(number: int, seen: int) -> str | None:
    """Return why nothing may be collected, where the database is older than the directory around it.

    A round's number (`number`) is written to the database first and to the file beside it (`seen`) second:
    behind the file the database can only be when it was restored from a backup. Such a database may name
    bytes live that are gone, so an operator has to look first.
    """
    if number < seen:  # guard: restored-database-stops-collection
        return f"the database is at round {number}, the directory at {seen}: it was restored from a backup"
    return None
