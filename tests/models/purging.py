"""Purge in `world.py`: what it ends in its transaction, what it waits for, and what outlives a backup."""

from tests.models.pushing import Pushing, Steps
from tests.models.world import HEADER, NO_KEY, Lease, State

NO_LEASES: tuple[Lease, Lease] = ("none", "none")


class Purging(Pushing):
    """The user's verb that asks: end this blob now, through every window."""

    def purge(self, s: State) -> Steps:
        if s.purges:
            yield "PURGE: block, end leases, take every reference, condemn", self.ended(s._replace(purges=s.purges - 1))
        if s.purge == "reaping" and not s.ending & s.stored:
            yield "purge: every key is gone, 200", s._replace(purge="done")

    def ended(self, s: State) -> State:
        """One transaction. What is being uploaded is nobody's yet: it will be refused."""
        every = "purge-takes-every-reference" in self.guards
        pushed = frozenset[int]() if every else s.pushed - {HEADER}
        leases = NO_LEASES if "purge-ends-leases" in self.guards else s.leases
        free = s._replace(old="gone", pushed=pushed, leases=leases, purge="reaping", blocked=True)
        if free.leases == NO_LEASES:  # else the foreign key of a lease keeps the row
            free = condemned(free)
        uploading = {client.key for client in s.clients}
        header, uploader = (client._replace(promised=False) for client in s.clients)
        free = free._replace(clients=(header, uploader))
        return free._replace(ending=(free.doomed | {s.live}) - uploading - {NO_KEY})

    def purged_again(self, s: State) -> State:
        """A database that was just restored, after the blocks in the file beside it were read."""
        if not s.blocked or "blocks-outlive-the-database" not in self.guards:
            return s._replace(blocked=False)
        return self.ended(s)


def condemned(s: State) -> State:
    """The blob's row goes and its key is doomed. There is nothing to do if the row is gone already."""
    return s._replace(live=NO_KEY, doomed=s.doomed | ({s.live} - {NO_KEY}))


def removed(s: State, key: int) -> State:
    return s._replace(stored=s.stored - {key}, volatile=s.volatile - {key})
