"""Our protocol, step by step as ARCHITECTURE.md tells it: one blob, two repositories, every order of events.

- the *header*, in repository 0, asks with HEAD first, and uploads if told that the blob is missing
- the *uploader*, in repository 1, mounts the blob from repository 0 or uploads it; its last request may be repeated
- repository 0's old image is deleted, taken back, pruned and swept; what was pushed is deleted and swept
- the collector condemns and reaps, the janitor ends sessions, leases end, the server dies, the power fails, a
  DELETE of the store is carried out late, the database is restored from a backup, the blob is purged

The collector needs no step of its own for a crash: between two of its steps it remembers nothing.
"""

from typing import Literal, NamedTuple

HEADER, UPLOADER = 0, 1
NAMES = ("header", "uploader")
Lease = Literal["none", "running", "over"]
NO_KEY = 0

Guard = Literal[
    "foreign-key",  # a manifest and its references are stored in the transaction that looked for its blobs
    "condemn-in-one-transaction",
    "no-session-no-write",  # an upload is entered only while its session's row exists
    "adopt-only-what-is-live-now",  # what was judged before the transaction is looked at again in it
    "durable-before-the-answer",
    "fresh-keys",
    "ended-leases-are-the-queue",  # a sweep leaves a lease that is over for each blob it lets go of
    "tombstones",  # a doomed key is remembered for as long as a request for it may run
    "leases-hold",
    "backups-keep-bytes",
    "uploads-read-the-block",  # in the transaction that enters them
    "purge-takes-every-reference",  # in every repository
    "purge-ends-leases",
    "purge-waits-for-no-backup",
    "blocks-outlive-the-database",  # they are in a file too, and a restored database is purged again
]


class Client(NamedTuple):
    """A pusher: its next step, how often it will begin again, its upload's key, what it judged, what it was told."""

    at: str
    tries: int
    key: int = NO_KEY
    trusted: int = NO_KEY
    promised: bool = False  # told that the blob is there, under a lease that has not ended since


class Backup(NamedTuple):
    """The database as a backup has it."""

    live: int
    uploading: frozenset[int]
    doomed: frozenset[int]
    old: str
    pushed: frozenset[int]
    leases: tuple[Lease, Lease]


class State(NamedTuple):
    """Everything that is remembered anywhere."""

    live: int = 1  # the blob's live key
    stored: frozenset[int] = frozenset({1})  # keys with bytes on the store
    volatile: frozenset[int] = frozenset()  # of those, what a power cut takes
    uploading: frozenset[int] = frozenset()
    doomed: frozenset[int] = frozenset()
    late: frozenset[int] = frozenset()  # keys with a DELETE under way
    old: str = "live"  # repository 0's old image: live, held (by history), gone
    pushed: frozenset[int] = frozenset()  # repositories whose new manifest was acknowledged
    leases: tuple[Lease, Lease] = ("none", "none")
    next_key: int = 2
    clients: tuple[Client, Client] = (Client("head", 1), Client("start", 0))
    repeats: int = 1  # requests that a proxy sends again
    doubts: int = 1  # times a live blob was hashed too long ago to be relied on
    power_cuts: int = 1
    timeouts: int = 1  # removals that the store does not answer in time
    looked: bool = False  # the collector saw no reference (where condemning is not one transaction)
    backup: Backup | None = None
    backups: int = 0  # 2: one can be made, 1: there was one, 0: it was used, if there was one, -1: and is gone
    refused: bool = False
    crashes: int = 0
    purges: int = 0
    purge: str = "none"  # none, reaping, done: what the one who asked was told
    blocked: bool = False
    ending: frozenset[int] = frozenset()  # the keys that a purge has to see gone

    @property
    def restored(self) -> bool:
        """Is this a database that was restored?"""
        return self.backups == -1 or (self.backups == 0 and self.backup is not None)

    def holds(self, repository: int) -> bool:
        """Does a repository hold the blob?"""
        by_old = repository == HEADER and self.old != "gone"
        return self.live != NO_KEY and (self.leases[repository] != "none" or repository in self.pushed or by_old)

    @property
    def used(self) -> bool:
        """Does any manifest, live or held, use the blob?"""
        return self.old != "gone" or bool(self.pushed)

    def leased(self, repository: int, lease: Lease) -> "State":
        leases = (lease, self.leases[1]) if repository == 0 else (self.leases[0], lease)
        return self._replace(leases=leases)

    def client(self, who: int, client: Client) -> "State":
        clients = (client, self.clients[1]) if who == 0 else (self.clients[0], client)
        return self._replace(clients=clients)
