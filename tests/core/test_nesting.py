"""JSON that lies deep in JSON: compared and cut as recursion would, however deep."""

from hypothesis import given
from hypothesis import strategies as st

from refloat.core.nesting import CUT, cut, is_deeper, is_same

LEAVES = st.none() | st.booleans() | st.integers(-2, 2) | st.sampled_from(["", "a", 0.0, 1.0])
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab"), inner))


def depth(value: object) -> int:
    if isinstance(value, dict):
        return 1 + max(map(depth, value.values()), default=0)
    return 1 + max(map(depth, value), default=0) if isinstance(value, list) else 0


def cut_by_hand(value: object, levels: int) -> object:
    if isinstance(value, dict):
        return {name: cut_by_hand(inner, levels - 1) for name, inner in value.items()} if levels else CUT
    if isinstance(value, list):
        return [cut_by_hand(inner, levels - 1) for inner in value] if levels else CUT
    return value


def deep(levels: int, innermost: object = 0) -> object:
    value = innermost
    for level in range(levels):
        value = [value] if level % 2 else {"in": value}
    return value


@given(VALUES, VALUES)
def test_what_is_equal_is_the_same(one: object, other: object) -> None:
    assert is_same(one, other) is (one == other)
    assert is_same(one, one)


@given(VALUES, st.integers(0, 4))
def test_depth_is_counted_with_the_value_itself(value: object, levels: int) -> None:
    assert is_deeper(value, levels) is (depth(value) > levels)


@given(VALUES, st.integers(1, 4))
def test_what_lies_too_deep_is_cut(value: object, levels: int) -> None:
    before = repr(value)
    assert cut(value, levels) == cut_by_hand(value, levels)
    assert repr(value) == before


def test_no_depth_is_too_deep() -> None:
    assert is_same(deep(100_000), deep(100_000))
    assert not is_same(deep(100_000, "one"), deep(100_000, "another"))
    assert is_deeper(deep(100_000), 99_999)
    assert not is_deeper(deep(100_000), 100_000)
    assert cut(deep(100_001), 50) == cut_by_hand(deep(51), 50)
