"""A pattern is answered at once, whatever it says, and nobody's push waits for it."""

import json
import re
import sqlite3

import pytest

from tests.conftest import Serve
from tools.content import CONFIG, MANIFEST, Part
from tools.serving import Served
from tools.wire import Answer, Wire

API = "/v2/_refloat/v1"
BLOB = Part(CONFIG, b"{}")
LONG = "a" * 120
STARS = "*a" * 60 + "b"
NAME = "/".join(["a" * 24] * 10)


def image(number: int) -> Part:
    document = {"schemaVersion": 2, "config": BLOB.descriptor(), "layers": [], "annotations": {"number": f"{number}"}}
    return Part(MANIFEST, json.dumps(document).encode())


def push(wire: Wire, name: str, *tags: str) -> None:
    wire.push_blob(name, BLOB)
    for number, tag in enumerate(tags):
        wire.push_manifest(name, tag, image(number))


def remove(wire: Wire, **body: object) -> Answer:
    return wire.ask("POST", f"{API}/remove", json.dumps(body).encode())


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"images": [f"patterns/app:{STARS}"], "dry_run": True}, 404),
        ({"images": [f"patterns/app:{STARS}"]}, 404),
        ({"images": [f"{'*a' * 50}/**:{'?' * 20}{STARS[:80]}"]}, 404),
        ({"images": [f"patterns/app:{'*a' * 60}"], "dry_run": True}, 200),
        ({"images": [f"**a/{'a**' * 60}*:{'*a?' * 40}"], "dry_run": True}, 200),
        ({"repositories": [f"{'**a' * 60}b"], "dry_run": True}, 404),
        ({"repositories": [f"{'*a' * 11}*/{'**a' * 60}"], "dry_run": True}, 200),
        ({"untagged": [f"{'*a*/' * 40}b"], "dry_run": True}, 200),
        ({"images": [f"patterns/app:{STARS}"], "older_than_seconds": 0}, 200),
    ],
)
def test_stars_are_never_tried_again(registry: Served, body: dict[str, object], status: int) -> None:
    wire = registry.wire
    push(wire, "patterns/app", LONG)
    push(wire, NAME, LONG)
    assert remove(wire, **body).status == status
    assert wire.manifest("patterns/app", LONG).status == 200


def test_a_protecting_pattern_of_many_stars_holds_up_no_delete(serve: Serve) -> None:
    served = serve(REGISTRY_REFLOAT_PROTECT=f'["app/**:{STARS}", "app/kept:{"*a" * 30}c*"]')
    push(served.wire, "app/free", LONG)
    push(served.wire, "app/kept", f"{LONG}c1")
    assert served.wire.delete("app/free", LONG).status == 202
    assert served.wire.delete("app/kept", f"{LONG}c1").status == 403
    assert served.wire.ask("POST", f"{API}/remove", b'{"repositories": ["app/*"]}').status == 403


def test_patterns_are_compared_while_somebody_else_writes(serve: Serve) -> None:
    """What matches nothing is told without a wait for whoever has the database."""
    served = serve()
    push(served.wire, "app", "v1")
    writing = sqlite3.connect(served.root / "refloat" / "refloat.db", isolation_level=None)
    writing.execute("BEGIN IMMEDIATE")
    try:
        for body in ({"images": ["app:no*"]}, {"images": ["**:no*"], "dry_run": True}, {"repositories": ["no/*"]}):
            assert remove(served.wire, **body).status == 404
    finally:
        writing.execute("ROLLBACK")
        writing.close()
    assert remove(served.wire, images=["app:v*"]).status == 201


def test_a_thousand_patterns_over_hundreds_of_tags_take_what_any_of_them_means(serve: Serve) -> None:
    served = serve()
    body = image(0)
    served.wire.push_blob("app", BLOB)
    tags = [f"t{number:03}" for number in range(300)]
    for first in range(0, 300, 10):
        more = "&".join(f"tag={tag}" for tag in tags[first + 1 : first + 10])
        served.wire.push_manifest("app", f"{tags[first]}?{more}", body)
    patterns = [f"*p*:*{number // 100}*{number // 10 % 10}*{number % 10}*" for number in range(300)]
    assert remove(served.wire, images=patterns, dry_run=True).document()["images_total"] == 300
    assert remove(served.wire, images=[*patterns, "app:*x*"]).status == 404  # each has to match
    found = remove(served.wire, images=[f"app:?{number % 3}*" for number in range(1000)], dry_run=True).document()
    assert found["images_total"] == 300
    assert remove(served.wire, images=["app:t0?[0-9]"]).status == 400


def test_what_is_compared_is_bounded_by_name(serve: Serve) -> None:
    served = serve()
    served.wire.push_blob("app", BLOB)
    served.wire.push_manifest("app", "v1", image(0))
    answer = remove(served.wire, images=["**:v*"] * 1001)
    assert answer.status == 400
    assert re.search("at most 1000", answer.body.decode())
