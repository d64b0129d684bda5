"""Everything else that happens in `world.py`: deleting, undo, collection, and the world's bad luck."""

from collections.abc import Iterator

from tests.models.explorer import LEAK, LOSS, REFUSED, REVIVED, Finding
from tests.models.purging import Purging, condemned, removed
from tests.models.pushing import Steps
from tests.models.world import HEADER, NO_KEY, UPLOADER, Backup, Client, State

IN_FLIGHT = ("write", "seal", "judge", "finish")
ENDED = Client("end", 0)


class Protocol(Purging):
    """Our protocol, under the guards that are in force."""

    def steps(self, s: State) -> Steps:
        yield from self.push(s, HEADER)
        yield from self.push(s, UPLOADER)
        yield from self.let_go(s)
        yield from self.condemn(s)
        yield from self.reap(s)
        yield from self.expire(s)
        yield from self.happen(s)
        yield from self.back_up(s)
        yield from self.purge(s)

    def judge(self, s: State) -> Iterator[Finding]:
        if s.used and (s.live == NO_KEY or s.live not in s.stored):
            yield LOSS
        if s.refused:
            yield REFUSED
        if s.purge != "none" and (s.live != NO_KEY or s.used):
            yield REVIVED
        if s.purge == "done" and s.ending & s.stored:
            yield REVIVED

    def judge_rest(self, s: State) -> Iterator[Finding]:
        """When nothing is left to do, every manifest has gone: so has every byte and every row."""
        if s.used or s.stored or s.doomed or s.uploading or s.live != NO_KEY or "running" in s.leases:
            yield LEAK
        if s.purge == "reaping":
            yield LEAK

    # references

    def let_go(self, s: State) -> Steps:
        if s.old == "live":
            yield "delete the old image", s._replace(old="held")
        if s.old == "held":
            yield "take the delete back", s._replace(old="live")
            yield "its window ends: prune, sweep", self.swept(s._replace(old="gone"), HEADER)
        for repository in s.pushed:
            gone = s._replace(pushed=s.pushed - {repository})
            yield f"the image of repository {repository} is deleted and swept", self.swept(gone, repository)

    def swept(self, s: State, repository: int) -> State:
        """What a sweep lets go of gets a lease that is over, unless there is a lease already."""
        if s.leases[repository] == "none" and "ended-leases-are-the-queue" in self.guards:
            return s.leased(repository, "over")
        return s

    # the collector

    def condemn(self, s: State) -> Steps:
        if s.looked:
            yield "collector: condemn what it saw unused", condemned(s)._replace(looked=False)
        for repository, lease in enumerate(s.leases):
            if lease == "over" or (lease == "running" and "leases-hold" not in self.guards):
                ended = s.leased(repository, "none")
                if s.live == NO_KEY or s.used or "running" in ended.leases or "over" in ended.leases:
                    yield f"collector: lease of repository {repository} ends, in use", ended
                elif "condemn-in-one-transaction" in self.guards:
                    yield f"collector: condemn key {s.live}", condemned(ended)
                elif not s.looked:
                    yield "collector: sees nothing that uses the blob", ended._replace(looked=True)

    def reap(self, s: State) -> Steps:
        for key in s.doomed:
            if self.kept_for_backup(s, key):
                continue
            if key in s.stored:
                yield f"reaper: remove key {key}", removed(s, key)
                if s.timeouts:
                    yield (
                        f"reaper: removing key {key} times out",
                        s._replace(late=s.late | {key}, timeouts=s.timeouts - 1),
                    )
            elif "tombstones" not in self.guards or not any(
                client.key == key and client.at in IN_FLIGHT for client in s.clients
            ):
                yield f"reaper: forget key {key}", s._replace(doomed=s.doomed - {key})

    def kept_for_backup(self, s: State, key: int) -> bool:
        if key in s.ending and "purge-waits-for-no-backup" in self.guards:
            return False
        return "backups-keep-bytes" in self.guards and s.backup is not None and s.backup.live == key

    def expire(self, s: State) -> Steps:
        """The janitor ends sessions, time ends leases: at any moment, whatever the clock says."""
        for key in s.uploading:
            yield (
                f"janitor: session of key {key} is over",
                s._replace(uploading=s.uploading - {key}, doomed=s.doomed | {key}),
            )
        for repository, lease in enumerate(s.leases):
            if lease == "running":
                client = s.clients[repository]._replace(promised=False)
                yield (
                    f"the lease of repository {repository} is over",
                    s.leased(repository, "over").client(repository, client),
                )

    # bad luck

    def happen(self, s: State) -> Steps:
        for key in s.late:
            yield f"the late removal of key {key} is carried out", removed(s, key)._replace(late=s.late - {key})
        if s.power_cuts and s.volatile:
            cut = s._replace(stored=s.stored - s.volatile, volatile=frozenset(), power_cuts=s.power_cuts - 1)
            yield "POWER CUT", restarted(cut)
        if s.crashes and any(client.at in IN_FLIGHT for client in s.clients):
            yield "THE SERVER DIES", restarted(s._replace(crashes=s.crashes - 1))

    def back_up(self, s: State) -> Steps:
        if s.backups == 2:
            copy = Backup(s.live, s.uploading, s.doomed, s.old, s.pushed, s.leases)
            yield "back up the database", s._replace(backup=copy, backups=1)
        elif s.backups == 1 and s.backup is not None:
            rows = s.backup._asdict()
            old = s._replace(**rows, looked=False, backups=0, clients=(ENDED, ENDED))
            yield "RESTORE THE DATABASE FROM ITS BACKUP", self.purged_again(old)
        if s.backup is not None and s.purge != "reaping":  # a purge is answered before a day has passed
            yield "newer backups take its place", s._replace(backup=None, backups=-1 if s.restored else 0)
        for key in self.unexplained(s):
            yield f"verify: no row explains key {key}, it is set aside", removed(s, key)

    def unexplained(self, s: State) -> frozenset[int]:
        """Bytes that came after the backup. Nobody removes them, but an operator is told."""
        return s.stored - s.uploading - s.doomed - {s.live} if s.restored else frozenset()


def restarted(s: State) -> State:
    """Every request under way is cut off, and begun again as often as its client does."""
    header, uploader = (client if client.at in ("start", "end") else again(client) for client in s.clients)
    return s._replace(clients=(header, uploader))


def again(client: Client) -> Client:
    return Client("start", client.tries - 1) if client.tries else ENDED
