"""Sizes, ages and times as people read and write them."""

from datetime import UTC, datetime, timedelta

import pytest

from refloat.cli import wording
from refloat.cli.problems import Problem
from refloat.cli.wording import beginning, past, relative, size

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("count", "expected"),
    [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (10 * 1024, "10 KiB"), (222298112, "212 MiB"),
     (2**30 - 1, "1.0 GiB"), (5 * 2**40, "5.0 TiB"), (2**62, "4096 PiB")],
)  # fmt: skip
def test_sizes(count: int, expected: str) -> None:
    assert size(count) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0, "just now"), (5, "5 s ago"), (180, "3 min ago"), (7200, "2 h ago"), (86400, "1 day ago"),
     (3 * 86400, "3 days ago"), (-3600, "in 1 h"), (-30 * 86400 + 5, "in 30 days")],
)  # fmt: skip
def test_ages(seconds: int, expected: str) -> None:
    assert relative(NOW - timedelta(seconds=seconds), NOW) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2h", "2026-11-24T10:00:00.000000Z"),
        ("3d", "2026-11-21T12:00:00.000000Z"),
        ("yesterday", "2026-11-23T23:59:59.999999Z"),
        ("2026-11-20", "2026-11-20T23:59:59.999999Z"),
        ("2026-11-20T14:00", "2026-11-20T14:00:00.000000Z"),
        ("2026-11-20T14:00Z", "2026-11-20T14:00:00.000000Z"),
        ("2026-11-20T14:00+01:00", "2026-11-20T13:00:00.000000Z"),
        ("2026-11-20 14:00:30.5Z", "2026-11-20T14:00:30.500000Z"),
    ],
)
def test_times_of_the_past(text: str, expected: str) -> None:
    assert past(text, NOW) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2h", "2026-11-24T10:00:00.000000Z"),
        ("yesterday", "2026-11-23T00:00:00.000000Z"),
        ("2026-11-20", "2026-11-20T00:00:00.000000Z"),
        ("2026-11-20T14:00", "2026-11-20T14:00:00.000000Z"),
    ],
)
def test_since_a_date_is_since_its_first_instant(text: str, expected: str) -> None:
    assert beginning(text, NOW) == expected


@pytest.mark.parametrize("text", ["", "2", "2y", "2026-13-01", "2026-11-20T25:00", "tomorrow", "999999w"])
def test_other_times_are_refused(text: str) -> None:
    with pytest.raises(Problem):
        past(text, NOW)


def test_what_a_terminal_would_act_on_is_shown_as_what_it_is() -> None:
    sent = "a\x1b]0;owned\a\x1b[2K\nforged\x9b1A\x7f"
    shown = "a\\x1b]0;owned\\x07\\x1b[2K\\nforged\\x9b1A\\x7f"
    assert wording.visible(sent) == shown
    ours = "\x1b[31;1merror:\x1b[0m"
    assert wording.visible_styled(f"{ours}\t{sent}") == f"{ours}\t{shown}"
    assert wording.visible_styled("") == ""
    assert wording.visible("größer … ✓") == "größer … ✓"
