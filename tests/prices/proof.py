"""Forecasts by force: random histories, and every byte that leaves the disk compared with what was promised."""

import itertools
import sys
import tempfile
from pathlib import Path
from unittest.mock import patch

from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from refloat.core.names import Digest
from refloat.core.prices import Hold
from refloat.metadata.pricing import SqlitePrices
from tests.models.months import Request, requests
from tests.prices.months import live_through
from tools.proof.part import Effort, Outcome, Part

HISTORIES = 2000
WITH_BACKUPS = 20  # every so many: they take an hour's rounds for weeks


def run(effort: Effort) -> Outcome:
    """Live through histories; a wrong forecast counts as a leak, for nothing is lost by it."""
    outcome = Outcome()
    numbers = itertools.count(1)

    @seed(effort.seed)
    @given(history=st.lists(requests, min_size=4, max_size=14))
    @settings(
        max_examples=effort.times(HISTORIES), deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )
    def live(history: list[Request]) -> None:
        number = next(numbers)
        with tempfile.TemporaryDirectory(dir=effort.directory) as place:
            live_through(Path(place), history, backups=number % WITH_BACKUPS == 0)
        outcome.tried += 1
        if outcome.tried % 100 == 0:
            print(f"  {outcome.tried} histories", file=sys.stderr, flush=True)

    try:
        live()
    except Exception as failed:  # noqa: BLE001 - whatever goes wrong is a finding
        outcome.leak(f"a history of seed {effort.seed}: {failed!r} {getattr(failed, '__notes__', '')}")
    return outcome


def run_planted(effort: Effort) -> Outcome:
    """Forecast as if a lease held nothing."""
    honest = SqlitePrices.last_hold

    def without_leases(prices: SqlitePrices, blob: Digest) -> Hold | None:
        hold = honest(prices, blob)
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
