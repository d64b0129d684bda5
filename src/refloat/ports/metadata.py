"""The database as a whole."""

from collections.abc import Callable, Sequence
from typing import Literal, Protocol, TypeVar

from refloat.ports.reading import Listing, Reader
from refloat.ports.tending import Collecting, Verifying
from refloat.ports.writing import Transaction

T = TypeVar("T")
Room = Literal["spare", "kept"]
"""Which room of a full disk a transaction may take: none beyond what there is, or also what is kept back for deletes,
undo, restore, purge and collection. Only what makes room in the end may take that."""


class Metadata(Protocol):
    """The one database."""

    @property
    def read(self) -> Reader:
        """The reader of this thread's kept-open connection."""

    @property
    def listing(self) -> Listing: ...

    @property
    def verifying(self) -> Verifying: ...

    def mark(self, work: Callable[[Verifying], T]) -> T:
        """Run `work` in a transaction of its own and return when it is durable."""

    async def write(
        self,
        work: Callable[[Transaction], T],
        rows: int | None = None,
        ahead: Callable[[], object] | None = None,
        *,
        room: Room = "spare",
    ) -> T:
        """Run `work` in a transaction, together with others that wait, and return when it is durable.

        `rows` is how many it may be expected to write; None: nobody knows. What writes little goes before what may
        write much, which goes by itself. `ahead` is called in a thread before the transaction, for what takes long and
        needs none. An exception from either undoes what was done and comes out here. Work that may take what is kept
        back is run again where it met the full disk and room was made. Raises StorageFull, Unavailable.
        """

    async def write_brief(self, work: Callable[[Transaction], T], *, room: Room = "spare") -> T:
        """The same for work of a handful of rows, which a pull may wait for."""

    async def note(self, work: Callable[[Transaction], T], *, room: Room = "spare") -> T:
        """Run `work` in a transaction that everybody sees on return and that is durable with the next write.

        For what was not promised to survive a power cut: how long an upload is, how long a lease is renewed.
        """

    def write_now(self, work: Callable[[Transaction], T], *, room: Room = "spare") -> T:
        """The same, for callers that are not on the event loop."""

    def collect(self, work: Callable[[Collecting], T], *, room: Room = "kept") -> T:
        """Run one small step of the collector in a transaction."""

    def give_back(self) -> int:
        """Give free pages of the database, and the room of its log, back to the disk, in small steps between which
        others write. Returns how many pages. Raises StorageFull, Unavailable."""

    def look(self, work: Callable[[Collecting], T]) -> T:
        """Run reads of the collector that nobody waits for: in no transaction that writes."""

    def backup(self, at: int) -> None:
        """Write a metadata backup, and let go of the oldest beyond those that are kept."""

    def last_backup(self) -> int | None:
        """Return the instant of the newest backup."""

    def named_live(self, keys: Sequence[str]) -> set[str]:
        """Return those of `keys` that a kept backup names live: restoring it would need their bytes."""

    def epoch(self) -> int:
        """Return the number of the last round as the file beside the database has it; 0: no file."""

    def set_epoch(self, number: int) -> None:
        """Write the number of a round to the file beside the database, durably."""

    def close(self) -> None: ...
