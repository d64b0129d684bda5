"""Patterns of images: what they match, and what is none."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refloat.core.errors import NameInvalid
from refloat.core.names import RepositoryName, Tag
from refloat.core.patterns import ImagePattern, is_pattern

NAMES = st.from_regex(r"[a-z0-9]{1,4}(/[a-z0-9]{1,4}){0,3}", fullmatch=True)
TAGS = st.from_regex(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,10}", fullmatch=True)


@pytest.mark.parametrize(
    ("pattern", "repository", "matches"),
    [
        ("team/*:v1", "team/api", True),
        ("team/*:v1", "team/a/b", False),
        ("team/**:v1", "team/a/b", True),
        ("team/**:v1", "team", False),
        ("**/api:v1", "team/api", True),
        ("team/ap?:v1", "team/api", True),
        ("team/a?i:v1", "team/a/i", False),
        ("a.b:*", "axb", False),  # a dot is a dot
        ("a.b:*", "a.b", True),
    ],
)
def test_a_star_stays_between_two_slashes(pattern: str, repository: str, matches: bool) -> None:
    assert ImagePattern.parse(pattern).matches_repository(RepositoryName(repository)) is matches


@pytest.mark.parametrize(
    ("pattern", "tag", "matches"),
    [
        ("a:v1.*", "v1.2", True),
        ("a:v1.*", "v1x2", False),
        ("a:v?", "v1", True),
        ("a:*", "latest", True),
        ("a:*", f"sha256-{'0' * 64}.sig", False),  # it follows what it signs
    ],
)
def test_a_tag_matches_whole(pattern: str, tag: str, matches: bool) -> None:
    assert ImagePattern.parse(pattern).matches_tag(Tag(tag)) is matches


@pytest.mark.parametrize(
    "text", ["team/*", "*", "team/*@sha256:abc", "Team/*:v1", "a b*:v1", "a*:", ":v*", "a:[v]*", "a:b*:c"]
)
def test_what_is_no_pattern_is_refused(text: str) -> None:
    with pytest.raises(NameInvalid):
        ImagePattern.parse(text)


@given(NAMES, TAGS, st.data())
def test_every_name_matches_itself_with_any_part_left_open(name: str, tag: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(name)))
    end = data.draw(st.integers(start, len(name)))
    pattern = ImagePattern.parse(f"{name[:start]}**{name[end:]}:{tag}")
    assert is_pattern(str(pattern))
    assert pattern.matches_repository(RepositoryName(name))
    assert Tag(tag).subject is not None or pattern.matches_tag(Tag(tag))
    outside = re.sub("[a-z0-9/]", "-", name) + "-"
    assert start == 0 or not pattern.matches_repository(RepositoryName(outside))
