"""Names for who is typing: repositories and tags that begin so, live or deleted."""

import json

import pytest

from tests.conftest import Serve
from tools.content import Content, make_content
from tools.serving import Served

API = "/v2/_refloat/v1"


@pytest.fixture(scope="module")
def content() -> Content:
    return make_content("names")


@pytest.fixture
def served(serve: Serve, content: Content) -> Served:
    """A server with a live, an emptied and a half emptied repository, and a tag that attaches something."""
    served = serve()
    for name, tag in (("team/api", "v1"), ("team/api", "v2"), ("team/api", "w1"), ("team/api2", "v1"), ("gone", "v1")):
        served.wire.push(name, tag, content)
    signature = content.signature.digest.replace(":", "-") + ".sig"
    served.wire.push_manifest("team/api", signature, content.signature)
    for image in ("team/api:v2", "gone:v1"):
        body = json.dumps({"images": [image]}).encode()
        served.wire.ask("POST", f"{API}/remove", body).expect(201)
    return served


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", ["team/api", "team/api2"]),
        ("prefix=team/api", ["team/api", "team/api2"]),
        ("prefix=team/api2", ["team/api2"]),
        ("prefix=team/&n=1", ["team/api"]),
        ("prefix=TEAM", []),
        ("prefix=g", []),
        ("prefix=%25", []),
        ("prefix=team/api:", ["team/api:v1", "team/api:w1"]),
        ("prefix=team/api:v", ["team/api:v1"]),
        ("prefix=team/api:&n=1", ["team/api:v1"]),
        ("prefix=nobody:v", []),
        ("which=deleted", ["gone", "team/api"]),
        ("which=deleted&prefix=gone:", ["gone:v1"]),
        ("which=deleted&prefix=team/api:v", ["team/api:v2"]),
    ],
)
def test_names_that_begin_so(served: Served, query: str, names: list[str]) -> None:
    document = served.wire.ask("GET", f"{API}/names?{query}").expect(200).document()
    assert document == {"schema": "refloat.names/1", "names": names}


def test_what_came_back_is_deleted_no_more(served: Served) -> None:
    served.wire.ask("POST", f"{API}/changes/{served.last_change('gone')}/undo").expect(201)
    assert served.wire.ask("GET", f"{API}/names?which=deleted&prefix=gone:").document()["names"] == []


@pytest.mark.parametrize("query", ["which=all", "prefix=TEAM:v", "n=0", "begins=t"])
def test_other_questions_are_refused(registry: Served, query: str) -> None:
    assert registry.wire.ask("GET", f"{API}/names?{query}").status == 400
