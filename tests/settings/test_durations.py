"""Durations: Go's grammar, and days and weeks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refloat.settings.durations import LONGEST, parse, text_of

SECOND = 1_000_000


@pytest.mark.parametrize(
    ("text", "microseconds"),
    [
        ("0", 0),
        ("1", 0),
        ("0s", 0),
        ("90s", 90 * SECOND),
        ("1m30s", 90 * SECOND),
        ("1.5h", 5400 * SECOND),
        (".5s", SECOND // 2),
        ("1.s", SECOND),
        ("168h", 7 * 86_400 * SECOND),
        ("7d", 7 * 86_400 * SECOND),
        ("1w", 7 * 86_400 * SECOND),
        ("1d12h", 36 * 3600 * SECOND),
        ("-1m", -60 * SECOND),
        ("+1m", 60 * SECOND),
        ("100ms", 100_000),
        ("5us", 5),
        ("5µs", 5),
        ("1500ns", 1),
        ("1000", 1),
        ("60000000000", 60 * SECOND),
        ("0.000001s", 1),
    ],
)
def test_a_duration_is_read_as_go_reads_it(text: str, microseconds: int) -> None:
    assert parse(text) == microseconds


@pytest.mark.parametrize("text", ["", "-", "s", ".s", "1 h", "1x", "1h30", "h1", "1e3s", "300y", "1:30", "²s"])
def test_what_is_no_duration_is_named(text: str) -> None:
    with pytest.raises(ValueError, match=r"duration|unit"):
        parse(text)


def test_a_duration_beyond_what_go_holds_is_refused() -> None:
    assert parse("106000d") > 0
    with pytest.raises(ValueError, match="292 years"):
        parse("110000d")


@given(st.integers(-(LONGEST // 1000), LONGEST // 1000))
def test_every_duration_survives_writing_and_reading(microseconds: int) -> None:
    assert parse(text_of(microseconds)) == microseconds


@pytest.mark.parametrize(
    ("microseconds", "text"),
    [(30 * 86_400 * SECOND, "30d"), (90 * SECOND, "1m30s"), (1_500_000, "1.5s"), (-SECOND, "-1s"), (0, "0s")],
)
def test_a_duration_is_written_the_usual_way(microseconds: int, text: str) -> None:
    assert text_of(microseconds) == text
