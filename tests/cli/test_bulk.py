"""Four thousand tags of fifty repositories, deleted by one command: what a person is told, and what comes back."""

import http.client
import json
import re
from pathlib import Path

import pytest

from tests.cli.conftest import Shell
from tools.content import CONFIG, LAYER, MANIFEST, Part
from tools.serving import Served
from tools.wire import Wire

REPOSITORIES, TAGS = 50, 80
API = "/v2/_refloat/v1"
BLOBS = (Part(CONFIG, b'{"architecture":"amd64","os":"linux"}'), Part(LAYER, b"a layer"))


def image(number: int) -> Part:
    config, layer = BLOBS
    document = {
        "schemaVersion": 2, "mediaType": MANIFEST, "config": config.descriptor(), "layers": [layer.descriptor()],
        "annotations": {"number": f"{number}"},
    }  # fmt: skip
    return Part(MANIFEST, json.dumps(document).encode())


def fill(wire: Wire, names: list[str]) -> None:
    """Push images to every tag, over one connection."""
    connection = http.client.HTTPConnection(wire.address, timeout=60)
    for place, name in enumerate(names):
        for part in BLOBS:
            wire.push_blob(name, part)
        for tag in range(TAGS):
            part = image(place * TAGS + tag)
            path = f"/v2/{name}/manifests/v{tag}"
            connection.request("PUT", path, part.body, {"Content-Type": part.media_type})
            reply = connection.getresponse()
            reply.read()
            assert reply.status == 201
    connection.close()


def listing(wire: Wire, names: list[str]) -> dict[str, str]:
    """Return the digest of every tag."""
    found: dict[str, str] = {}
    for name in names:
        last = ""
        while True:
            page = wire.ask("GET", f"{API}/repositories/{name}/images?last={last}").document()
            images = page["images"]
            assert isinstance(images, list)
            found |= {f"{name}:{image['tag']}": image["digest"] for image in images}
            if page["next"] is None:
                break
            last = str(page["next"])
    return found


@pytest.fixture(scope="module")
def names() -> list[str]:
    return [f"bulk/r{number:02}" for number in range(REPOSITORIES)]


@pytest.fixture
def filled(own: tuple[Served, Shell], names: list[str]) -> tuple[Wire, Shell, Path]:
    served, shell = own
    fill(served.wire, names)
    return served.wire, shell, served.root


def test_four_thousand_tags_go_by_one_command_and_all_that_can_comes_back(
    filled: tuple[Wire, Shell, Path], names: list[str]
) -> None:
    wire, shell, root = filled
    before = listing(wire, names)
    assert len(before) == REPOSITORIES * TAGS
    gone = shell("rm", "bulk/*/", "--reason", "spring cleaning")
    assert gone.code == 0, gone
    assert "Moved to trash: bulk/r00 with 80 tags and 80 manifests" in gone.out
    assert wire.ask("GET", "/v2/_catalog").document()["repositories"] == []
    assert re.search(r"  8,000 references, bulk/r00:v0 among them", shell.on_terminal("trash").out)
    everything = shell("trash", "show", gone.change)
    assert len(everything.out.splitlines()) == 8000

    wire.push_blob("bulk/r07", BLOBS[0])
    wire.push_blob("bulk/r07", BLOBS[1])
    wire.push_manifest("bulk/r07", "v3", image(-1))
    purged = shell("purge", "bulk/r11:v5", "--yes", "--root", str(root))
    assert purged.code == 0, purged
    refused = shell("undo", gone.change)
    assert refused.code == 7
    assert "error: bulk/r07:v3 has moved since" in refused.err
    assert "2 references are gone for good" in refused.err  # the tag, and its image
    assert "nothing was changed; 7,997 other references could move" in refused.err
    assert list(listing(wire, names)) == ["bulk/r07:v3"]

    done = shell("undo", gone.change, "--skip")
    assert done.code == 0, done
    assert "Restored: bulk/r07 with 79 tags and 80 manifests" in done.out
    assert "Restored: bulk/r11 with 79 tags and 79 manifests" in done.out
    assert re.findall(r"^  (\S+) stays as it is", done.out, re.MULTILINE) == ["bulk/r07:v3", "bulk/r11:v5"]
    after = listing(wire, names)
    expected = {**before, "bulk/r07:v3": image(-1).digest}
    del expected["bulk/r11:v5"]
    assert after == expected
    assert len(after.items() & before.items()) == 3998


def test_what_matches_an_age_or_has_no_tag_is_taken_without_being_named(own: tuple[Served, Shell]) -> None:
    served, shell = own
    wire = served.wire
    for part in BLOBS:
        wire.push_blob("team/api", part)
    wire.push_manifest("team/api", "v1", image(1))
    wire.push_manifest("team/api", "pr-1", image(2))
    wire.push_manifest("team/api", image(3).digest, image(3))
    assert shell("rm", "team/*:pr-*", "--older-than", "1h").out.startswith("Nothing to do")
    assert "Moved to trash: team/api@" in shell("rm", "--untagged", "team/**").out
    assert "Moved to trash: team/api:pr-1" in shell("rm", "team/*:pr-*", "--older-than", "0s").out
    assert listing(wire, ["team/api"]) == {"team/api:v1": image(1).digest}
    for words, code in (
        (["rm", "team/api:v1", "--older-than", "1h"], 2),
        (["rm", "team/*:x", "--older-than", "soon"], 2),
        (["rm", "team/", "--older-than", "1h"], 2),
        (["rm", "--untagged", "--tag-only", "team"], 2),
        (["rm", "none/"], 6),
        (["rm", "none/*/"], 6),
        (["rm", "--untagged", "none"], 6),
        (["rm", "team/api"], 2),
        (["rm", "/"], 2),
    ):
        done = shell(*words)
        assert (done.code, done.out) == (code, ""), (words, done)
        assert "error: " in done.err


def test_of_many_images_only_what_comes_beside_them_is_counted(shell: Shell, registry: Served) -> None:
    for part in BLOBS:
        registry.wire.push_blob("bulk/few", part)
    for number in range(12):
        registry.wire.push_manifest("bulk/few", f"pr-{number}", image(number))
    lines = shell("rm", "-n", "bulk/few:pr-*").out.splitlines()
    assert lines[0].startswith("Would move to trash: bulk/few with 12 images (pr-0, pr-1, pr-10, pr-11, pr-2, ")
    assert not [line for line in lines if "manifest" in line]
