"""A repository with an index loses nothing in any order of requests, windows and collection; each rule is needed."""

import pytest

from tests.models.indexed import Rule, State
from tests.models.worlds import RULES, RULES_NEEDED, run_indexed


def test_no_order_of_requests_loses_a_manifest_or_leaves_one() -> None:
    seen = run_indexed(State(purges=1), 3)
    assert seen.traces == {}
    assert seen.states > 3000


def test_no_order_loses_a_part_that_is_a_blob_too() -> None:
    seen = run_indexed(State(uploads=1, twins=1), 3)
    assert seen.traces == {}
    assert seen.states > 4000


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_without_a_rule(rule: Rule) -> None:
    start, changes, finding = RULES_NEEDED[rule]
    assert finding in run_indexed(start, changes, without=rule, until=finding).traces
