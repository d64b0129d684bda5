"""A registry with real files that lives through a history, and then is left alone until everything has gone."""

import asyncio
import itertools
from pathlib import Path

from refloat.blobs.filesystem import FileBlobs
from refloat.core.clock import Tick
from refloat.core.names import Digest, RepositoryName, Tag
from refloat.core.prices import FOREVER, Departure, Forecast
from refloat.core.records import Change
from refloat.metadata.migrate import migrate
from refloat.metadata.store import SqliteMetadata
from refloat.ports import Transaction
from refloat.usecases.collect import CollectTerms, plan_round, run_round
from refloat.usecases.preview import preview
from refloat.usecases.price import price
from refloat.usecases.remove import Selection, remove
from refloat.usecases.usage import usage
from tests.models.months import REPOSITORIES, Months, Request
from tests.usecases.conftest import DAY, TEAM, Registry

GRAVEYARD = DAY
TERMS = CollectTerms(GRAVEYARD, history_keep=400 * DAY)
DEPARTURE = Departure(interval=0, graveyard=GRAVEYARD)


class Stocked(Registry):
    """A registry whose blobs are files; each content has a size of its own."""

    def __init__(self, metadata: SqliteMetadata, blobs: FileBlobs) -> None:
        super().__init__(metadata)
        self._blobs = blobs

    def blob(self, content: bytes, repository: RepositoryName = TEAM) -> Digest:
        content += b"." * (int(Digest.of(content)[-2:], 16))
        digest = super().blob(content, repository)
        live = self.metadata.read.live_key(digest)
        assert live is not None
        path = self._blobs.path(live.key)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        return digest


class Priced(Months):
    """A registry that is asked for its prices."""

    def __init__(self, place: Path) -> None:
        database = place / "refloat.db"
        migrate(database)
        blobs = FileBlobs(place, reserve=0.0)
        super().__init__(SqliteMetadata(database, place, lambda: False), blobs, database)
        self.place = place
        self.registry = Stocked(self.metadata, blobs)
        self.registry.lease = DAY
        self._windows = itertools.cycle((10, 3, 6, 10, 25))

    def close(self) -> None:
        self.metadata.close()
        self.blobs.close()

    def do(self, what: str, repository: RepositoryName, tag: str, more: str) -> None:
        """Do a request as always, under a window that somebody set differently before nearly every one."""
        self.registry.window = next(self._windows) * DAY
        super().do(what, repository, tag, more)

    def files(self) -> dict[str, int]:
        """Return what lies on the disk, listed without refloat's code."""
        found = itertools.chain(self.place.glob("objects/*/*"), self.place.glob("incoming/*"))
        return {path.name: path.stat().st_size for path in found}

    def forecasts(self) -> list[Forecast]:
        """Return the forecast of every change whose window has not ended."""
        listing = self.metadata.listing
        return [self.forecast(change) for change in listing.changes(None, None, 1000)]

    def forecast(self, change: Change) -> Forecast:
        return price(self.metadata.listing, change.id, change.held_until, DEPARTURE)

    def leased(self) -> list[tuple[int, int]]:
        """Return the bytes that only a lease holds longest, each with its end."""
        listing, found = self.metadata.listing, []
        for blob, size in self.rows("SELECT digest, size FROM blobs"):
            hold = listing.last_hold(Digest(str(blob)))
            assert hold is not None
            if hold.ends < FOREVER and not hold.change:
                found.append((hold.ends, int(str(size))))
        return found

    def doomed(self) -> list[tuple[int, int]]:
        """Return the files that wait for the reaper, each with its date."""
        there = self.files()
        rows = self.rows("SELECT key, delete_after FROM doomed WHERE reaped_at IS NULL")
        return [(int(str(date)), there[str(key)]) for key, date in rows if str(key) in there]

    def check_usage(self) -> None:
        """The classes add up to what is stored, and the trash to what its changes free."""
        found = usage(self.metadata.listing, self.blobs)
        assert sum(found.values()) == sum(self.files().values())
        assert found["trash"] == sum(forecast.frees for forecast in self.forecasts())
        assert found["leased"] == sum(size for _, size in self.leased())
        assert found["doomed"] == sum(size for _, size in self.doomed())
        assert found["unknown"] == found["quarantine"] == 0
        assert found["tagged"] + found["untagged"] == self.reached()

    def reached(self) -> int:
        """Return the bytes that tips reach, found from the tips downwards."""
        (row,) = self.rows(
            """SELECT coalesce(sum(size), 0) FROM blobs WHERE digest IN (SELECT f.blob FROM refs f
               JOIN tips t ON t.repository = f.repository AND t.reference = f.parent)"""
        )
        return int(str(row[0]))

    def check_plan(self) -> None:
        """What a dry run says of a removal is what is said once it was made."""
        for repository in REPOSITORIES:
            for tag in self.metadata.read.tags(repository, "", None)[:1]:
                selection, cause = Selection({repository: [Tag(tag)]}), self.registry.cause()

                def plan(tx: Transaction, selection: Selection = selection, cause: object = cause) -> Forecast:
                    done = remove(tx, selection, self.registry.cause(), "image")
                    assert done.change is not None
                    return price(tx.listing, done.change, self.registry.now + self.registry.window, DEPARTURE)

                planned = asyncio.run(preview(self.metadata, plan))
                self.rm(repository, Tag(tag))
                (made,) = self.metadata.listing.changes(None, None, 1)
                real = self.forecast(made)
                assert (planned.frees, planned.later, planned.stays) == (real.frees, real.later, real.stays)

    def live_out(self) -> None:
        """Ask nothing more, and compare what leaves the disk with what was forecast.

        No backup is made, so every byte goes in the very round that the model names.
        """
        due = [(forecast.ends + GRAVEYARD, forecast.frees) for forecast in self.forecasts()]
        due += [(ends + GRAVEYARD, size) for ends, size in self.leased()]
        due += self.doomed()
        before = sum(self.files().values())
        rounds = {instant for date, _ in due for instant in (date - GRAVEYARD, date)}
        for at in sorted(instant for instant in rounds if instant > self.registry.now):
            self.registry.now = at
            tick, gone_before = Tick(at, at, "run"), before - sum(self.files().values())
            planned = self.planned(tick)
            run_round(self.metadata, self.blobs, tick, TERMS)
            gone = before - sum(self.files().values())
            assert planned == gone - gone_before
            assert gone == sum(size for date, size in due if date <= at)
        assert before - sum(self.files().values()) == sum(size for _, size in due)

    def planned(self, tick: Tick) -> int:
        """Return how many bytes the next round says it will free; files that never were are not among them."""
        there = self.files()
        plan = plan_round(self.metadata, tick, TERMS)
        due = self.rows("SELECT key, size FROM doomed WHERE reaped_at IS NULL AND delete_after <= ?", tick.wall)
        never_written = sum(int(str(size)) for key, size in due if str(key) not in there)
        return plan.reaped_bytes - never_written


def live_through(place: Path, history: list[Request]) -> None:
    """Live through a history and out of it. Raises AssertionError."""
    months = Priced(place)
    try:
        for request in history:
            months.do(*request)
            months.check_usage()
        months.check_plan()
        months.check_usage()
        months.live_out()
        months.check_usage()
    finally:
        months.close()
