"""`REGISTRY_*` variables: the rules of distribution's parser, case by case."""

from collections.abc import Mapping
from typing import TypeAlias

import pytest

from refloat.settings.overrides import Overridden, overlay
from refloat.settings.parsing import read
from refloat.settings.tree import Branch, Leaf, Node

Plain: TypeAlias = "str | list[Plain] | dict[str, Plain] | None"


def plain(node: Node) -> Plain:
    if isinstance(node, Leaf):
        return None if node.is_null else node.text
    if isinstance(node, Branch):
        return {name: plain(inner) for name, inner in node.entries.items()}
    return [plain(item) for item in node.items]


def overlaid(text: str, variables: Mapping[str, str]) -> tuple[Plain, Overridden]:
    root = read(text, "config.yml", lines=True) or Branch("config.yml")
    assert isinstance(root, Branch)
    told = overlay(root, variables)
    return plain(root), told


FILE = """
http:
  addr: localhost:5000
  headers: {X-One: [a, b]}
storage:
  s3: {bucket: images, region: north}
"""

GOLDEN = [
    ("a value replaces a value", {"REGISTRY_HTTP_ADDR": ":80"}, "http", "addr", ":80"),
    ("a whole section is replaced", {"REGISTRY_HTTP_HEADERS": "{A: [x]}"}, "http", "headers", {"A": ["x"]}),
    ("an element is replaced", {"REGISTRY_HTTP_HEADERS_X-ONE_1": "c"}, "http", "headers", {"X-One": ["a", "c"]}),
    ("the next index appends", {"REGISTRY_HTTP_HEADERS_X-ONE_2": "c"}, "http", "headers", {"X-One": ["a", "b", "c"]}),
    (
        "a new key is lower-cased",
        {"REGISTRY_HTTP_HEADERS_X-Two": "[c]"},
        "http", "headers", {"X-One": ["a", "b"], "x-two": ["c"]},
    ),
    (
        "index 0 makes the list of a new key",
        {"REGISTRY_HTTP_HEADERS_X-TWO_0": "c"},
        "http", "headers", {"X-One": ["a", "b"], "x-two": ["c"]},
    ),
    ("one part makes a lower-cased key of YAML", {"REGISTRY_HTTP_HEADERS_X-ONE": "[nosniff, deny]"},
     "http", "headers",
     {"X-One": ["a", "b"], "x-one": ["nosniff", "deny"]}),
    ("a driver's parameter", {"REGISTRY_STORAGE_S3_REGION": "south"}, "storage", "s3",
     {"bucket": "images", "region": "south"}),
    ("a new parameter", {"REGISTRY_STORAGE_S3_SECURE": "true"}, "storage", "s3",
     {"bucket": "images", "region": "north", "secure": "true"}),
    ("a parameter of a parameter", {"REGISTRY_STORAGE_S3_A_B_C": "x"}, "storage", "s3",
     {"bucket": "images", "region": "north", "a": {"b": {"c": "x"}}}),
]  # fmt: skip


@pytest.mark.parametrize(("variables", "section", "key", "expected"), [case[1:] for case in GOLDEN],
                         ids=[case[0] for case in GOLDEN])  # fmt: skip
def test_a_variable_changes(variables: dict[str, str], section: str, key: str, expected: Plain) -> None:
    found, told = overlaid(FILE, variables)
    assert isinstance(found, dict)
    inner = found[section]
    assert isinstance(inner, dict)
    assert inner[key] == expected
    assert not told.notices
    assert not told.refusals


def test_one_word_replaces_the_whole_storage_section_before_its_parameters_come() -> None:
    variables = {"REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY": "/images", "REGISTRY_STORAGE": "filesystem"}
    found, _ = overlaid(FILE, variables)
    assert isinstance(found, dict)
    assert found["storage"] == {"filesystem": {"rootdirectory": "/images"}}


def test_a_whole_storage_section_may_be_given_as_yaml() -> None:
    found, _ = overlaid(FILE, {"REGISTRY_STORAGE": "{filesystem: {rootdirectory: /a}, delete: {enabled: true}}"})
    assert isinstance(found, dict)
    assert found["storage"] == {"filesystem": {"rootdirectory": "/a"}, "delete": {"enabled": "true"}}


def test_variables_come_in_the_order_of_their_bytes() -> None:
    found, _ = overlaid("", {"REGISTRY_LOG_FIELDS_A": "inner", "REGISTRY_LOG_FIELDS": "{b: outer}"})
    assert found == {"log": {"fields": {"b": "outer", "a": "inner"}}}


def test_a_section_that_says_nothing_is_made() -> None:
    found, _ = overlaid("storage:\n  filesystem:\n", {"REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY": "/a"})
    assert found == {"storage": {"filesystem": {"rootdirectory": "/a"}}}


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("REGISTRY_PORT", ""),
        ("REGISTRY_SERVICE_HOST", ""),
        ("REGISTRY_PORT_5000_TCP_ADDR", ""),
        ("REGISTRY_HTTP_SERVICE_HOST", ""),
        ("REGISTRY_HTTP_RELATIVE_URLS", "RELATIVEURLS"),
        ("REGISTRY_REFLOAT_WINDW", "WINDOW"),
        ("REGISTRY_http_addr", ""),
        ("REGISTRY_", ""),
    ],
)
def test_an_unknown_variable_only_warns(name: str, hint: str) -> None:
    found, told = overlaid(FILE, {name: "tcp://10.0.0.1:5000"})
    assert isinstance(found, dict)
    assert {key: inner for key, inner in found.items() if inner} == overlaid(FILE, {})[0]
    assert told.refusals == []
    assert [notice.origin for notice in told.notices] == [name]
    assert hint in told.notices[0].sentence


def test_the_place_of_the_file_is_no_key_and_other_prefixes_are_not_ours() -> None:
    _, told = overlaid(FILE, {"REGISTRY_CONFIGURATION_PATH": "/etc/x.yml", "REGISTRYHTTP": "x", "HTTP_ADDR": "x"})
    assert told.notices == []


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("REGISTRY_HTTP_HEADERS_X-ONE_7", "c", "undefined index: 7"),
        ("REGISTRY_HTTP_HEADERS_X-ONE_LAST", "c", "non-numeric index: LAST"),
        ("REGISTRY_HTTP_ADDR", "[1", "expected"),
        ("REGISTRY_HTTP_HEADERS", "a: b: c", "not allowed"),
    ],
)
def test_what_cannot_be_followed_is_refused(name: str, value: str, sentence: str) -> None:
    _, told = overlaid(FILE, {name: value})
    assert [refusal.origin for refusal in told.refusals] == [name]
    assert sentence in told.refusals[0].sentence


def test_our_own_section_is_reached_the_same_way() -> None:
    found, _ = overlaid("", {"REGISTRY_REFLOAT_UPLOADS_IDLE": "2h", "REGISTRY_REFLOAT_WINDOW": "60d"})
    assert found == {"refloat": {"uploads": {"idle": "2h"}, "window": "60d"}}
