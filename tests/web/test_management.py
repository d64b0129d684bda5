"""The management API on the wire: what it answers, and what it refuses."""

import http.client
import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.conftest import Serve
from tools.content import Content, make_content
from tools.serving import Served, wait_until
from tools.wire import Answer

API = "/v2/_refloat/v1"
DAY = 86400


@pytest.fixture(scope="session")
def contents() -> tuple[Content, Content]:
    """Two images for two platforms, each with a signature."""
    return make_content("management one"), make_content("management two")


def get(registry: Served, path: str, **headers: str) -> Answer:
    return registry.wire.ask("GET", f"{API}/{path}", None, **headers)


def post(registry: Served, path: str, body: object, **headers: str) -> Answer:
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    return registry.wire.ask("POST", f"{API}/{path}", sent, **headers)


def error(answer: Answer) -> Mapping[str, object]:
    document = json.loads(answer.body)
    first: Mapping[str, object] = document["errors"][0]
    return first


def test_root_says_what_this_is(serve: Serve) -> None:
    served = serve(REGISTRY_REFLOAT_WINDOW="2d")
    for path in ("", "/"):
        answer = served.wire.ask("GET", API + path).expect(200)
        document = answer.document()
        assert (document["schema"], document["window_seconds"]) == ("refloat.server/1", 2 * DAY)
        assert answer.headers["refloat-api"] == "1"
        assert answer.headers["content-type"] == "application/json"


def test_every_answer_has_its_schema(registry: Served, contents: tuple[Content, Content]) -> None:
    registry.wire.push("management/schema", "v1", contents[0])
    change = registry.last_change("management/schema")
    for path, schema in (
        ("changes", "changes"), (f"changes/{change}", "change"), ("trash", "trash"),
        ("repositories", "repositories"), ("repositories/management/schema/images", "images"),
        ("repositories/management/schema/image?reference=v1", "image"),
        ("repositories/management/schema/history", "history"),
    ):  # fmt: skip
        assert get(registry, path).expect(200).document()["schema"] == f"refloat.{schema}/1"


def test_remove_and_undo(registry: Served, contents: tuple[Content, Content]) -> None:
    registry.wire.push("management/undo", "v1", contents[0])
    removed = post(registry, "remove", {"images": ["management/undo:v1"], "reason": "why not"})
    document = removed.expect(201).document()
    change = str(document["change"])
    assert removed.headers["refloat-change"] == change
    assert len(document["moves"]) == 5  # type: ignore[arg-type]  # tag, index, two images, signature
    entry = get(registry, f"changes/{change[:6]}").expect(200).document()
    assert (entry["id"], entry["kind"], entry["reason"]) == (change, "rm", "why not")
    assert (entry["undoable"], entry["undone_by"]) == (True, None)
    undone = post(registry, f"changes/{change}/undo", b"")
    assert undone.expect(201).headers["refloat-change"] == undone.document()["change"]
    assert registry.wire.manifest("management/undo", "v1").body == contents[0].index.body
    again = post(registry, f"changes/{change}/undo", {}).expect(200)
    assert (again.document()["change"], again.document()["moves"]) == (None, [])
    assert "refloat-change" not in again.headers
    assert get(registry, f"changes/{change}").document()["undone_by"] == undone.document()["change"]


def test_conflict_has_what_a_person_needs_to_decide(registry: Served, contents: tuple[Content, Content]) -> None:
    registry.wire.push("management/conflict", "v1", contents[0])
    change = post(registry, "remove", {"images": ["management/conflict:v1"]}).expect(201).document()["change"]
    registry.wire.push("management/conflict", "v1", contents[1])
    refused = error(post(registry, f"changes/{change}/undo", {}).expect(409))
    assert refused["code"] == "CHANGE_CONFLICT"
    detail = refused["detail"]
    assert isinstance(detail, dict)
    (conflict,) = detail["conflicts"]
    assert (conflict["repository"], conflict["reference"]) == ("management/conflict", "v1")
    assert (conflict["now"], conflict["wanted"]) == (contents[1].index.digest, contents[0].index.digest)
    assert conflict["change"] == registry.last_change("management/conflict")
    assert conflict["moved_at"].endswith("Z")
    assert detail["would_move"] > 0
    assert registry.wire.manifest("management/conflict", "v1").body == contents[1].index.body


@pytest.mark.parametrize("what", ["remove", "restore", "undo", "collect"])
def test_a_dry_run_changes_nothing(registry: Served, contents: tuple[Content, Content], what: str) -> None:
    name = f"management/dry-{what}"
    registry.wire.push(name, "v1", contents[0])
    registry.wire.push(name, "v1", contents[1])
    change = registry.last_change(name)
    before = registry.wire.manifest(name, "v1").body
    plans: dict[str, tuple[str, dict[str, object]]] = {
        "remove": ("remove", {"images": [f"{name}:v1"]}),
        "restore": (f"repositories/{name}/restore", {"reference": "v1", "revision": 1}),
        "undo": (f"changes/{change}/undo", {}),
        "collect": ("collect", {}),
    }
    path, body = plans[what]
    answer = post(registry, path, {**body, "dry_run": True}).expect(200)
    assert answer.document()["dry_run"] is True
    assert "refloat-change" not in answer.headers
    assert answer.document().get("change") is None
    assert registry.wire.manifest(name, "v1").body == before
    assert registry.last_change(name) == change


def test_restore_by_revision_and_by_instant(registry: Served, contents: tuple[Content, Content]) -> None:
    name = "management/restore"
    registry.wire.push(name, "v1", contents[0])
    registry.wire.push(name, "v1", contents[1])
    history = get(registry, f"repositories/{name}/history?reference=v1").document()["history"]
    assert isinstance(history, list)
    assert [(entry["old"], entry["new"]) for entry in history] == [
        (contents[0].index.digest, contents[1].index.digest), (None, contents[0].index.digest),
    ]  # fmt: skip
    past = {"reference": "v1", "at": history[1]["at"], "as": "then"}
    post(registry, f"repositories/{name}/restore", past).expect(201)
    assert registry.wire.manifest(name, "then").body == contents[0].index.body
    post(registry, f"repositories/{name}/restore", {"reference": "v1", "revision": 1}).expect(201)
    assert registry.wire.manifest(name, "v1").body == contents[0].index.body


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("remove", b"not json"),
        ("remove", b"[]"),
        ("remove", {}),
        ("remove", {"images": []}),
        ("remove", {"images": ["a/b:v1"], "older_than_seconds": 60}),
        ("remove", {"repositories": ["a/b"], "older_than_seconds": 60}),
        ("remove", {"untagged": ["a/*"], "older_than_seconds": -1}),
        ("remove", {"images": ["a/b:v1"], "force": True}),
        ("remove", {"images": ["a/b:v1"], "scope": "all"}),
        ("remove", {"images": "a/b:v1"}),
        ("remove?dry_run=true", {"images": ["a/b:v1"]}),
        ("repositories/a/b/restore", {"reference": "v1", "revision": -1}),
        ("repositories/a/b/restore", {"reference": "v1", "revision": "1"}),
        ("repositories/a/b/restore", {"reference": "v1", "revision": 2**64 - 1}),
        ("repositories/a/b/restore", {"reference": "v1", "revision": 1, "at": "2026-11-20T00:00:00Z"}),
        ("repositories/a/b/restore", {"reference": "v1", "at": "2026-11-20"}),
        ("repositories/a/b/restore", {"reference": "v1", "at": "2026-11-20T00:00:00"}),
        ("changes/abc/undo", {"on_conflict": "force"}),
        ("changes/ABC/undo", {}),
        ("changes/abcdefghijk/undo", {}),
        ("collect", {"dry_run": 1}),
        ("collect", b"{" * 100000),
    ],
)
def test_requests_say_only_what_the_api_knows(registry: Served, path: str, body: object) -> None:
    assert error(post(registry, path, body).expect(400))["code"] == "REQUEST_INVALID"


@pytest.mark.parametrize(
    "path",
    ["changes?limit=1", "changes?n=0", "changes?n=1001", "changes?n=x", "trash?before=", "repositories?n=-1",
     "repositories/a/b/images?which=all", "repositories/a/b/image", "repositories/a/b/history?before=x",
     "changes?repository=UPPER", "changes/abc/moves?after=a", "changes/abc/moves?after=a/b:x", "changes/abc/moves"],
)  # fmt: skip
def test_queries_say_only_what_the_api_knows(registry: Served, path: str) -> None:
    assert error(get(registry, path).expect(400, 404))["code"] in ("REQUEST_INVALID", "NAME_INVALID", "CHANGE_UNKNOWN")


def test_addresses_and_methods_that_are_not_there(registry: Served) -> None:
    for path in ("nothing", "changes/", "repositories/a", "repositories//images", "changes/a/b"):
        assert get(registry, path).status in (400, 404), path
    refused = registry.wire.ask("DELETE", f"{API}/changes").expect(405)
    assert error(refused)["code"] == "UNSUPPORTED"
    assert "GET" in refused.headers["allow"]


def test_names_may_hold_slashes_and_our_own_words(registry: Served, contents: tuple[Content, Content]) -> None:
    for name in ("a/images", "repositories/x/history/images", "images"):
        registry.wire.push(name, "images", contents[0])
        found = get(registry, f"repositories/{name}/images").expect(200).document()
        assert found["repository"] == name
        image = get(registry, f"repositories/{name}/image?reference=images").expect(200).document()
        assert image["digest"] == contents[0].index.digest


def test_pages_meet_without_gap_or_overlap(registry: Served, contents: tuple[Content, Content]) -> None:
    tags = [f"v{number}" for number in range(7)]
    for tag in tags:
        registry.wire.push("management/pages", tag, contents[0])
    seen, last = [], ""
    for _ in range(10):
        page = get(registry, f"repositories/management/pages/images?n=3&last={last}").expect(200).document()
        images = page["images"]
        assert isinstance(images, list)
        seen += [entry["tag"] for entry in images]
        if page["next"] is None:
            break
        last = str(page["next"])
    assert seen == tags
    everything = get(registry, "changes?repository=management/pages&n=1000").document()["changes"]
    assert isinstance(everything, list)
    first = get(registry, "changes?repository=management/pages&n=2").document()
    rest = get(registry, f"changes?repository=management/pages&n=1000&before={first['next']}").document()
    assert [*first["changes"], *rest["changes"]] == everything  # type: ignore[misc]


def test_untagged_images_are_a_list_of_their_own(registry: Served, contents: tuple[Content, Content]) -> None:
    name = "management/untagged"
    registry.wire.push(name, "v1", contents[0])
    post(registry, "remove", {"images": [f"{name}:v1"], "scope": "tag"}).expect(201)
    assert get(registry, f"repositories/{name}/images").document()["images"] == []
    untagged = get(registry, f"repositories/{name}/images?which=untagged").document()["images"]
    assert isinstance(untagged, list)
    assert [(entry["tag"], entry["digest"]) for entry in untagged] == [(None, contents[0].index.digest)]
    assert untagged[0]["platforms"] == ["linux/amd64", "linux/arm64"]


def test_image_names_its_parts(registry: Served, contents: tuple[Content, Content]) -> None:
    name = "management/image"
    registry.wire.push(name, "v1", contents[0])
    index = get(registry, f"repositories/{name}/image?reference=v1").expect(200).document()
    children = index["children"]
    assert isinstance(children, list)
    assert {child["digest"]: child["platform"] for child in children} == {
        contents[0].manifests[0].digest: "linux/amd64", contents[0].manifests[1].digest: "linux/arm64",
    }  # fmt: skip
    assert [entry["digest"] for entry in index["referrers"]] == [contents[0].signature.digest]  # type: ignore[attr-defined]
    short = contents[0].amd64.digest[: len("sha256:") + 12]
    image = get(registry, f"repositories/{name}/image?reference={short}").expect(200).document()
    assert (image["digest"], image["platforms"]) == (contents[0].amd64.digest, ["linux/amd64"])
    layers = image["layers"]
    assert isinstance(layers, list)
    assert len(layers) == 3
    assert all(layer["present"] and layer["size"] > 0 for layer in layers)
    assert image["config"]["digest"] == json.loads(contents[0].amd64.body)["config"]["digest"]  # type: ignore[index]


def test_what_was_deleted_says_by_which_change_and_until_when(
    registry: Served, contents: tuple[Content, Content]
) -> None:
    name = "management/gone"
    registry.wire.push(name, "v1", contents[0])
    change = post(registry, "remove", {"images": [f"{name}:v1"]}).expect(201).document()["change"]
    shown = get(registry, f"repositories/{name}/image?reference=v1")
    again = post(registry, "remove", {"images": [f"{name}:v1"]})
    for answer in (shown, again):
        refused = error(answer.expect(404))
        assert refused["code"] == "MANIFEST_UNKNOWN"
        detail = refused["detail"]
        assert isinstance(detail, dict)
        assert (detail["repository"], detail["deleted_by"]) == (name, change)
        assert detail["held_until"].endswith("Z")
        assert detail["deleted_at"].endswith("Z")


def test_pages_of_other_origins_are_refused(registry: Served) -> None:
    for origin in ("https://evil.example.com", "null", f"http://{registry.address}.evil.example.com"):
        for answer in (get(registry, "changes", Origin=origin), post(registry, "collect", {}, Origin=origin)):
            assert error(answer.expect(403))["code"] == "DENIED"
            assert "access-control-allow-origin" not in answer.headers
    get(registry, "changes", Origin=f"http://{registry.address}").expect(200)


def test_a_name_that_was_led_here_is_no_origin_of_ours(registry: Served, serve: Serve) -> None:
    """A page may own a name, and let it lead to this machine after it was loaded."""
    rebound = {"Origin": "http://evil.example.com", "Host": "evil.example.com"}
    assert error(post(registry, "collect", {}, **rebound).expect(403))["code"] == "DENIED"
    named = serve(REGISTRY_HTTP_HOST="http://registry.example.com")
    ours = {"Origin": "http://registry.example.com", "Host": "registry.example.com"}
    get(named, "changes", **ours).expect(200)


def test_many_at_once(registry: Served, contents: tuple[Content, Content]) -> None:
    """Removing and bringing back in parallel: each is whole, and history has them all."""
    names = [f"management/many{number}" for number in range(8)]
    for name in names:
        registry.wire.push(name, "v1", contents[0])

    def there_and_back(name: str) -> bytes:
        change = post(registry, "remove", {"images": [f"{name}:v1"]}).expect(201).document()["change"]
        get(registry, f"repositories/{name}/images").expect(200)
        post(registry, f"changes/{change}/undo", {}).expect(201)
        return registry.wire.manifest(name, "v1").expect(200).body

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(there_and_back, names)) == {contents[0].index.body}


def test_switched_off_deletion_is_said(serve: Serve, contents: tuple[Content, Content]) -> None:
    served = serve(REGISTRY_STORAGE_DELETE_ENABLED="false")
    served.wire.push("team/api", "v1", contents[0])
    refused = post(served, "remove", {"images": ["team/api:v1"]}).expect(405)
    assert error(refused)["code"] == "UNSUPPORTED"
    assert served.wire.ask("GET", API + "/").document()["deletions"] is False


def test_configured_headers_and_the_access_log_are_for_this_api_too(serve: Serve, tmp_path: Path) -> None:
    config = tmp_path / "config.yml"
    config.write_text("version: 0.1\nhttp:\n  headers:\n    X-Content-Type-Options: [nosniff]\n")
    served = serve(REGISTRY_CONFIGURATION_PATH=str(config))
    answer = served.wire.ask("GET", API + "/changes?n=1", None, User_Agent="someone/1").expect(200)
    assert answer.headers["x-content-type-options"] == "nosniff"
    line = f'"GET {API}/changes?n=1 HTTP/1.1" 200 {len(answer.body)} "-" "someone/1"'
    served.wire.ask("GET", "/v2/", None, User_Agent="the-last/1").expect(200)
    wait_until(lambda: "the-last/1" in served.tail(), 60, lambda: f"no line for the request in\n{served.tail()}")
    assert served.tail().count(line) == 1


def test_a_configured_header_is_sent_once(serve: Serve, tmp_path: Path) -> None:
    config = tmp_path / "config.yml"
    config.write_text("version: 0.1\nhttp:\n  headers:\n    X-Ours: [here]\n")
    served = serve(REGISTRY_CONFIGURATION_PATH=str(config))
    connection = http.client.HTTPConnection(served.address, timeout=60)
    for path in (API + "/", "/v2/"):
        connection.request("GET", path)
        reply = connection.getresponse()
        reply.read()
        assert reply.headers.get_all("x-ours") == ["here"], path
    connection.close()


def test_the_moves_of_a_change_are_pages_that_meet(registry: Served, contents: tuple[Content, Content]) -> None:
    names = [f"management/moves-{letter}" for letter in "ab"]
    for name in names:
        registry.wire.push(name, "v1", contents[0])
    removed = post(registry, "remove", {"repositories": ["management/moves-*"]}).expect(201).document()
    assert [row["repository"] for row in removed["repositories"]] == names  # type: ignore[attr-defined]
    change = str(removed["change"])
    whole = get(registry, f"changes/{change}").expect(200).document()
    seen, after = [], ""
    for _ in range(10):
        page = get(registry, f"changes/{change[:7]}/moves?n=3{after}").expect(200).document()
        moves = page["moves"]
        assert isinstance(moves, list)
        seen += moves
        if page["next"] is None:
            break
        after = f"&after={page['next']}"
    assert seen == whole["moves"]
    assert whole["moves_total"] == len(seen) == 10
