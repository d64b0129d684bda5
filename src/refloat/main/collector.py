"""The collector inside a server: a thread in each worker, of which one at a time collects."""

import logging
import threading
import time
from pathlib import Path

from refloat.core.clock import Clock, Tick, advance, stamp
from refloat.core.errors import RefloatError, StorageFull
from refloat.core.prices import BACKUP_EVERY
from refloat.core.scarcity import lacking
from refloat.main.alone import PATIENCE, alone
from refloat.ports import Collecting
from refloat.purge_ports import PurgeMetadata
from refloat.reaping import StrayReaper
from refloat.usecases.collect import CollectTerms, Round, plan_round, run_round
from refloat.usecases.purge import finish
from refloat.usecases.reap_ahead import reap_ahead

SECOND = 1_000_000
A_ROUND = 5.0  # seconds that whoever needs room waits for a round under way, which makes some as well
log = logging.getLogger("refloat.collector")


class Collector:
    """Runs rounds: every interval in a thread, and when told."""

    def __init__(
        self, metadata: PurgeMetadata, blobs: StrayReaper, terms: CollectTerms, session: str, lock: Path
    ) -> None:
        self._metadata = metadata
        self._blobs = blobs
        self._terms = terms
        self._session = session
        self._lock = lock
        self._stop = threading.Event()
        self._stopped_for: str | None = None
        self._waits_for: str | None = None
        self._clock: Clock | None = metadata.collect(self._begin_clock)

    def now(self) -> int:
        """Return the instant a request counts its deadlines from: the wall's, but never behind the clock here."""
        return stamp(now(), self._clock)  # guard: deadlines-from-no-wall-set-back

    def start(self, interval: int) -> None:
        """Collect every `interval` microseconds from now on.

        A directory without a backup gets its first one before anything is pushed: it names nothing live,
        so it keeps no bytes from being reaped.
        """
        if self._metadata.last_backup() is None:
            with alone(self._lock, PATIENCE):
                self._back_up_first()
        self._thread = threading.Thread(target=self._run, args=(interval / SECOND,), name="collector", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Begin no further round, and wait for the one under way."""
        self._stop.set()
        self._thread.join()

    def collect_now(self) -> Round:
        """Run a round, after the one another worker may be running. Raises TimeoutError."""
        with alone(self._lock, PATIENCE) as mine:
            if not mine:
                raise TimeoutError("another round is running")
            return self._round()

    def make_room(self) -> bool:
        """Remove doomed bytes that are due, for a database that finds the disk full. True: that freed some."""
        with alone(self._lock, A_ROUND) as mine:
            try:
                return mine and reap_ahead(self._metadata, self._blobs, tick(self._session)) > 0
            except RefloatError as problem:
                log.warning("the disk is full, and nothing could be removed from it: %s", problem.message)
                return False

    def plan(self) -> Round:
        """Return what a round would do now."""
        return plan_round(self._metadata, tick(self._session), self._terms)

    def _run(self, interval: float) -> None:
        while not self._stop.wait(interval):
            try:
                self._take_turn()
                self._waits_for = None
            except StorageFull as full:
                self._wait_for_room(full)
            except Exception as problem:
                if lack := lacking(problem):
                    log.error("no round of collection: this process is out of %s; the next one tries again", lack)
                else:
                    log.exception("a round of collection failed; nothing is lost, the next one tries again")

    def _take_turn(self) -> None:
        """Do what is due, if no other worker is at it."""
        with alone(self._lock, 0) as mine:
            if mine:
                self._blobs.keep_back()
                self._round()
                finish(self._metadata, self._blobs, now())  # a purge that another worker did not live to end
            self._clock = self._metadata.collect(lambda tx: tx.clock()[1])
            if mine:
                self._back_up()

    def _wait_for_room(self, full: StorageFull) -> None:
        """Say once, and not each minute, what is waited for."""
        if full.message != self._waits_for:
            log.warning("a round of collection waits for room: %s", full.message)
        self._waits_for = full.message

    def _begin_clock(self, tx: Collecting) -> Clock:
        """The clock starts before the first request, so that no wall set right later ends a window early."""
        _, clock = tx.clock()
        if clock is None:
            clock = advance(None, tick(self._session))
            tx.begin_round(0, clock)
        return clock

    def _round(self) -> Round:
        done = run_round(self._metadata, self._blobs, tick(self._session), self._terms)
        if done.stopped is not None and done.stopped != self._stopped_for:
            log.error("collection is stopped: %s", done.stopped)
        self._stopped_for = done.stopped
        if done.pruned or done.swept or done.condemned or done.reaped:
            log.info(
                "collected",
                extra={
                    "round": done.number, "pruned": done.pruned, "swept": done.swept,
                    "condemned": done.condemned, "reaped": done.reaped, "reaped_bytes": done.reaped_bytes,
                },
            )  # fmt: skip
        return done

    def _back_up_first(self) -> None:
        """Copy a database that has nothing yet; the ones after never hold up a start."""
        try:
            self._back_up()
        except StorageFull as full:
            self._wait_for_room(full)

    def _back_up(self) -> None:
        at, last = now(), self._metadata.last_backup()
        if last is None or at - last >= BACKUP_EVERY or last > at:
            self._metadata.backup(at)


def tick(session: str) -> Tick:
    """Return a reading of the clocks for a run of a server, or of a command in its place."""
    return Tick(now(), time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1000, session)


def now() -> int:
    """Return the wall clock's instant in microseconds."""
    return time.time_ns() // 1000
