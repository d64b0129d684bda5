"""What the collector and a verification do in their transactions."""

from collections.abc import Sequence
from typing import Protocol

from refloat.core.clock import Clock
from refloat.core.names import Digest, Reference, RepositoryName
from refloat.core.prices import Waiting
from refloat.core.records import (
    Doomed,
    Forgotten,
    LiveKey,
    Pruned,
    StoredBody,
    Upload,
)


class Collecting(Protocol):
    """The collector's transaction: what ends, what is condemned, what is forgotten. Never any I/O on bytes."""

    def clock(self) -> tuple[int, Clock | None]:
        """Return the number of the last round and the clock it left."""

    def begin_round(self, number: int, clock: Clock) -> None: ...

    def due_changes(self, at: int, limit: int) -> list[str]: ...

    def prune(self, change: str, at: int, rows: int | None = None) -> Pruned:
        """Let go of what a change displaced; manifests that no tip, no move and no other manifest holds go,
        and the blobs they let go of get a lease that is already over.

        It ends after about so many rows, but goes through with a manifest it has begun; None: with all of it. The
        change stays due until it was pruned whole, and `sweep` goes on with the manifests.
        """

    def sweep(self, at: int, rows: int) -> Pruned:
        """Go on with the manifests that earlier steps let go of. Of no rows: there are none left."""

    def ended_leases(self, at: int, limit: int) -> list[tuple[RepositoryName, Digest]]: ...

    def condemn(self, repository: RepositoryName, digest: Digest, at: int, delete_after: int) -> bool:
        """End a lease; if nothing holds the blob, move its key from live to doomed. True: condemned."""

    def expired_uploads(self, at: int, limit: int) -> list[Upload]: ...

    def expire_upload(self, upload: Upload, at: int) -> None: ...

    def due_keys(self, at: int, confirmed_before: int, limit: int) -> list[Doomed]:
        """Return doomed keys past their date whose bytes are not confirmed absent, or were before an instant."""

    def due_after(self, at: int, after: str, limit: int) -> list[Doomed]:
        """Return doomed keys past their date whose bytes are not confirmed absent, those after a key, in its order."""

    def doomed(self, limit: int) -> list[Doomed]:
        """Return doomed keys, soonest first."""

    def waiting(self) -> Waiting:
        """Return how much is doomed whose bytes are not confirmed absent."""

    def postpone(self, key: str, until: int) -> None:
        """Keep a doomed key's bytes until an instant: they cannot go yet."""

    def reaped(self, key: str, at: int) -> None:
        """Write down that a key's bytes are confirmed absent."""

    def forget(self, key: str) -> None:
        """Remove a doomed key whose bytes are gone for longer than any request can last."""

    def forget_history(self, before: int, rows: int) -> Forgotten:
        """Remove pruned changes made before an instant, about so many rows of them. Of no rows: none are left."""


class Verifying(Protocol):
    """What a verification reads, in pages, and the little it writes."""

    def live(self, after: str, limit: int) -> list[tuple[Digest, LiveKey]]:
        """Return the live blobs after the digest `after`."""

    def bodies(self, after: tuple[int, str], limit: int) -> list[StoredBody]:
        """Return the manifests after a place."""

    def known(self, keys: Sequence[str]) -> set[str]:
        """Return those of `keys` that any row explains."""

    def users(self, digest: Digest, limit: int) -> list[tuple[RepositoryName, Reference]]:
        """Return live references whose image has a blob: tags, or the digest of a manifest without one."""

    def faults(self) -> list[str]:
        """Return what is wrong with the database itself."""

    def damaged(self, digest: Digest, key: str, at: int) -> bool:
        """Write down that a live key's bytes are not those of its digest: it is served no more. False: moved on."""

    def sound(self, digest: Digest, key: str, at: int) -> bool:
        """Write down that they are."""
