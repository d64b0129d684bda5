"""Collection: history lets go, keys are condemned, bytes are removed. Its cost is what it collects.

The order of writes, and why a crash between any two is harmless: rows are let go first, each in a small
transaction; a key is doomed in the transaction that removes its row; only then, and only for doomed
keys past their date, are bytes removed; a doomed row is forgotten when its bytes are confirmed absent
for longer than any request can last. A crash leaves work for the next round, never a broken image.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol, TypeVar

from refloat.core.clock import HOUR, Clock, Tick, advance, restored
from refloat.core.errors import StorageFull
from refloat.core.names import Digest
from refloat.core.prices import LOOK_AGAIN, Waiting
from refloat.core.records import Doomed, Pruned
from refloat.ports import Collecting, Metadata
from refloat.reaping import BlobReaper

T = TypeVar("T")
BATCH = 200  # leases, uploads or keys in one transaction, so that pushes wait for milliseconds at most
ROWS = 2000  # rows that go in one transaction, for the same reason
CHANGES_AT_ONCE = 20
LONGEST_REQUEST = 24 * HOUR
MOST_SHOWN = 1000
VOUCH = "stop the server and run  refloat clock accept --root DIR  if this is the database to go on with"


@dataclass(frozen=True, slots=True)
class CollectTerms:
    """How long things are kept, in microseconds."""

    graveyard: int
    history_keep: int


@dataclass(frozen=True, slots=True)
class Held:
    """Bytes that are condemned but still there: until when, and for what reason."""

    key: str
    digest: Digest | None
    size: int
    until: int
    reason: str


@dataclass(slots=True)
class Round:
    """What a round did, or would do. `stopped` says why nothing was done at all."""

    number: int = 0
    clock: int = 0
    behind: int = 0
    pruned: int = 0
    let_go: int = 0
    swept: int = 0
    expired_uploads: int = 0
    condemned: int = 0
    reaped: int = 0
    reaped_bytes: int = 0
    forgotten: int = 0
    held: list[Held] = field(default_factory=list)
    waiting: Waiting = field(default_factory=Waiting)
    stopped: str | None = None


class Step(Protocol):
    """Runs one small piece of work in a transaction: its own when acting, a shared one when planning."""

    def __call__(self, work: Callable[[Collecting], T]) -> T: ...


def run_round(metadata: Metadata, blobs: BlobReaper, tick: Tick, terms: CollectTerms) -> Round:
    """Collect everything that is due. Only one process may be in here at a time."""
    step: Step = metadata.collect
    clock, done = _begin(metadata, step, tick)
    if done.stopped is None and _write_number(metadata, clock, done):
        metadata.set_epoch(done.number)
        _let_go(step, clock, terms, done)
        _reap(metadata, step, blobs.reap, clock, done)
        _forget(step, clock.at - terms.history_keep, done)
        metadata.look(lambda rows: _look_at_waiting(rows, done))
        with suppress(StorageFull):  # what cannot go back now, goes back with a later round
            metadata.give_back()
    return done


def _write_number(metadata: Metadata, clock: Clock, done: Round) -> bool:
    """Begin a round. False: the disk is full and nothing is due, for which no room is taken that is kept back."""
    try:
        metadata.collect(lambda tx: tx.begin_round(done.number, clock), room="spare")
    except StorageFull:
        if not metadata.collect(lambda tx: _is_anything_due(tx, clock), room="spare"):
            done.number -= 1
            return False
        metadata.collect(lambda tx: tx.begin_round(done.number, clock))
    return True


def _is_anything_due(tx: Collecting, clock: Clock) -> bool:
    at = clock.at
    return bool(
        tx.due_changes(at, 1) or tx.expired_uploads(at, 1) or tx.ended_leases(at, 1)
        or tx.due_keys(at, at - LONGEST_REQUEST, 1)
    )  # fmt: skip


def plan_round(metadata: Metadata, tick: Tick, terms: CollectTerms) -> Round:
    """Return what a round would do now: the same steps on the rows, in one transaction that is given back."""

    def plan(tx: Collecting) -> None:
        def step(work: Callable[[Collecting], T]) -> T:
            return work(tx)

        clock, done = _begin(metadata, step, tick)
        if done.stopped is None:
            _let_go(step, clock, terms, done)
            _reap(metadata, step, lambda _: True, clock, done)
            _look_at_waiting(tx, done)
        raise Planned(done)

    try:
        metadata.collect(plan)
    except Planned as planned:
        return planned.result
    raise AssertionError("a plan always comes out as Planned")


class Planned(Exception):  # not an error: it carries the plan out of the transaction
    """Ends a transaction that was only meant to show what would happen."""

    def __init__(self, result: Round) -> None:
        super().__init__()
        self.result = result


def _begin(metadata: Metadata, step: Step, tick: Tick) -> tuple[Clock, Round]:
    """Number the round, and stop where the database is older than the directory."""
    number, before = step(lambda tx: tx.clock())
    clock = advance(before, tick)
    done = Round(number=number + 1, clock=clock.at, behind=clock.behind)
    reason = restored(number, metadata.epoch())
    done.stopped = None if reason is None else f"{reason}; {VOUCH}"
    return clock, done


def _let_go(step: Step, clock: Clock, terms: CollectTerms, done: Round) -> None:
    _prune(step, clock, done)
    _expire_uploads(step, clock, done)
    _condemn(step, clock, terms, done)


def _prune(step: Step, clock: Clock, done: Round) -> None:
    def prune(tx: Collecting) -> list[Pruned]:
        begun = tx.sweep(clock.at, ROWS)
        if begun.rows:
            return [begun]
        left, pruned = ROWS, []
        for change in tx.due_changes(clock.at, CHANGES_AT_ONCE):
            pruned.append(tx.prune(change, clock.at, left))
            left -= pruned[-1].rows
            if left <= 0:
                break
        return pruned

    while pruned := step(prune):
        done.pruned += sum(part.is_whole for part in pruned)
        done.let_go += sum(part.let_go for part in pruned)
        done.swept += sum(part.swept for part in pruned)


def _forget(step: Step, before: int, done: Round) -> None:
    while (forgotten := step(lambda tx: tx.forget_history(before, ROWS))).rows:
        done.forgotten += forgotten.changes


def _expire_uploads(step: Step, clock: Clock, done: Round) -> None:
    def expire(tx: Collecting) -> int:
        uploads = tx.expired_uploads(clock.at, BATCH)
        for upload in uploads:
            tx.expire_upload(upload, clock.at)
        return len(uploads)

    while count := step(expire):
        done.expired_uploads += count


def _condemn(step: Step, clock: Clock, terms: CollectTerms, done: Round) -> None:
    def condemn(tx: Collecting) -> tuple[int, int]:
        ended = tx.ended_leases(clock.at, BATCH)
        until = clock.at + terms.graveyard  # guard: graveyard
        return len(ended), sum(tx.condemn(repository, digest, clock.at, until) for repository, digest in ended)

    ended = BATCH
    while ended:
        ended, condemned = step(condemn)
        done.condemned += condemned


def _due(metadata: Metadata, step: Step, clock: Clock) -> tuple[list[Doomed], set[str]]:
    """Return the keys whose date has come, and those of them that a kept backup still names live."""
    due = step(lambda tx: tx.due_keys(clock.at, clock.at - LONGEST_REQUEST, BATCH))  # guard: tombstones
    return due, metadata.named_live([doomed.key for doomed in due if doomed.was_live])  # guard: backups-keep-bytes


def _reap(metadata: Metadata, step: Step, reap: Callable[[str], bool], clock: Clock, done: Round) -> None:
    while True:
        due, kept = _due(metadata, step, clock)
        if not due:
            return
        absent = {doomed.key for doomed in due if doomed.key not in kept and reap(doomed.key)}
        step(partial(_write_down, clock=clock, due=due, absent=absent))
        _count_reaped(done, [doomed for doomed in due if doomed.key in absent])


def _write_down(tx: Collecting, *, clock: Clock, due: list[Doomed], absent: set[str]) -> None:
    """A key is forgotten when it was confirmed absent, and again after the longest request has ended."""
    for doomed in due:
        if doomed.key not in absent:
            tx.postpone(doomed.key, clock.at + LOOK_AGAIN)
        elif doomed.reaped_at is None:
            tx.reaped(doomed.key, clock.at)
        else:
            tx.forget(doomed.key)


def _count_reaped(done: Round, going: list[Doomed]) -> None:
    fresh = [doomed for doomed in going if doomed.reaped_at is None]
    done.reaped += len(fresh)
    done.reaped_bytes += sum(doomed.size for doomed in fresh)


def _look_at_waiting(tx: Collecting, done: Round) -> None:
    """What is condemned and still there: all of it counted, and the first of it, soonest first."""
    done.waiting = tx.waiting()
    done.held = [
        Held(entry.key, entry.digest, entry.size, entry.delete_after, entry.reason)
        for entry in tx.doomed(MOST_SHOWN)
        if entry.reaped_at is None
    ]
