"""Which hold a blob's bytes belong to, and when they leave."""

from hypothesis import given
from hypothesis import strategies as st

from refloat.core.clock import HOUR
from refloat.core.prices import FOREVER, LOOK_AGAIN, Departure, Forecast, Hold, carried_down

DAY, MINUTE = 24 * HOUR, HOUR // 60
LEASE, FIRST, SECOND, TIP = Hold(100), Hold(100, 1, "first"), Hold(100, 2, "second"), Hold(FOREVER)


def test_bytes_belong_to_the_hold_that_ends_last_then_to_the_later_change_then_to_a_lease() -> None:
    assert sorted([TIP, SECOND, Hold(101), LEASE, FIRST]) == [LEASE, FIRST, SECOND, Hold(101), TIP]


def test_a_forecast_counts_each_blob_once_where_it_belongs() -> None:
    departure = Departure(interval=MINUTE, graveyard=DAY)
    held = [(1, FIRST), (2, SECOND), (4, Hold(101)), (8, TIP)]
    expected = Forecast(frees=1, later=6, stays=8, ends=100, by=departure.by(100))
    assert Forecast.of("first", 100, departure, held) == expected


def test_bytes_leave_after_the_graveyard_and_after_the_last_backup_that_names_them() -> None:
    assert Departure(interval=0, graveyard=DAY).by(100) == 100 + 7 * DAY + LOOK_AGAIN
    assert Departure(interval=0, graveyard=9 * DAY).by(100) == 100 + 9 * DAY


def test_the_pauses_between_rounds_delay_each_backup_and_each_look() -> None:
    assert Departure(interval=MINUTE, graveyard=DAY).by(0) == 7 * DAY + LOOK_AGAIN + 18 * MINUTE


ABOVE = st.dictionaries(st.integers(0, 7), st.lists(st.integers(0, 7), max_size=3))
OWN = st.fixed_dictionaries({each: st.none() | st.integers(0, 5) for each in range(8)})


@given(ABOVE, OWN)
def test_each_has_the_greatest_value_of_all_above_it(above: dict[int, list[int]], own: dict[int, int | None]) -> None:
    def reached(each: int, seen: frozenset[int]) -> set[int]:
        others = (other for other in above.get(each, []) if other not in seen)
        return {each}.union(*(reached(other, seen | {other}) for other in others))

    for each, value in carried_down(above, own).items():
        values = [own[other] for other in reached(each, frozenset({each}))]
        assert value == max((one for one in values if one is not None), default=None)


def test_a_long_chain_is_walked_once() -> None:
    above = {each: [each + 1] for each in range(100_000)}
    own: dict[int, int | None] = dict.fromkeys(range(100_001)) | {100_000: 1, 50_000: 2}
    found = carried_down(above, own)
    assert (found[0], found[50_000], found[50_001], found[100_000]) == (2, 2, 1, 1)
