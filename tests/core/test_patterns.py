"""Patterns of images: what they match, and what is none."""

import ast
import re
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refloat.core.errors import NameInvalid
from refloat.core.globs import Glob, Row
from refloat.core.names import RepositoryName, Tag
from refloat.core.patterns import ImagePattern, RepositoryPattern, is_pattern, row_of
from tools.provision import HOME

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


def meant(pattern: str, text: str) -> bool:
    """What a pattern stands for, by a regular expression; only of short ones."""
    stands_for = {"**": ".*", "*": "[^/]*", "?": "[^/]"}
    parts = (stands_for.get(part, re.escape(part)) for part in re.findall(r"\*\*|\*|\?|[^*?]+", pattern))
    return re.fullmatch("".join(parts), text) is not None


@settings(max_examples=1000)
@given(st.text("ab/*?", max_size=8), st.lists(st.text("ab/-", max_size=8), max_size=5))
def test_a_glob_stands_for_what_a_regular_expression_would(pattern: str, texts: Sequence[str]) -> None:
    row = Row(texts)
    assert list(row.texts_ending_at(Glob(pattern).ends_in(row))) == [text for text in texts if meant(pattern, text)]
    assert [Glob(pattern).matches(text) for text in texts] == [meant(pattern, text) for text in texts]


@pytest.mark.parametrize(
    "pattern", ["*a" * 60 + "b", "**a" * 40 + "b", "a?" * 60 + "**b", "*" * 120 + "b", "?*" * 60 + "b"]
)
def test_the_longest_patterns_are_done_with_at_once(pattern: str) -> None:
    texts = ["a" * 128 for _ in range(1000)]
    row = Row([*texts, "a" * 127 + "b"])
    assert len(list(row.texts_ending_at(Glob(pattern).ends_in(row)))) == 1
    repository = RepositoryPattern.parse(pattern[:255])
    assert not repository.matches_repository(RepositoryName("/".join(["a" * 14] * 17)))


def test_of_a_row_only_tags_that_attach_nothing_are_meant() -> None:
    tags = [Tag("v1"), Tag(f"sha256-{'0' * 64}.sig"), Tag("sha256-0"), Tag("v2")]
    row = row_of(tags)
    everything = ImagePattern.parse("a:*").tag_glob.ends_in(row)
    assert list(row.texts_ending_at(everything)) == ["v1", "sha256-0", "v2"]
    assert list(row_of([]).texts_ending_at(ImagePattern.parse("a:*").tag_glob.ends_in(row_of([])))) == []


@pytest.mark.parametrize("module", ["patterns", "globs", "protection"])
def test_no_regular_expression_sees_a_pattern(module: str) -> None:
    tree = ast.parse((HOME / "src" / "refloat" / "core" / f"{module}.py").read_text())
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    assert not imported & {"re", "fnmatch", "glob"}
