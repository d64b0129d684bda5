"""What the use cases ask of the world. Every promise here has one contract suite in `tests/contracts`."""

from refloat.ports.bytes import BlobShelf, BlobStore, UploadFile
from refloat.ports.metadata import Metadata, Room
from refloat.ports.reading import Listing, Prices, Reader
from refloat.ports.tending import Collecting, Verifying
from refloat.ports.writing import Transaction

__all__ = [
    "BlobShelf",
    "BlobStore",
    "Collecting",
    "Listing",
    "Metadata",
    "Prices",
    "Reader",
    "Room",
    "Transaction",
    "UploadFile",
    "Verifying",
]
