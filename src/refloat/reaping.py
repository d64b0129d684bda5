"""The one capability to remove bytes. Only the collector and purge may import it (import contract "knife")."""

from typing import Protocol

from refloat.ports import BlobShelf


class BlobReaper(Protocol):
    """Removes bytes of doomed keys."""

    def reap(self, key: str) -> bool:
        """Remove whatever lies under a key, finished or not; as often as needed. True: confirmed absent."""


class StrayReaper(BlobReaper, BlobShelf, Protocol):
    """Finds and removes further copies of bytes that ended, before those under their key go."""

    def begins(self, key: str, whole: str) -> bool:
        """Are the bytes under `key`, finished or not, the first of those under the key `whole`? Nothing begins none."""

    def reap_quarantined(self, whole: str) -> int:
        """Remove what was set aside and begins the bytes under the key `whole`. Returns how many files."""

    def bytes_of(self, key: str) -> int:
        """Return how many bytes lie under a key, finished or not. Raises Unavailable."""

    def keep_back(self) -> None:
        """Keep room back again for deletes on a full disk, where there is plenty now."""
