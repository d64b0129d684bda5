"""Where the space goes: every file of the store, by what the rows say about it."""

from collections.abc import Iterator, Mapping
from itertools import islice

from refloat.core.prices import FOREVER, Place, UsageClass, add_up
from refloat.ports import BlobShelf, Listing

BATCH = 500  # files that the rows are asked about at once


def usage(listing: Listing, shelf: BlobShelf) -> Mapping[UsageClass, int]:
    """Return the bytes of each class; together they are the sizes of all files of blobs.

    It looks at every file. What is pushed or removed meanwhile may be counted or not.
    """
    return add_up(_classes(listing, shelf))


def _classes(listing: Listing, shelf: BlobShelf) -> Iterator[tuple[UsageClass, int]]:
    files = shelf.files()
    while batch := list(islice(files, BATCH)):
        places = listing.places([key for key, _ in batch])
        for key, size in batch:
            yield _class_of(listing, places.get(key)), size
    yield "quarantine", shelf.quarantined()


def _class_of(listing: Listing, place: Place | None) -> UsageClass:
    if place is None:
        return "unknown"
    if place.state != "live" or place.digest is None:
        return "uploads" if place.state == "uploading" else "doomed"
    hold = listing.last_hold(place.digest)
    if hold is None or (hold.ends < FOREVER and not hold.change):
        return "leased"
    if hold.ends < FOREVER:
        return "trash"
    return "tagged" if listing.is_tagged(place.digest) else "untagged"
