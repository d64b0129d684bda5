"""Keys and change ids."""

import uuid

from hypothesis import given
from hypothesis import strategies as st

from refloat.core.identity import ALPHABET, CHANGE_ID_LENGTH, change_id, instant_of, key_at

instants = st.integers(0, (1 << 48) * 1000 - 1)  # microseconds, until the year 10889
randoms = st.binary(min_size=10, max_size=10)


@given(instants, randoms)
def test_a_key_is_a_uuid7_that_tells_its_millisecond(at: int, random: bytes) -> None:
    key = key_at(at, random)
    parsed = uuid.UUID(hex=key)
    assert (parsed.version, parsed.variant) == (7, uuid.RFC_4122)
    assert parsed.hex == key
    assert instant_of(key) == at // 1000 * 1000


@given(instants, instants, randoms, randoms)
def test_keys_sort_by_time(one: int, other: int, first: bytes, second: bytes) -> None:
    if one // 1000 < other // 1000:
        assert key_at(one, first) < key_at(other, second)


@given(instants, randoms, randoms)
def test_different_random_bits_make_different_keys(at: int, first: bytes, second: bytes) -> None:
    kept = (1 << 80) - 1 - (0b111111 << 62)  # of 80 bits, six make room for version and variant
    differ = (int.from_bytes(first, "big") ^ int.from_bytes(second, "big")) & kept
    assert (key_at(at, first) != key_at(at, second)) == bool(differ)


@given(st.binary(min_size=8, max_size=8))
def test_a_change_id_is_ten_letters(random: bytes) -> None:
    name = change_id(random)
    assert len(name) == CHANGE_ID_LENGTH
    assert set(name) <= set(ALPHABET)
    assert name == change_id(random)
