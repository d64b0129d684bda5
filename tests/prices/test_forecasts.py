"""Random histories: forecast bytes and dates are those of the files that leave; `make proof` tries more."""

import random
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from tests.models.months import Request, requests
from tests.prices import living, months

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
