"""What goes with what, and what comes back: each row of the two tables of docs/undo.md, at a server."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from tests.cli.conftest import Shell
from tools.content import CONFIG, INDEX, MANIFEST, Part
from tools.provision import HOME
from tools.serving import Served
from tools.wire import Wire

PAGE = HOME / "docs" / "undo.md"
SECTION = "## What goes with what, and what comes back"
BLOB = Part(CONFIG, b'{"architecture":"amd64","os":"linux"}')
Places = frozenset[str]


def _image(name: str, subject: Part | None = None) -> Part:
    document: dict[str, object] = {
        "schemaVersion": 2, "mediaType": MANIFEST, "config": BLOB.descriptor(), "layers": [],
        "annotations": {"name": name}, **({} if subject is None else {"subject": subject.descriptor()}),
    }  # fmt: skip
    return Part(MANIFEST, json.dumps(document).encode())


OWN, SHARED = _image("part"), _image("a part with a tag of its own")
IMAGE = Part(
    INDEX,
    json.dumps(
        {"schemaVersion": 2, "mediaType": INDEX, "manifests": [OWN.descriptor(), SHARED.descriptor()]}
    ).encode(),
)
SIGNATURE = _image("signature", IMAGE)
COUNTERSIGNED = _image("of the signature", SIGNATURE)
ATTACHED = _image("attached")
OTHER = _image("another image")
PARTS = {
    "image": IMAGE, "own": OWN, "shared": SHARED, "signature": SIGNATURE, "countersigned": COUNTERSIGNED,
    "attached": ATTACHED, "other": OTHER,
}  # fmt: skip
SIG = f"{IMAGE.digest.replace(':', '-')}.sig"
TAGS = ("v1", "arm", "sbom", "old", "v2", SIG)
REFERRERS = {"signature", "sbom", "countersigned", SIG, "attached"}
"""What refers to the image, with the tags on it."""


@dataclass(frozen=True)
class Place:
    """A repository of one test's own: an index of two parts, what refers to it, and their tags."""

    wire: Wire
    shell: Shell
    name: str

    def put(self, part: Part, *references: str) -> str:
        """Push, and return the last change."""
        for reference in references or (part.digest,):
            self.wire.push_manifest(self.name, reference, part)
        answer = self.wire.ask("GET", f"/v2/_refloat/v1/changes?repository={self.name}&n=1").document()
        changes = answer["changes"]
        assert isinstance(changes, list)
        return str(changes[0]["id"])

    def live(self) -> Places:
        found = {name for name, part in PARTS.items() if self.wire.manifest(self.name, part.digest).status == 200}
        return frozenset(found | {tag for tag in TAGS if self.wire.manifest(self.name, tag).status == 200})

    def delete(self, reference: str) -> None:
        self.wire.delete(self.name, reference).expect(202)

    def do(self, *words: str) -> None:
        done = self.shell(*(word.replace("REPO", self.name) for word in words))
        assert done.code == 0, done


@pytest.fixture
def place(registry: Served, shell: Shell, request: pytest.FixtureRequest) -> Place:
    found = Place(registry.wire, shell, f"goes/{re.sub('[^a-z0-9]+', '-', request.node.name.lower()).strip('-')}")
    found.wire.push_blob(found.name, BLOB)
    found.put(OWN)
    found.put(SHARED, "arm")
    return found


def whole(place: Place) -> str:
    """Push the image and what refers to it. Returns the change that pushed the image."""
    first = place.put(IMAGE, "v1")
    place.put(SIGNATURE, "sbom")
    place.put(COUNTERSIGNED)
    place.put(ATTACHED, SIG)
    return first


def taken(place: Place, act: Callable[[str], object]) -> Places:
    """Return what an act takes of the whole; it is given the first push of the image. One undo brings it back."""
    first = whole(place)
    before = place.live()
    assert before >= {"image", "own", "shared", "v1", "arm", *REFERRERS}
    act(first)
    after = place.live()
    if before > after:
        place.do("undo", _last(place))
        assert place.live() == before
    return before - after


def _last(place: Place) -> str:
    answer = place.wire.ask("GET", f"/v2/_refloat/v1/changes?repository={place.name}&n=1").document()
    changes = answer["changes"]
    assert isinstance(changes, list)
    return str(changes[0]["id"])


def tagged_twice(place: Place) -> None:
    place.put(IMAGE, "v2")
    place.do("rm", "REPO:v1")


def as_another_index(place: Place, first: str) -> None:
    """Undo the first push after somebody gave a part to another index, which needs it."""
    document = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [OWN.descriptor()]}
    place.put(Part(INDEX, json.dumps(document).encode()), "later")
    place.do("undo", first)


def untagged(place: Place) -> None:
    """The image loses its tag; what refers to it and has none goes with it."""
    place.delete("sbom")
    place.put(OTHER, "v1")
    place.do("rm", "--untagged", "REPO")


EVERYTHING = {"image", "own", "shared", "v1", "arm", *REFERRERS}
GOES: dict[str, tuple[Callable[[Place, str], object], set[str]]] = {
    "push over a tag": (lambda place, _: place.put(OTHER, "v1"), set()),
    "DELETE of a tag by a client": (lambda place, _: place.delete("v1"), {"v1"}),
    "DELETE of a digest by a client": (lambda place, _: place.delete(IMAGE.digest), {"v1", "image", *REFERRERS}),
    "`rm REPO:TAG`, another tag is on the image": (lambda place, _: tagged_twice(place), {"v1"}),
    "`rm REPO:TAG`, the last tag on its image": (
        lambda place, _: place.do("rm", "REPO:v1"), {"v1", "image", "own", *REFERRERS},
    ),
    "`rm REPO@DIGEST`": (
        lambda place, _: place.do("rm", f"REPO@{IMAGE.digest}"), {"v1", "image", "own", *REFERRERS},
    ),
    "`rm --tag-only`": (lambda place, _: place.do("rm", "--tag-only", "REPO:v1"), {"v1"}),
    "`rm --untagged REPO`": (lambda place, _: untagged(place), {"image", "own", *REFERRERS}),
    "`rm REPO/`": (lambda place, _: place.do("rm", "REPO/"), EVERYTHING),
    "undo of the first push of an image": (
        lambda place, first: place.do("undo", first), {"v1", "image", "own", *REFERRERS},
    ),
    "any other undo": (
        lambda place, _: place.do("undo", place.put(IMAGE, "v2")), set(),
    ),
}  # fmt: skip


@pytest.mark.parametrize("door", GOES)
def test_what_goes(door: str, place: Place) -> None:
    act, expected = GOES[door]
    assert taken(place, lambda first: act(place, first)) == expected


def test_the_undo_of_a_first_push_leaves_what_somebody_needs_since(place: Place) -> None:
    assert taken(place, lambda first: as_another_index(place, first)) == {"v1", "image", *REFERRERS}


BACK: dict[str, tuple[Callable[[Place, str], object], set[str]]] = {
    "undo of a change": (lambda place, change: place.do("undo", change), EVERYTHING),
    "restore of a tag, or `undo --as`": (
        lambda place, _: place.do("restore", "REPO:v1"), EVERYTHING - {"v2"},
    ),
    "push of the same image": (lambda place, _: place.put(IMAGE), EVERYTHING - {"v1"}),
}  # fmt: skip


@pytest.mark.parametrize("door", BACK)
def test_what_comes_back(door: str, place: Place) -> None:
    act, expected = BACK[door]
    whole(place)
    place.put(IMAGE, "v2")
    place.do("rm", f"REPO@{IMAGE.digest}")
    assert place.live() == {"shared", "arm"}
    change = _last(place)
    act(place, change)
    assert place.live() == expected | ({"v2"} if door == "undo of a change" else set())


def test_another_name_brings_back_what_followed_too(place: Place) -> None:
    whole(place)
    place.do("rm", "REPO:v1")
    place.do("undo", _last(place), "--as", "old", "--reference", "v1")
    assert place.live() == (EVERYTHING - {"v1"}) | {"old"}


def test_what_was_deleted_by_itself_stays_deleted(place: Place) -> None:
    whole(place)
    place.do("rm", f"REPO@{SIGNATURE.digest}")
    place.do("rm", "REPO:v1")
    place.do("restore", "REPO:v1")
    assert place.live() == EVERYTHING - {"signature", "sbom", "countersigned"}


def test_every_row_of_the_tables_is_tried_and_none_else() -> None:
    section = PAGE.read_text(encoding="utf-8").partition(SECTION)[2]
    doors = [line.split(" | ")[0].removeprefix("| ") for line in section.splitlines() if line.startswith("| ")]
    assert [door for door in doors if door != "door"] == [*GOES, *BACK]
