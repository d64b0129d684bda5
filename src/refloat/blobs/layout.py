"""Where the bytes of a key lie: `incoming/KEY` while they arrive, `objects/DAY/KEY` from then on.

DAY is the date in the key itself, so that the keys of one day share one directory and a batch of uploads
costs one directory fsync.
"""

from datetime import date
from pathlib import Path

from refloat.core.identity import instant_of

DAY = 24 * 3600 * 1_000_000
_EPOCH = date(1970, 1, 1).toordinal()


class Layout:
    """The paths under ROOT/refloat, as text: they are made for every look at a blob."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.incoming = f"{directory}/incoming"
        self.objects = f"{directory}/objects"
        self._days: dict[int, str] = {}

    def arriving(self, key: str) -> str:
        """Return the path of bytes that are not whole yet."""
        return f"{self.incoming}/{key}"

    def whole(self, key: str) -> str:
        """Return the path of whole bytes."""
        return f"{self.day(key)}/{key}"

    def day(self, key: str) -> str:
        """Return the directory of a key's day."""
        number = instant_of(key) // DAY
        try:
            return self._days[number]
        except KeyError:
            name = date.fromordinal(_EPOCH + number).strftime("%Y%m%d")
            return self._days.setdefault(number, f"{self.objects}/{name}")
