"""Lists of changes on the wire: of one repository, by somebody, since an instant, of a kind; and what comes after."""

import json
from collections.abc import Mapping

import pytest

from tests.conftest import Serve
from tools.content import Content, make_content
from tools.serving import Served

API = "/v2/_refloat/v1"
Lists = Mapping[str, str]


@pytest.fixture(scope="module")
def content() -> Content:
    return make_content("change lists")


def listed(served: Served, query: str) -> list[str]:
    document = served.wire.ask("GET", f"{API}/changes?n=1000&{query}").expect(200).document()
    changes = document["changes"]
    assert isinstance(changes, list)
    return [entry["id"] for entry in changes]


def remove(served: Served, image: str, client: str) -> str:
    body = json.dumps({"images": [image], "reason": "a slip"}).encode()
    return served.wire.ask("POST", f"{API}/remove", body, User_Agent=client).expect(201).headers["refloat-change"]


@pytest.fixture
def five(serve: Serve, content: Content) -> tuple[Served, dict[str, str]]:
    """A server with two pushes, two removals by two programs and an undo."""
    served = serve()
    made = {}
    for name in ("a", "b"):
        served.wire.push(f"lists/{name}", "v1", content)
        made[f"push {name}"] = served.last_change(f"lists/{name}")
    made["rm a"] = remove(served, "lists/a:v1", "refloat/0.1.0 (by hand)")
    made["rm b"] = remove(served, "lists/b:v1", "refloater/2")
    undone = served.wire.ask("POST", f"{API}/changes/{made['rm a']}/undo", User_Agent="refloat/0.1.0").expect(201)
    made["undo a"] = undone.headers["refloat-change"]
    return served, made


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("repository=lists/a", ["undo a", "rm a", "push a"]),
        ("kind=rm", ["rm b", "rm a"]),
        ("kind=rm,undo", ["undo a", "rm b", "rm a"]),
        ("by=refloat", ["undo a", "rm a"]),
        ("by=refloat/0.1.0", ["undo a", "rm a"]),
        ("by=refloater/2", ["rm b"]),
        ("by=127.0.0.1&kind=rm&repository=lists/b", ["rm b"]),
        ("by=nobody", []),
        ("since=2999-01-01T00:00:00Z", []),
        ("since=2001-01-01T00:00:00Z&kind=undo", ["undo a"]),
    ],
)
def test_a_list_is_of_what_was_asked_for(
    five: tuple[Served, dict[str, str]], query: str, expected: list[str]
) -> None:
    served, made = five
    interesting = set(made.values())  # and not the pushes of each part
    assert [change for change in listed(served, query) if change in interesting] == [made[name] for name in expected]


def test_since_is_an_instant_and_takes_in_what_was_done_at_it(five: tuple[Served, dict[str, str]]) -> None:
    served, made = five
    at = served.wire.ask("GET", f"{API}/changes/{made['rm b']}").document()["at"]
    assert listed(served, f"since={at}") == [made["undo a"], made["rm b"]]


def test_what_comes_after_a_change_is_told_oldest_first_in_pages_that_meet(
    five: tuple[Served, dict[str, str]],
) -> None:
    served, made = five
    whole = listed(served, "")[::-1]
    assert listed(served, "after=") == whole
    assert listed(served, f"after={made['rm a']}") == [made["rm b"], made["undo a"]]
    assert listed(served, f"after={made['undo a']}") == []
    assert listed(served, f"after={made['push b']}&kind=undo") == [made["undo a"]]
    seen, after = list[str](), ""
    while True:
        page = served.wire.ask("GET", f"{API}/changes?n=2&after={after}").expect(200).document()
        seen += [entry["id"] for entry in page["changes"]]  # type: ignore[attr-defined]
        if page["next"] is None:
            break
        after = str(page["next"])
    assert seen == whole


@pytest.mark.parametrize(
    "query", ["kind=move", "kind=", "since=yesterday", "before=a&after=b", "who=me", "after=nosuchidat"]
)
def test_other_questions_are_refused(registry: Served, query: str) -> None:
    answer = registry.wire.ask("GET", f"{API}/changes?{query}")
    code = json.loads(answer.body)["errors"][0]["code"]
    assert (answer.status, code) in {(400, "REQUEST_INVALID"), (404, "CHANGE_UNKNOWN")}
