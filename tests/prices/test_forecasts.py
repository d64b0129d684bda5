"""Random histories: forecast bytes and dates are those of the files that leave; `make proof` tries more."""

import random
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from refloat.core.clock import Tick
from refloat.core.names import Tag
from refloat.usecases.collect import BATCH, CollectTerms, plan_round, run_round
from refloat.usecases.price import price
from tests.models.months import Request, requests
from tests.prices import living, months
from tests.prices.living import REPOSITORIES
from tests.usecases.conftest import DAY, TEAM

histories = st.lists(requests, min_size=4, max_size=14)


@given(history=histories)
@settings(max_examples=60, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@seed(20261125)
def test_what_is_forecast_is_what_leaves_the_disk_and_when(history: list[Request]) -> None:
    with tempfile.TemporaryDirectory() as place:
        months.live_through(Path(place), history)


def test_with_a_backup_a_day_it_leaves_by_the_date_that_was_promised() -> None:
    dice = random.Random(20261125)
    for _ in range(15):
        with tempfile.TemporaryDirectory() as place:
            living.live_through(Path(place), random.Random(dice.randbytes(8)))


def test_a_planned_round_counts_all_that_would_go(tmp_path: Path) -> None:
    """More than a transaction takes, and what a backup names is said to wait, until when."""
    life = living.Life(tmp_path, random.Random(1))
    for _ in range(2 * BATCH + 1):
        life.append(life.session(REPOSITORIES[0]), b"unfinished")
    life.blob(b"kept by a backup")
    life.metadata.backup(life.now)
    life.now += 6 * DAY
    tick, terms = Tick(life.now, life.now, "one"), CollectTerms(graveyard=0, history_keep=400 * DAY)
    plan = plan_round(life.metadata, tick, terms)
    assert (plan.reaped, plan.reaped_bytes) == (2 * BATCH + 1, 10 * (2 * BATCH + 1))
    assert (plan.waiting.blobs, plan.waiting.size) == (1, 1)
    assert plan.waiting.by(life.departure) == life.departure.by(plan.clock)
    assert (run_round(life.metadata, life.blobs, tick, terms).reaped, len(life.files())) == (plan.reaped, 1)
    life.close()


def test_what_was_just_removed_is_priced_without_a_look_at_who_else_used_it(tmp_path: Path) -> None:
    """Thousands of images may share a layer; a removal, planned in a transaction, must not look at each."""
    life, said = living.Life(tmp_path, random.Random(1)), list[str]()
    for one in "abc":
        body = life.image(one)
        life.put(one, body)
        life.remove(TEAM, Tag(one))
    first, *_, last = sorted(life.metadata.listing.changes(TEAM, None, 100), key=lambda change: change.at)
    life.metadata._connection().set_trace_callback(said.append)
    price(life.metadata.listing, last.id, last.held_until, life.departure)
    who_else = "FROM refs f WHERE f.blob = "
    assert [statement for statement in said if who_else in statement] == []
    price(life.metadata.listing, life.metadata.listing.trash(TEAM, None, 9)[-1].id, first.held_until, life.departure)
    assert [statement for statement in said if who_else in statement]
    life.close()
