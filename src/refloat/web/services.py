"""What the HTTP door is given: stores, settings, a clock, randomness. It opens nothing itself."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from refloat.core.closing import Rules
from refloat.core.identity import change_id
from refloat.core.names import Digest, Reference, RepositoryName
from refloat.core.patterns import ImagePattern
from refloat.core.prices import Departure
from refloat.core.receipts import Lifted, Note
from refloat.core.records import Cause
from refloat.ports import BlobShelf, BlobStore, Metadata
from refloat.usecases.collect import Round
from refloat.usecases.purge import PurgeRequest, Whole
from refloat.web.asgi import ASGIApp, Request
from refloat.web.capacity import Capacity
from refloat.web.pace import Patience

SECOND = 1_000_000
MOST_FILES = 1_000  # bodies on their way at once, where nobody counted how many descriptors there are


class Collecting(Protocol):
    """The collector, as the management API asks for it. Both block: call them in a thread."""

    def collect_now(self) -> Round: ...

    def plan(self) -> Round: ...


class Purging(Protocol):
    """Purge, as the management API asks for it. Everything blocks: call it in a thread."""

    def names(self, repository: RepositoryName, reference: Reference) -> tuple[Digest, ...]: ...

    def plan(self, request: PurgeRequest, cause: Cause) -> Whole: ...

    def purge(self, request: PurgeRequest, cause: Cause) -> Whole: ...

    def unblock(self, digest: Digest, cause: Cause) -> Lifted: ...

    def notes(self, before: int | None, limit: int) -> list[tuple[int, Note, list[Digest]]]: ...


@dataclass(frozen=True, slots=True)
class DoorSettings:
    """What of the configuration the door needs. Durations are microseconds."""

    window: int
    lease: int
    graveyard: int
    collect_interval: int
    uploads_idle: int
    receive_timeout: int
    delete_enabled: bool
    catalog_max: int
    tags_max: int
    headers: Mapping[str, Sequence[str]]
    relative_urls: bool | None  # None: not said, which means relative
    host: str
    prefix: str
    timetravel_prefix: str
    protected: tuple[ImagePattern, ...] = ()
    receive_rate: int = 0  # bytes a second that a body has to come with

    @property
    def patience(self) -> Patience:
        """How long bodies are waited for."""
        return Patience(self.receive_timeout / SECOND, self.receive_rate)

    @property
    def departure(self) -> Departure:
        """How bytes leave that nothing holds any more."""
        return Departure(self.collect_interval, self.graveyard)

    @property
    def rules(self) -> Rules:
        """What no change may do, whoever asks."""
        return Rules("allowed" if self.delete_enabled else "refused", self.protected)


@dataclass(frozen=True, slots=True)
class Services:
    """Everything the door works with. `now` gives microseconds, `random` so many random bytes."""

    metadata: Metadata
    blobs: BlobStore
    shelf: BlobShelf
    settings: DoorSettings
    now: Callable[[], int]
    random: Callable[[int], bytes]
    collector: Collecting
    purger: Purging
    is_admin: Callable[[str], bool]  # is this the admin token?
    management: Callable[["Services"], ASGIApp]  # called at the first request for it: its imports are heavy
    access: Callable[[Request], None] | None  # writes the access log's line
    files: Capacity = field(default_factory=lambda: Capacity(MOST_FILES, "files"))  # open ones of bodies

    def cause(self, request: Request) -> Cause:
        """Return who does something with this request, when, from where, with what, and why."""
        now = self.now()
        return Cause(
            at=now,
            change=change_id(self.random(8)),
            held_until=now + self.settings.window,
            address=request.address,
            client=request.printable_header(b"user-agent"),
            reason=request.printable_header(b"refloat-reason"),
            rules=self.settings.rules,
        )
