"""How many bytes a change will free, and when."""

from collections.abc import Iterable, Mapping

from refloat.core.names import Digest
from refloat.core.prices import Departure, Forecast, Hold
from refloat.core.records import Change
from refloat.ports import Listing

NOTHING = Hold(0)


def price(listing: Listing, change: str, ends: int, departure: Departure) -> Forecast:
    """Return what becomes of the bytes that a change displaced.

    `ends` is when its window does, in microseconds since 1970, and `departure` how bytes leave after that. Of the
    last change made it costs a few reads for each blob below what was displaced, however much else is stored; of
    another also a look at the manifests that use the same blobs, where nothing live does.
    """
    return _price(listing, (change, ends), departure, {})


def price_all(listing: Listing, changes: Iterable[Change], departure: Departure) -> Mapping[str, Forecast]:
    """Return the same of several changes; what they share is looked at once."""
    known: dict[Digest, Hold] = {}
    return {change.id: _price(listing, (change.id, change.held_until), departure, known) for change in changes}


def _price(listing: Listing, which: tuple[str, int], departure: Departure, known: dict[Digest, Hold]) -> Forecast:
    change, ends = which
    blobs = listing.displaced_blobs(change)
    last = listing.hold_of_last(change)
    for blob, _ in blobs:
        if blob not in known:
            known[blob] = listing.last_hold(blob, last) or NOTHING
    return Forecast.of(change, ends, departure, [(size, known[blob]) for blob, size in blobs])
