"""When the next worker starts in the place of one that ended. Instants are seconds of a monotonic clock."""

import mmap
from dataclasses import dataclass

STEADY = 10.0  # seconds: who served so long did not end because it had begun
FIRST, LONGEST = 0.5, 30.0  # seconds of the second wait and of the longest; there is none the first time
ATTEMPTS = 3  # starts that have to fail in each place before nothing is expected of the next


@dataclass(slots=True)
class Place:
    """One of a server's workers, whichever process it is now."""

    quick_ends: int = 0  # in a row
    failed_starts: int = 0  # in a row
    due: float | None = None  # None: it has a process

    def end(self, now: float, lived: float) -> float:
        """Note that its process ended after so many seconds. Returns how many the next one waits."""
        self.quick_ends = 1 if lived >= STEADY else self.quick_ends + 1
        wait = 0.0 if self.quick_ends == 1 else min(FIRST * 2 ** min(self.quick_ends - 2, 16), LONGEST)
        self.due = now + wait
        return wait


class Places:
    """Every worker's place, and which of them serves: each marks that itself, in memory that all processes share."""

    def __init__(self, number: int) -> None:
        self._serving = mmap.mmap(-1, number)
        self._places = [Place() for _ in range(number)]
        self._has_served = False

    def serves(self, index: int) -> None:
        """Be told, by the worker itself, that it takes requests."""
        self._serving[index] = 1

    def start(self, index: int) -> None:
        """Note that a process starts in a place."""
        self._serving[index] = 0
        self._places[index].due = None

    def end(self, index: int, now: float, lived: float) -> float:
        """Note that a process ended after so many seconds. Returns how many the next one waits."""
        place = self._places[index]
        if self._serving[index]:
            place.failed_starts = 0
            self._has_served = True
        else:
            place.failed_starts += 1
        return place.end(now, lived)

    def due(self, now: float) -> list[int]:
        """Return whose next process starts now."""
        return [index for index, place in enumerate(self._places) if place.due is not None and place.due <= now]

    def wait(self, now: float) -> float | None:
        """Return how many seconds from now the next start is due. None: nobody waits."""
        waiting = [place.due for place in self._places if place.due is not None]
        return max(min(waiting) - now, 0.0) if waiting else None

    def anybody_serves(self) -> bool:
        """Does any place take requests, as far as is known?"""
        return any(self._serving[index] and place.due is None for index, place in enumerate(self._places))

    def is_hopeless(self) -> bool:
        """Has nobody ever served, and could nobody start several times in a row?

        A server that has served goes on trying: what broke it may be mended, and callers wait at its sockets.
        """
        if self._has_served or any(self._serving[:]):
            return False
        return all(place.failed_starts >= ATTEMPTS for place in self._places)
