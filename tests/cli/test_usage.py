"""What a delete will free, and where the space goes, as people are told it."""

import json
import re

from tests.cli.conftest import Shell
from tools.content import Content
from tools.serving import Served

Pair = tuple[Content, Content]


def below(content: Content) -> dict[str, int]:
    """Return the blobs of an image for all platforms, without its signature's, and their sizes."""
    documents = [json.loads(part.body) for part in content.manifests]
    return {part["digest"]: part["size"] for each in documents for part in (each["config"], *each["layers"])}


def test_a_delete_says_what_it_frees_and_what_stays(own: tuple[Served, Shell], contents: Pair) -> None:
    served, shell = own
    for tag, content in zip(("v1", "v2"), contents, strict=True):
        served.wire.push("team/api", tag, content)
    shared = {part.digest: len(part.body) for part in contents[0].blobs}
    own_bytes = sum(len(part.body) for part in contents[0].own_blobs)
    plan = json.loads(shell("rm", "-n", "--json", "team/api:v1").out)["forecast"]
    gone = json.loads(shell("rm", "--json", "team/api:v1").out)
    assert {**gone["forecast"], "from": 0, "by": 0} == {**plan, "from": 0, "by": 0}
    assert (gone["forecast"]["frees"], gone["forecast"]["later"]) == (own_bytes, 0)
    assert gone["forecast"]["stays"] == sum(shared.values()) - own_bytes
    (entry,) = json.loads(shell("trash", "--json").out)["changes"]
    assert entry["forecast"] == gone["forecast"]
    told = shell("rm", "team/api:v2").out
    assert re.search(r"^  frees \d+ KiB by \d{4}-\d\d-\d\d$", told, re.MULTILINE)
    shown = shell.on_terminal("trash", "show", gone["change"]).out
    assert re.search(r"space +frees \d+ KiB by \S+ · \d+ KiB goes with what holds it longer", shown)


def test_the_classes_are_every_byte_there_is(own: tuple[Served, Shell], contents: Pair) -> None:
    served, shell = own
    wire = served.wire
    wire.push("team/api", "v1", contents[0])
    wire.push("team/web", "v1", contents[1])
    shell("rm", "team/web/")
    wire.ask("POST", "/v2/team/api/blobs/uploads/").expect(202)
    classes = dict(line.split("\t") for line in shell("du").out.splitlines())
    assert list(classes) == ["tagged", "untagged", "trash", "leased", "uploads", "doomed", "quarantine", "unknown"]
    assert json.loads(shell("du", "--json").out)["total"] == sum(map(int, classes.values()))
    stored = [path for name in ("objects/*/*", "incoming/*") for path in (served.root / "refloat").glob(name)]
    assert sum(map(int, classes.values())) == sum(path.stat().st_size for path in stored)
    assert int(classes["tagged"]) == sum(len(part.body) for part in contents[0].blobs)
    assert int(classes["trash"]) == sum(len(part.body) for part in contents[1].own_blobs)


def test_what_takes_most(own: tuple[Served, Shell], contents: Pair) -> None:
    served, shell = own
    for name, content in (("team/api", contents[0]), ("team/web", contents[1])):
        served.wire.push(name, "v1", content)
    served.wire.push("team/web", "v2", contents[0])
    one = sum(len(part.body) for part in contents[0].blobs)
    first, second = map(below, contents)
    repositories = [line.split("\t") for line in shell("du", "--by", "repo").out.splitlines()]
    assert [row[0] for row in repositories] == ["team/web", "team/api"]
    assert repositories[1][1:] == [f"{one}", "0", "0"]
    tags = {row[0]: row[1:] for row in (line.split("\t") for line in shell("du", "team/web").out.splitlines())}
    alone = sum(size for digest, size in second.items() if digest not in first)
    assert tags["v1"] == [f"{sum(second.values())}", f"{alone}"]
    assert tags["v2"] == [f"{sum(first.values())}", "0"]
    (layer,) = shell("du", "team/api", "--by", "layer", "--top", "1").out.splitlines()
    largest = min(contents[0].blobs, key=lambda part: (-len(part.body), part.digest))
    assert layer.split("\t")[:2] == [largest.digest, f"{len(largest.body)}"]
    shown = shell.on_terminal("du", "--color", "never").out.splitlines()
    assert re.split(r"  +", shown[0]) == ["CLASS", "SIZE"]
    assert shown[-1].endswith(" in all")
    for words, code in ((["du", "none"], 6), (["du", "team/api:v1"], 2), (["du", "--by", "tag"], 2)):
        assert shell(*words).code == code, words
