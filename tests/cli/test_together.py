"""What goes with what is named: every tag of it is told, and what is named goes, in whatever order."""

import json
from itertools import permutations

import pytest

from tests.cli.conftest import Shell
from tools.content import CONFIG, INDEX, MANIFEST, Part
from tools.serving import Served
from tools.wire import Wire

BLOB = Part(CONFIG, b'{"architecture":"amd64","os":"linux"}')


def image(name: str, subject: Part | None = None) -> Part:
    """An image without layers, which may refer to another."""
    document: dict[str, object] = {
        "schemaVersion": 2, "mediaType": MANIFEST, "config": BLOB.descriptor(), "layers": [],
        "annotations": {"name": name},
    }  # fmt: skip
    if subject is not None:
        document["subject"] = subject.descriptor()
    return Part(MANIFEST, json.dumps(document).encode())


def index(*children: Part, subject: Part | None = None) -> Part:
    document: dict[str, object] = {
        "schemaVersion": 2, "mediaType": INDEX, "manifests": [child.descriptor() for child in children],
    }  # fmt: skip
    if subject is not None:
        document["subject"] = subject.descriptor()
    return Part(INDEX, json.dumps(document).encode())


class Place:
    """A repository of a test's own at the server that tests share."""

    def __init__(self, wire: Wire, name: str) -> None:
        self.wire, self.name = wire, name
        wire.push_blob(name, BLOB)

    def put(self, part: Part, *tags: str) -> Part:
        for reference in tags or (part.digest,):
            self.wire.push_manifest(self.name, reference, part)
        return part

    def has(self, *references: str | Part) -> list[bool]:
        digests = [each.digest if isinstance(each, Part) else each for each in references]
        return [self.wire.manifest(self.name, each).status == 200 for each in digests]

    @property
    def tags(self) -> list[str]:
        answer = self.wire.ask("GET", f"/v2/{self.name}/tags/list")
        return [str(tag) for tag in answer.document()["tags"]] if answer.status == 200 else []  # type: ignore[attr-defined]


@pytest.fixture
def place(registry: Served, request: pytest.FixtureRequest) -> Place:
    return Place(registry.wire, f"together/{request.node.originalname[5:].replace('_', '-')}")


def test_every_tag_that_follows_is_named(place: Place, shell: Shell) -> None:
    app = place.put(image("app"), "v1")
    place.put(image("release", app), "release-1.0", "release-1")
    place.put(image("sbom", app), "sbom-v1")
    place.put(image("signature", app), f"{app.digest.replace(':', '-')}.sig")
    told = "  and with that the tags release-1, release-1.0, sbom-v1\n"
    for words in (["-n", f"{place.name}:v1"], ["-n", f"{place.name}@{app.digest}"], [f"{place.name}:v*"]):
        assert told in shell("rm", *words).out
    assert place.tags == []
    assert f"Restored: {place.name} with 4 tags (" in shell("undo").out
    assert json.loads(shell("rm", "-n", "--json", f"{place.name}:v1").out)["following_total"] == 3


def test_of_many_tags_every_one_is_named(place: Place, shell: Shell) -> None:
    app, names = image("app"), [f"v1.{number}" for number in range(15)]
    place.put(app, *names)
    digests = [place.put(image(f"{number}"), f"n{number}").digest for number in range(6)]
    assert all(name in shell("rm", "-n", f"{place.name}@{app.digest}").out for name in names)
    assert all(name in shell("rm", "-n", f"{place.name}:v1.*").out for name in names)
    several = shell("rm", "-n", *(f"{place.name}@{digest}" for digest in digests)).out
    assert "  and with that the tags n0, n1, n2, n3, n4, n5\n" in several


def test_of_more_than_an_answer_lists_every_tag_that_follows_is_named(place: Place, shell: Shell) -> None:
    app = place.put(image("app"), "v1")
    names = [f"from-v1-{number:02}" for number in range(60)]
    for name in names:
        place.put(image(name, app), name)
    done = shell("rm", f"{place.name}:v1")
    assert f"Moved to trash: {place.name} with 61 tags and 61 manifests\n" in done.out
    assert all(f"{place.name}:{name}" in done.out for name in names)


def test_the_undo_of_a_first_push_names_what_others_pushed_since(place: Place, shell: Shell) -> None:
    base = place.put(image("base"), "base")
    names = [f"app-{number:02}" for number in range(60)]
    change = json.loads(shell("log", "--repo", place.name, "--json").out)["changes"][0]["id"]
    for name in names[:12]:
        place.put(image(name, base), name)
    assert all(name in shell("undo", "-n", change).out for name in names[:12])
    for name in names[12:]:
        place.put(image(name, base), name)
    done = shell("undo", change)
    assert f"Moved to trash: {place.name} with 61 tags and 61 manifests\n" in done.out
    assert all(f"{place.name}:{name}" in done.out for name in names)


def test_images_without_a_tag_leave_behind_what_has_one(place: Place, shell: Shell) -> None:
    base = place.put(image("base"), "base")
    place.put(image("other"), "base")  # the first one has no tag any more
    release = place.put(image("release", base), "release-1.0")
    kept = place.put(image("signature of the release", release))
    gone = place.put(image("signature of the base", base))
    below = place.put(image("of that signature", gone), "named")
    fallback = f"{base.digest.replace(':', '-')}.sig"
    place.put(image("signature by its tag"), fallback)
    dry = shell("rm", "-n", "--untagged", place.name)
    assert "release" not in dry.out
    assert json.loads(shell("rm", "--untagged", place.name, "--json").out)["following"] == []
    assert place.tags == ["base", "named", "release-1.0"]
    assert place.has(base, gone, fallback) == [False, False, False]
    assert place.has(release, kept, below) == [True, True, True]
    shell("undo")
    assert place.has(base, gone, fallback) == [True, True, True]


def test_an_index_without_a_tag_leaves_behind_what_refers_to_its_parts(place: Place, shell: Shell) -> None:
    part = place.put(image("part"))
    loose = place.put(index(part))
    named = place.put(image("about the part", part), "named")
    assert shell("rm", "--untagged", place.name).code == 0
    assert place.has(loose, part, named) == [False, False, True]


def test_who_is_named_beside_goes_though_it_has_a_tag(place: Place, shell: Shell) -> None:
    base = place.put(image("base"))
    place.put(image("release", base), "release-1.0")
    status, _ = remove(place.wire, images=[f"{place.name}:release-1.0"], untagged=[place.name])
    assert status == 201
    assert place.tags == []
    assert place.has(base, "release-1.0") == [False, False]


NAMED = ["@INDEX", "@PART", ":v1", ":v*", ":part"]


@pytest.mark.parametrize("named", [pair for pair in permutations(NAMED, 2) if "@PART" in pair], ids="".join)
def test_an_index_goes_with_its_part_in_whatever_order(registry: Served, named: tuple[str, str]) -> None:
    place = Place(registry.wire, "together/index-and-part")
    part = place.put(image("part"), "part")
    outer = place.put(index(part, place.put(image("another part"))), "v1")
    images = [f"{place.name}{each.replace('INDEX', outer.digest).replace('PART', part.digest)}" for each in named]
    if ":part" in named:  # the tag of the part frees nothing
        assert remove(place.wire, images=images) == (403, [])
        return
    _, moved = remove(place.wire, images=images, dry_run=True)
    assert remove(place.wire, images=images) == (201, moved)
    assert {outer.digest, part.digest, "v1", "part"} <= set(moved)
    assert place.has(outer, part, "v1", "part") == [False, False, False, False]


def remove(wire: Wire, **body: object) -> tuple[int, list[str]]:
    """Ask for a removal. Returns the status, and what went."""
    answer = wire.ask("POST", "/v2/_refloat/v1/remove", json.dumps(body).encode())
    moves = answer.document().get("moves", [])
    assert isinstance(moves, list)
    return answer.status, [move["reference"] for move in moves]


def test_a_part_goes_whose_index_goes_with_something_else(place: Place, shell: Shell) -> None:
    subject, part = place.put(image("subject"), "v1"), place.put(image("part"))
    inner = place.put(index(part, subject=subject))
    outer = place.put(index(inner))
    words = (f"{place.name}@{part.digest}", f"{place.name}:v1")
    refused = shell("rm", *words)  # the outer index stays, and with it the inner one
    assert (refused.code, place.has(subject, part, inner)) == (7, [True, True, True])
    assert f"is part of the index {inner.digest}" in refused.err
    for order in (words, words[::-1]):
        done = shell("rm", f"{place.name}@{outer.digest}", *order)
        assert done.code == 0, done
        assert place.has(subject, part, inner, outer) == [False, False, False, False]
        shell("undo", done.change)
    assert shell("rm", f"{place.name}@{part.digest}").code == 7
    assert place.wire.delete(place.name, part.digest).status == 403


def test_a_part_that_another_index_needs_is_refused_with_everything_beside_it(place: Place, shell: Shell) -> None:
    part = place.put(image("part"))
    place.put(index(part), "v1")
    other = place.put(index(part, place.put(image("another"))), "v2")
    refused = shell("rm", f"{place.name}:v1", f"{place.name}@{part.digest}")
    assert refused.code == 7
    assert f"is part of the index {other.digest}" in refused.err
    assert place.tags == ["v1", "v2"]


def test_indexes_in_indexes_all_named_go_in_any_order(place: Place, shell: Shell) -> None:
    parts = [place.put(image("innermost"))]
    for _ in range(4):
        parts.append(place.put(index(parts[-1])))
    for order in (parts, parts[::-1], parts[2:] + parts[:2]):
        done = shell("rm", *(f"{place.name}@{part.digest}" for part in order))
        assert done.code == 0, done
        assert place.has(*parts) == [False] * 5
        shell("undo", done.change)
        assert place.has(*parts) == [True] * 5
