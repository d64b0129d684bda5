"""How slowly a body may come.

Only the time counts in which we wait for the client: while a full disk or another request holds us up, nobody is slow.
"""

from dataclasses import dataclass

from refloat.core.errors import UploadTooSlow


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a body is waited for: `idle` seconds for its next piece, and `least` bytes a second over that long.

    `least` of 0 is any rate.
    """

    idle: float
    least: int


class Pace:
    """Measures one body, from one stretch of `idle` seconds to the next: a fast beginning earns no slow end."""

    __slots__ = ("_came", "_least", "_waited", "idle")

    def __init__(self, patience: Patience) -> None:
        self.idle = patience.idle
        self._least = patience.least
        self._waited = 0.0
        self._came = 0

    def count(self, waited: float, came: int) -> None:
        """Count `came` bytes that were waited for so many seconds. Raises UploadTooSlow."""
        self._waited += waited
        self._came += came
        if self._waited < self.idle:
            return
        if self._came < self._least * self._waited:
            raise UploadTooSlow(
                f"{self._came} bytes came in {self._waited:.0f} s, and {self._least} a second are the least"
            )
        self._waited, self._came = 0.0, 0
