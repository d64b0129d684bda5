"""What a purge asks of the world beyond `ports`: it ends what everything else keeps."""

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol, TypeVar

from refloat.core.names import Digest, RepositoryName
from refloat.core.purge import Remains
from refloat.core.receipts import Note, Receipt
from refloat.core.records import Doomed, Upload
from refloat.ports import Metadata, Transaction

T = TypeVar("T")


class PurgeTransaction(Transaction, Protocol):
    """One transaction of a purge."""

    def holders(self, names: Iterable[Digest], now: int) -> list[RepositoryName]:
        """Return the repositories that have any of `names`: as a manifest in whatever state, a part of one, or
        under a lease that is not over."""

    def remains(self, repository: RepositoryName) -> Remains: ...

    def body(self, digest: Digest) -> bytes | None:
        """Return a manifest's bytes, from whichever repository has it in whatever state."""

    def waits(self, names: Iterable[Digest]) -> bool:
        """Do bytes of these names wait for the reaper?"""

    def end(self, repository: RepositoryName, digests: Sequence[Digest]) -> set[Digest]:
        """Remove manifests that no tip points to any more, from history too. Returns the blobs they let go of."""

    def end_leases(self, repositories: Iterable[RepositoryName], digest: Digest, now: int) -> None:
        """End these repositories' leases on a blob, and whoever's are over."""

    def condemn(self, digest: Digest, at: int) -> int | None:
        """Doom every key of a blob that nothing holds, to be reaped at once. Returns the size of the live one.

        None: there was none, or it is held and stays.
        """

    def uploads(self) -> list[Upload]: ...

    def end_stray(self, upload: Upload, at: int) -> None:
        """End a session that holds bytes that ended, to be reaped at once."""

    def condemned(self) -> list[Doomed]:
        """Return the keys a purge condemned whose bytes are not confirmed absent."""

    def never_live(self) -> list[Doomed]:
        """Return the doomed keys that were never live and whose bytes are not confirmed absent."""

    def reaped(self, key: str, at: int) -> None:
        """Write down that a key's bytes are confirmed absent."""

    def write_down(self, note: Note) -> bool:
        """Keep a note, and what it blocks or lifts. False: it is known already."""

    def blocked_by(self, purge: str) -> list[Digest]:
        """Return what a purge still blocks."""

    def notes(self, before: int | None, limit: int) -> list[tuple[int, Note]]:
        """Return notes with their numbers, newest first, from before a number on."""

    def unfinished(self) -> list[Receipt]:
        """Return the purges whose bytes, backups or log may still be there, oldest first."""

    def finish(self, purges: Iterable[str], at: int) -> None: ...


class PurgeNotes(Protocol):
    """The file of receipts beside the database."""

    def read(self) -> list[Note]:
        """Return all notes, oldest first. Raises Unavailable where one cannot be read."""

    def append(self, notes: Sequence[Note]) -> None:
        """Add notes at the end, durably. Raises StorageFull, Unavailable."""


class PurgeMetadata(Metadata, Protocol):
    """The database, and what copies of it lie about."""

    @property
    def notes(self) -> PurgeNotes: ...

    def purge(self, work: Callable[[PurgeTransaction], T]) -> T:
        """Run `work` in a transaction of its own and return when it is durable."""

    def replace_backups(self, digests: Sequence[Digest], at: int) -> int:
        """Remove the backups that know any of `digests`, after writing one that does not. Returns how many."""

    def empty_log(self) -> None:
        """Bring all of the log into the database file and cut it to nothing. Raises Unavailable while it is read."""
