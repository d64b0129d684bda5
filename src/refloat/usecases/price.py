"""How many bytes a change will free, and when."""

from refloat.core.prices import Departure, Forecast, Hold
from refloat.ports import Listing


def price(listing: Listing, change: str, ends: int, departure: Departure) -> Forecast:
    """Return what becomes of the bytes that a change displaced.

    `ends` is when its window does, in microseconds since 1970, and `departure` how bytes leave after that. It
    costs a few reads for each blob below what was displaced, however much else is stored.
    """
    nothing = Hold(0)
    held = [(size, listing.last_hold(blob) or nothing) for blob, size in listing.displaced_blobs(change)]
    return Forecast.of(change, ends, departure, held)
