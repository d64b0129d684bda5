"""JSON objects as clients send them: broken strings are understood, what is refused is refused for what it is."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from refloat.core.document import read
from refloat.core.errors import ManifestInvalid

strings = st.text(st.characters() | st.characters(categories=["Cs"]) | st.sampled_from("\\u\"d8"), max_size=12)
nested = st.recursive(
    st.none() | st.integers(0, 9) | strings,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(strings, inner, max_size=3),
    max_leaves=12,
)


def whole(text: str) -> str:
    """Return a text with U+FFFD for each half of a surrogate pair, and pairs as the letters they are."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def all_whole(value: object) -> object:
    if isinstance(value, dict):
        return {whole(name): all_whole(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [all_whole(inner) for inner in value]
    return whole(value) if isinstance(value, str) else value


@given(st.dictionaries(strings, nested, max_size=3))
@example({"a": "\ud800"})
@example({"a": "\ud800\ud800\udc00\udc00"})
@example({"a": "\\\ud800", "b": "\\ud800", "\udfff": "\\\\\udfff"})
def test_half_a_surrogate_pair_is_read_as_the_replacement_character(document: dict[str, object]) -> None:
    if len({whole(name) for name in document}) == len(document):
        assert read(json.dumps(document).encode("ascii")) == all_whole(json.loads(json.dumps(document)))


@given(st.binary(max_size=30))
@example(b"\xe9")
@example(b"\xed\xa0\x80")
@example(b"\xff\\ud800")
def test_bytes_that_are_not_utf_8_are_read_as_the_replacement_character(raw: bytes) -> None:
    inside = bytes(byte for byte in raw if byte >= 0x20 and byte not in b'"\\')
    assert read(b'{"a": "' + inside + b'"}') == {"a": inside.decode("utf-8", "replace")}


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b'{"a": "b', "the manifest is not JSON: Input data was truncated"),
        (b'{"a": "\\ud800', "the manifest is not JSON: Input data was truncated"),
        (b'{"a": "\\ud800", "b": }', "the manifest is not JSON: JSON is malformed: invalid character (byte 21)"),
        (b'{"a": "\xe9", "b": }', "the manifest is not JSON: JSON is malformed: invalid character"),
        (b"\xff{}", "the manifest is not JSON: JSON is malformed: invalid character"),
        (b"\xef\xbb\xbf{}", "the manifest is not JSON: JSON is malformed: invalid character (byte 0)"),
        (b'{"a": 1e999}', "the manifest has a number that is out of range"),
        (b'{"a": ' + 5000 * b"9" + b"}", "the manifest has a number that is out of range"),
        (b'{"a": ' + 100_000 * b"[" + 100_000 * b"]" + b"}", "the manifest is nested deeper than 500 levels"),
        (b"[]", "the manifest is not a JSON object"),
    ],
)
def test_what_is_refused_is_named(body: bytes, sentence: str) -> None:
    with pytest.raises(ManifestInvalid) as refused:
        read(body)
    assert refused.value.message == sentence
