"""What an undo meets on its way back: the table of docs/undo.md, by the API and by the command line."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.cli.conftest import Shell
from tests.conftest import Serve
from tools.content import Content
from tools.serving import Served, wait_until
from tools.wire import Wire

Pair = tuple[Content, Content]
API = "/v2/_refloat/v1"
FLAGS = {"refuse": (), "skip": ("--skip",), "replace": ("--replace",)}


@dataclass(frozen=True)
class Place:
    """A repository of one test's own, and who speaks to the server."""

    wire: Wire
    shell: Shell
    repository: str
    contents: Pair

    def push(self, tag: str, which: int) -> None:
        self.wire.push(self.repository, tag, self.contents[which])

    def remove(self, *tags: str) -> str:
        return self.shell("rm", *(f"{self.repository}:{tag}" for tag in tags)).change

    def last_change(self) -> str:
        changes = self.wire.ask("GET", f"{API}/changes?repository={self.repository}&n=1").document()["changes"]
        assert isinstance(changes, list)
        return str(changes[0]["id"])

    def standing(self) -> dict[str, tuple[str, bytes]]:
        """Return all that is live here: the digest and the bytes behind every tag and every manifest."""
        found: dict[str, tuple[str, bytes]] = {}
        tags = self.wire.ask("GET", f"/v2/{self.repository}/tags/list")
        named = tags.document()["tags"] if tags.status == 200 else []
        assert isinstance(named, list)
        manifests = [part.digest for content in self.contents for part in (*content.manifests, content.index)]
        for reference in (*named, *manifests):
            answer = self.wire.manifest(self.repository, reference)
            if answer.status == 200:
                found[reference] = answer.headers["docker-content-digest"], answer.body
        return found

    def tags(self) -> dict[str, int]:
        """Return which content each tag has."""
        by_digest = {content.index.digest: which for which, content in enumerate(self.contents)}
        return {name: by_digest[digest] for name, (digest, _) in self.standing().items() if ":" not in name}


@dataclass(frozen=True)
class Row:
    """One line of the table: what was done before, how the undo is asked, and what comes of it."""

    situation: str
    arrange: Callable[[Place], str]
    how: str
    status: int
    exit: int
    text: str
    tags: dict[str, int] = field(default_factory=dict)
    """Which content each tag has afterwards; where the undo is refused, nothing may differ from before."""
    body: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.situation}-{self.how}".replace(" ", "-")


def moved_since(place: Place) -> str:
    place.push("v1", 0)
    place.push("v2", 0)
    change = place.remove("v1", "v2")
    place.push("v1", 1)
    return change


def same_value(place: Place) -> str:
    place.push("v1", 0)
    change = place.remove("v1")
    place.push("v1", 0)
    return change


def overwritten_again(place: Place) -> str:
    place.push("v1", 0)
    place.push("v1", 1)
    change = place.last_change()
    place.remove("v1")
    return change


def name_in_use(place: Place) -> str:
    place.push("v1", 0)
    place.push("old", 1)
    return place.remove("v1")


def repository_made_again(place: Place) -> str:
    place.push("v1", 0)
    place.push("v2", 0)
    change = place.remove("v1", "v2")
    place.push("other", 1)
    return change


def child_of_a_live_index(place: Place) -> str:
    content = place.contents[0]
    for part in content.blobs:
        place.wire.push_blob(place.repository, part)
    child, *others = content.manifests
    place.wire.push_manifest(place.repository, "part", child)
    change = place.last_change()
    for part in others:
        place.wire.push_manifest(place.repository, part.digest, part)
    place.wire.push_manifest(place.repository, "v1", content.index)
    return change


ROWS = (
    Row("moved since", moved_since, "refuse", 409, 7, r"error: \S+:v1 has moved since\n  now     \w{12}  moved "),
    Row("moved since", moved_since, "skip", 201, 0, r":v1 stays as it is .*it has moved since", {"v1": 1, "v2": 0}),
    Row("moved since", moved_since, "replace", 201, 0, r"Moved: \S+:v1  \w{12} → \w{12}", {"v1": 0, "v2": 0}),
    Row("same value", same_value, "refuse", 200, 0, r"Nothing to do: everything is as it would be", {"v1": 0}),
    Row("same value", same_value, "replace", 200, 0, r"Nothing to do: everything is as it would be", {"v1": 0}),
    Row("deleted since", overwritten_again, "refuse", 409, 7, r"now     \(nothing\)  moved (.|\n)*wanted  \w{12}"),
    Row("deleted since", overwritten_again, "skip", 200, 0, r":v1 stays as it is"),
    Row("deleted since", overwritten_again, "replace", 201, 0, r"Restored: \S+:v1", {"v1": 0}),
    Row("name in use", name_in_use, "refuse", 409, 7, r"error: \S+:old is in use", body={"as": "old"}),
    Row("name in use", name_in_use, "replace", 201, 0, r"Moved: \S+:old", {"old": 0}, {"as": "old"}),
    Row(
        "repository made again", repository_made_again, "refuse", 201, 0, r"Restored: \S+ with 2 tags",
        {"v1": 0, "v2": 0, "other": 1},
    ),
    Row("child of a live index", child_of_a_live_index, "refuse", 201, 0, r"stays: something live needs it", {"v1": 0}),
)  # fmt: skip


@pytest.fixture
def place(request: pytest.FixtureRequest, shell: Shell, registry: Served, contents: Pair) -> Place:
    name = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower()).strip("-")
    return Place(registry.wire, shell, f"conflicts/{name}", contents)


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_the_api_answers_with_its_status(row: Row, place: Place) -> None:
    change = row.arrange(place)
    before = place.standing()
    body = json.dumps({"on_conflict": row.how, **row.body}).encode()
    answer = place.wire.ask("POST", f"{API}/changes/{change}/undo", body, Content_Type="application/json")
    assert answer.status == row.status, answer.body
    _expect(row, place, before)


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_the_command_ends_with_its_code_and_its_text(row: Row, place: Place) -> None:
    change = row.arrange(place)
    before = place.standing()
    named = [word for name, value in row.body.items() for word in (f"--{name}", value)]
    done = place.shell("undo", change, *FLAGS[row.how], *named)
    assert done.code == row.exit, done
    assert re.search(row.text, done.out + done.err), done
    _expect(row, place, before)


def _expect(row: Row, place: Place, before: dict[str, tuple[str, bytes]]) -> None:
    if row.status >= 400:
        assert place.standing() == before  # nothing is half-written
    else:
        assert place.tags() == row.tags


def test_a_child_of_a_live_index_is_not_taken(place: Place) -> None:
    child_of_a_live_index(place)
    child, before = place.contents[0].manifests[0].digest, place.standing()
    answer = place.wire.delete(place.repository, child)
    assert (answer.status, answer.document()["errors"][0]["code"]) == (403, "DENIED")  # type: ignore[index]
    assert place.contents[0].index.digest in answer.body.decode()
    done = place.shell("rm", f"{place.repository}@{child}")
    assert done.code == 7, done
    assert place.standing() == before


@pytest.fixture
def hasty(tmp_path: Path, serve: Callable[..., Served], contents: Pair) -> Place:
    """A server whose windows end at once."""
    served = serve(REGISTRY_REFLOAT_WINDOW="50ms", REGISTRY_REFLOAT_COLLECT_INTERVAL="50ms")
    return Place(served.wire, Shell(tmp_path, served.address), "conflicts/pruned", contents)


@pytest.mark.parametrize("how", FLAGS)
def test_what_history_let_go_of_is_gone(how: str, hasty: Place) -> None:
    hasty.push("v1", 0)
    change = hasty.remove("v1")

    def refused() -> bool:
        body = json.dumps({"on_conflict": how, "dry_run": True}).encode()
        return hasty.wire.ask("POST", f"{API}/changes/{change}/undo", body).status == 410

    wait_until(refused, 60, lambda: f"{change} is not pruned")
    done = hasty.shell("undo", change, *FLAGS[how])
    assert done.code == 6, done
    assert f"error: {change} can no longer be taken back: its window ended on" in done.err
    assert hasty.standing() == {}


@pytest.mark.parametrize(
    ("how", "status", "exit", "text", "tags"),
    [
        ("refuse", 410, 6, "were purged, and nothing brings them back", {}),
        ("replace", 410, 6, "were purged, and nothing brings them back", {}),
        ("skip", 200, 0, "Restored: ", {"v2": 1}),
    ],
)
def test_what_was_purged_does_not_come_back(
    how: str, status: int, exit: int, text: str, tags: dict[str, int], tmp_path: Path, serve: Serve, contents: Pair
) -> None:
    served = serve()
    place = Place(served.wire, Shell(tmp_path, served.address), "conflicts/purged", contents)
    place.push("v1", 0)
    place.push("v2", 1)
    change = place.remove("v1", "v2")
    purged = place.shell("purge", "conflicts/purged:v1", "--yes", "--root", str(served.root))
    assert purged.code == 0, purged
    body = json.dumps({"on_conflict": how, "dry_run": True}).encode()
    assert place.wire.ask("POST", f"{API}/changes/{change}/undo", body).status == status
    done = place.shell("undo", change, *FLAGS[how])
    assert (done.code, text in done.out + done.err) == (exit, True), done
    assert place.tags() == tags
