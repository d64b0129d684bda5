"""The one capability to remove bytes. Only the collector may import it (import contract "knife")."""

from typing import Protocol


class BlobReaper(Protocol):
    """Removes bytes of doomed keys."""

    def reap(self, key: str) -> bool:
        """Remove whatever lies under a key, finished or not; as often as needed. True: confirmed absent."""
