"""Forecasts by force: random histories, and every byte that leaves the disk compared with what was promised."""

import random
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from refloat.core.names import Digest
from refloat.core.prices import Hold
from refloat.metadata.pricing import SqlitePrices
from tests.models.months import Request, requests
from tests.prices import living, months
from tools.proof.part import Effort, Outcome, Part

LIVES = 2000  # with a backup every day
HISTORIES = 1000  # without: each byte goes in a round that is known


def run(effort: Effort) -> Outcome:
    """Live through histories; a wrong forecast counts as a leak, for nothing is lost by it."""
    outcome = Outcome()
    _try(outcome, f"a life of seed {effort.seed}", lambda: _live_by_the_day(effort, outcome))
    _try(outcome, f"a history of seed {effort.seed}", lambda: _live_to_the_round(effort, outcome))
    return outcome


def _try(outcome: Outcome, what: str, tried: Callable[[], object]) -> None:
    try:
        tried()
    except Exception as failed:  # noqa: BLE001 - whatever goes wrong is a finding
        outcome.leak(f"{what}: {failed!r} {getattr(failed, '__notes__', '')}")


def _live_by_the_day(effort: Effort, outcome: Outcome) -> None:
    dice = random.Random(effort.seed)
    for _ in range(effort.times(LIVES)):
        with tempfile.TemporaryDirectory(dir=effort.directory) as place:
            living.live_through(Path(place), random.Random(dice.randbytes(8)))
        _count(outcome)


def _live_to_the_round(effort: Effort, outcome: Outcome) -> None:
    @seed(effort.seed)
    @given(history=st.lists(requests, min_size=4, max_size=14))
    @settings(
        max_examples=effort.times(HISTORIES), deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )
    def live(history: list[Request]) -> None:
        with tempfile.TemporaryDirectory(dir=effort.directory) as place:
            months.live_through(Path(place), history)
        _count(outcome)

    live()


def _count(outcome: Outcome) -> None:
    outcome.tried += 1
    if outcome.tried % 100 == 0:
        print(f"  {outcome.tried} histories", file=sys.stderr, flush=True)


def run_planted(effort: Effort) -> Outcome:
    """Forecast as if a lease held nothing."""
    honest = SqlitePrices.last_hold

    def without_leases(prices: SqlitePrices, blob: Digest, last: Hold | None = None) -> Hold | None:
        hold = honest(prices, blob, last)
        return Hold(0, 1, "nobody") if hold is not None and not hold.change and hold.ends < 1 << 61 else hold

    with patch.object(SqlitePrices, "last_hold", without_leases):
        return run(effort)


PART = Part(
    name="prices",
    counts="histories",
    run=run,
    planted="a forecast that forgets leases",
    run_planted=run_planted,
)
