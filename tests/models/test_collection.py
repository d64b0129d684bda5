"""Our protocol loses nothing in any order of events, and each guard is needed: without it, this is what happens."""

import pytest

from tests.models.explorer import LOSS, Explored, Finding
from tests.models.world import Guard
from tests.models.worlds import ALL, BACKED_UP, CALM, WITHOUT, run, unlucky


def test_no_order_of_events_loses_an_image_leaves_a_byte_or_breaks_a_promise() -> None:
    """`make proof` tries every two kinds of bad luck together."""
    seen = run(unlucky(CALM, "power_cuts"))
    assert seen.traces == {}
    assert seen.states > 40_000


def test_a_database_restored_from_a_backup_finds_all_its_bytes_and_purges_again() -> None:
    assert run(BACKED_UP._replace(purges=1)).traces == {}


def test_safety_needs_no_lease_and_so_no_clock() -> None:
    assert LOSS not in run(CALM, without="leases-hold").traces


@pytest.mark.parametrize("guard", ALL, ids=str)
def test_without_a_guard(guard: Guard) -> None:
    start, finding, labels = WITHOUT[guard]
    seen = run(start, without=guard, until=finding)
    assert tells(seen, finding, labels), f"nobody needs the guard {guard}: {seen}"


def tells(seen: Explored, finding: Finding, labels: tuple[str, ...]) -> bool:
    """Was it found, by a way that has these steps in this order?"""
    story = iter(seen.traces.get(finding, ()))
    return finding in seen.traces and all(label in story for label in labels)
