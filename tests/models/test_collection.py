"""Our protocol loses nothing in any order of events, and each guard is needed: without it, this is what happens."""

from typing import get_args

import pytest

from tests.models.collecting import Protocol
from tests.models.explorer import LEAK, LOSS, REFUSED, Explored, Finding, explore
from tests.models.world import Client, Guard, State

ALL: frozenset[Guard] = frozenset(get_args(Guard))
CALM = State(repeats=0, doubts=0, power_cuts=0, timeouts=0)
BACKED_UP = CALM._replace(backups=2, clients=(Client("head", 1), Client("end", 0)))
BAD_LUCK = {
    "a removal that is carried out late": CALM._replace(timeouts=1),
    "a live blob that is hashed too long ago": CALM._replace(doubts=1),
    "a repeated request": CALM._replace(repeats=1),
    "a power cut": CALM._replace(power_cuts=1),
}

UNKNOWN = "PUT manifest: blob unknown"
WITHOUT: dict[Guard, tuple[State, Finding, tuple[str, ...]]] = {
    "foreign-key": (
        CALM,
        LOSS,
        ("header: PUT manifest: its blob is held", "collector: condemn key 1", "header: PUT manifest: stored, 201"),
    ),
    "condemn-in-one-transaction": (
        CALM,
        LOSS,
        ("collector: sees nothing that uses the blob", "collector: condemn what it saw unused"),
    ),
    "no-session-no-write": (
        CALM,
        LOSS,
        ("janitor: session of key 2 is over", "uploader: upload: key 2 is live, 201", "reaper: remove key 2"),
    ),
    "adopt-only-what-is-live-now": (
        CALM,
        REFUSED,
        ("uploader: upload: the live blob is there", "collector: condemn key 1", "uploader: upload: adopt key 1, 201"),
    ),
    "durable-before-the-answer": (
        CALM._replace(power_cuts=1),
        LOSS,
        ("uploader: upload: key 2 is live, 201", "uploader: PUT manifest: stored, 201", "POWER CUT"),
    ),
    "fresh-keys": (
        CALM,
        LOSS,
        ("uploader: upload: begin key 1", "janitor: session of key 1 is over", "reaper: remove key 1"),
    ),
    "ended-leases-are-the-queue": (CALM, LEAK, ("its window ends: prune, sweep",)),
    "tombstones": (CALM, LEAK, ("reaper: forget key 2", "uploader: upload: write key 2")),
    "leases-hold": (
        CALM,
        REFUSED,
        ("uploader: mount, 201", "collector: lease of repository 1 ends, in use", f"uploader: {UNKNOWN}"),
    ),
    "backups-keep-bytes": (
        BACKED_UP,
        LOSS,
        ("back up the database", "reaper: remove key 1", "RESTORE THE DATABASE FROM ITS BACKUP"),
    ),
}


def run(start: State, without: Guard | None = None, until: Finding | None = None) -> Explored:
    protocol = Protocol(ALL - {without} if without else ALL)
    return explore(start, protocol.steps, protocol.judge, protocol.judge_rest, until=until)


@pytest.mark.parametrize("start", BAD_LUCK.values(), ids=BAD_LUCK)
def test_no_order_of_events_loses_an_image_leaves_a_byte_or_breaks_a_promise(start: State) -> None:
    seen = run(start)
    assert seen.traces == {}
    assert seen.states > 40_000


@pytest.mark.proof
def test_nor_with_all_bad_luck_at_once() -> None:
    seen = run(State())
    print(f"\nthe protocol, all bad luck at once: {seen}")
    assert seen.traces == {}


def test_a_database_restored_from_a_backup_finds_all_its_bytes() -> None:
    assert LOSS not in run(BACKED_UP).traces


def test_safety_needs_no_lease_and_so_no_clock() -> None:
    assert LOSS not in run(CALM, without="leases-hold").traces


@pytest.mark.parametrize("guard", ALL, ids=str)
def test_without_a_guard(guard: Guard) -> None:
    start, finding, labels = WITHOUT[guard]
    seen = run(start, without=guard, until=finding)
    assert finding in seen.traces, f"nobody needs the guard {guard}: {seen}"
    story = iter(seen.traces[finding])
    assert all(label in story for label in labels), f"{seen.traces[finding]} does not tell {labels} in order"
