"""References: a table of what people write, and that what is written is read back."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refloat.cli.problems import Exit, Problem
from refloat.cli.reference import Reference, parse, parse_image, parse_pattern

HEX = "4f1c02d9a7b3" + "0" * 52
HEX512 = "4f1c02d9a7b3" + "0" * 116


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("team/api", Reference(None, "team/api")),
        ("team/api:v1", Reference(None, "team/api", "v1")),
        ("localhost/api:v1", Reference("localhost", "api", "v1")),
        ("localhost:5000", Reference(None, "localhost", "5000")),
        ("localhost:5000/api", Reference("localhost:5000", "api")),
        ("reg.example.com/team/api:v1", Reference("reg.example.com", "team/api", "v1")),
        ("[::1]:5000/api:v1", Reference("[::1]:5000", "api", "v1")),
        ("docker://reg.example.com:5000/a/b:c", Reference("reg.example.com:5000", "a/b", "c")),
        ("oci://reg.example.com/a:c", Reference("reg.example.com", "a", "c")),
        ("api@4f1c02d", Reference(None, "api", None, "sha256:4f1c02d")),
        ("api@sha256:4f1c02d", Reference(None, "api", None, "sha256:4f1c02d")),
        ("api@sha512:4f1c02d", Reference(None, "api", None, "sha512:4f1c02d")),
        (f"api@{HEX}", Reference(None, "api", None, f"sha256:{HEX}")),
        (f"api@{HEX512}", Reference(None, "api", None, f"sha512:{HEX512}")),
        (f"api:v1@sha256:{HEX}", Reference(None, "api", "v1", f"sha256:{HEX}")),
        ("api:v1@{2}", Reference(None, "api", "v1", None, "2")),
        ("api@4f1c02d@{2026-11-20}", Reference(None, "api", None, "sha256:4f1c02d", "2026-11-20")),
        ("nginx", Reference(None, "nginx")),
    ],
)
def test_what_people_write_is_understood(text: str, expected: Reference) -> None:
    assert parse(text) == expected


@pytest.mark.parametrize(
    "text",
    ["", "/", ":", "api:", "api:v1:v2", "API", "team//api", "api@", "api@4f1c02", "api@4F1C02D", "api@md5:4f1c02d",
     f"api@sha256:{HEX}0", "api:v 1", "api:-v", "http://host/api", "-rf", "api@{", "a\nb", "..:v1"],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused(text: str) -> None:
    with pytest.raises(Problem) as refused:
        parse(text)
    assert refused.value.exit == Exit.USAGE
    assert "\n" not in refused.value.message


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("team/api", (None, "team/api", None)),
        ("team/api:v1.*", (None, "team/api", "v1.*")),
        ("reg:5000/team/api:v[12]", ("reg:5000", "team/api", "v[12]")),
        ("reg.example.com/", ("reg.example.com", "", None)),
    ],
)
def test_patterns_are_for_tags(text: str, expected: tuple[str | None, str, str | None]) -> None:
    assert parse_pattern(text) == expected


def test_pattern_in_a_repository_is_refused() -> None:
    with pytest.raises(Problem):
        parse_pattern("team/*:v1")


def test_repository_is_no_image() -> None:
    with pytest.raises(Problem) as refused:
        parse_image("team/api")
    assert refused.value.hint == "refloat ls team/api   lists its tags"


HOSTS = st.none() | st.sampled_from(["localhost", "localhost:5000", "reg.example.com", "[::1]:5000", "10.0.0.1:443"])
REFERENCES = st.builds(
    Reference,
    host=HOSTS,
    repository=st.lists(st.from_regex(r"[a-z0-9]{1,8}([_-][a-z0-9]{1,8})?", fullmatch=True), min_size=1, max_size=3)
    .map("/".join)
    .filter(lambda name: not name.startswith("localhost/")),
    tag=st.none() | st.from_regex(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,20}", fullmatch=True),
    digest=st.none() | st.from_regex(r"sha256:[0-9a-f]{7,64}|sha512:[0-9a-f]{7,128}", fullmatch=True),
    past=st.none() | st.integers(0, 99).map(str) | st.just("2026-11-20"),
)


@given(REFERENCES)
def test_what_is_written_is_read_back(reference: Reference) -> None:
    assert parse(str(reference)) == reference


@contextmanager
def suppress_problem() -> Iterator[list[Problem]]:
    told: list[Problem] = []
    try:
        yield told
    except Problem as problem:
        told.append(problem)


@given(st.text(max_size=60))
def test_anything_else_is_one_sentence(text: str) -> None:
    with suppress_problem() as told:
        parse(text)
    assert all(problem.exit == Exit.USAGE and problem.message.isprintable() for problem in told)
