"""`refloat salvage` on what a real registry:2 left: everything that can come back is found, and nothing is written."""

import json
from pathlib import Path

import pytest

from tests.clients.drivers import Skopeo, from_layout
from tests.programs import needed, run
from tests.salvage.conftest import Stock
from tests.salvage.speaking import found, loses_parts, salvage, short, whole
from tests.serve.program import refloat
from tools.bench.servers import Server
from tools.content import CONFIG, LAYER, Content, image_parts, index_parts
from tools.wire import Wire


def test_everything_that_can_come_back_is_found(each: Stock) -> None:
    stock = each
    images = found(stock, "--deep")
    said = {
        digest: (image["from"], image["repository"], image["state"], image["tags"])
        for digest, image in images.items()
        if image["is_whole"]
    }
    assert said == whole(stock)


def test_what_is_known_of_an_image_is_told(stock: Stock) -> None:
    content = stock.contents["deleted"]
    image = found(stock)[content.index.digest]
    assert image["platforms"] == ["linux/amd64", "linux/arm64"]
    assert image["bytes"] == sum(len(part.body) for part in index_parts(content))
    assert image["media_type"] == content.index.media_type
    assert image["pushed"] <= image["deleted"]
    one = found(stock)[stock.contents["first"].amd64.digest]
    assert (one["platforms"], one["created"], one["deleted"]) == (["linux/amd64"], "2026-01-01T00:00:00Z", None)


def test_what_is_not_whole_is_named_with_what_is_missing(each: Stock) -> None:
    stock = each
    images = found(stock, "--deep")
    broken, damaged, children = (stock.contents[name] for name in ("broken", "damaged", "uncollected"))
    expected = {
        broken.amd64.digest: [(broken.own_blobs[0].digest, "layer", "missing")],
        damaged.amd64.digest: [(damaged.own_blobs[0].digest, "layer", "damaged")],
    }
    if loses_parts(stock):
        expected[children.index.digest] = [
            (part.digest, "config" if part.media_type == CONFIG else "layer", "missing")
            for part in children.own_blobs
            if part.media_type in (CONFIG, LAYER)
        ]
    said = {
        digest: [(part["digest"], part["kind"], part["trouble"]) for part in image["missing"]]
        for digest, image in images.items()
        if not image["is_whole"]
    }
    assert {digest: sorted(parts) for digest, parts in said.items()} == {
        digest: sorted(parts) for digest, parts in expected.items()
    }


def test_only_reading_all_bytes_finds_flipped_ones(stock: Stock) -> None:
    assert found(stock)[stock.contents["damaged"].amd64.digest]["is_whole"]


def test_what_was_collected_is_named_as_gone(stock: Stock) -> None:
    gone = json.loads(salvage(stock, "--json").stdout)["gone"]
    assert stock.contents["collected"].index.digest in {each["digest"] for each in gone}
    assert {each["trouble"] for each in gone} == {"missing"}


def test_what_is_there_is_not_listed(stock: Stock) -> None:
    kept = {part.digest for part in stock.contents["kept"].everything}
    assert not kept & set(found(stock))
    assert stock.contents["second"].amd64.digest not in found(stock)


def saved(stock: Stock, place: Path, *words: str) -> dict[str, str]:
    """Save images as an OCI layout. Returns their names there by digest."""
    salvage(stock, *words, "--oci", place)
    entries = json.loads((place / "index.json").read_text())["manifests"]
    return {entry["digest"]: entry["annotations"]["org.opencontainers.image.ref.name"] for entry in entries}


def test_what_is_saved_pulls_byte_identical(stock: Stock, tmp_path: Path) -> None:
    """Every saved image goes into the running registry by a client's hand, and comes back as it was pushed."""
    place = tmp_path / "saved"
    names = saved(stock, place, *(digest for digest in whole(stock)))
    assert set(names) == set(whole(stock))
    skopeo = Skopeo(needed("skopeo"), tmp_path)
    copy = (skopeo.program, "--insecure-policy", "copy", "--quiet", "--all", "--preserve-digests")
    with Server(stock.kind, stock.root) as server:
        for name in names.values():
            run(*copy, "--dest-tls-verify=false", f"oci:{place}:{name}", f"docker://{server.address}/{name}")
        for digest, name in names.items():
            assert skopeo.pull("index", f"{server.address}/{name}").bodies == stock.parts(digest)


def test_a_saved_layout_has_every_byte_and_nothing_else(stock: Stock, tmp_path: Path) -> None:
    content = stock.contents["inferred"]
    name = saved(stock, tmp_path / "saved", "team/inferred")[content.amd64.digest]
    assert name == f"team/inferred:salvaged-{short(content.amd64.digest)}"
    assert from_layout(tmp_path / "saved").bodies == {part.digest: part.body for part in image_parts(content)}
    assert sorted(path.name for path in (tmp_path / "saved").iterdir()) == ["blobs", "index.json", "oci-layout"]


@pytest.mark.parametrize("named", ["repository", "tag", "digest", "short"])
def test_images_are_chosen_as_they_are_listed(stock: Stock, named: str) -> None:
    digest = stock.contents["first"].amd64.digest
    words = {"repository": "team/api", "tag": "team/api:v1", "digest": digest, "short": digest[7:19]}
    assert list(found(stock, words[named])) == [digest]


def test_what_is_not_whole_is_not_saved(stock: Stock, tmp_path: Path) -> None:
    salvage(stock, "team/broken", "--oci", tmp_path / "saved", code=3)
    assert not (tmp_path / "saved").exists()


def test_flipped_bytes_are_not_saved(stock: Stock, tmp_path: Path) -> None:
    salvage(stock, "team/damaged", "--oci", tmp_path / "saved", code=3)
    assert not (tmp_path / "saved").exists()


def test_what_does_not_exist_is_said(stock: Stock) -> None:
    assert "nothing that was deleted is team/nobody" in salvage(stock, "team/nobody", code=6).stderr


def test_nothing_is_saved_into_the_registry_or_over_something(stock: Stock, tmp_path: Path) -> None:
    inside = salvage(stock, "--oci", stock.root / "saved", code=1)
    assert "is in the registry's directory; nothing is written there" in inside.stderr
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").touch()
    assert "is there and not empty" in salvage(stock, "--oci", tmp_path / "full", code=1).stderr


def test_a_directory_of_something_else_is_refused(stock: Stock, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    done = refloat("salvage", str(tmp_path / "other"), home=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"error: {tmp_path}/other/docker/registry/v2 is not there\n  hint: DIR is what")


def test_a_registry_without_blobs_is_asked_about(tmp_path: Path) -> None:
    """The volume may not be mounted: there is nothing to warn of, and no list to trust."""
    (tmp_path / "docker" / "registry" / "v2" / "repositories").mkdir(parents=True)
    done = refloat("salvage", str(tmp_path), home=tmp_path)
    assert (done.returncode, done.stdout) == (0, "")
    assert f"No blob is in {tmp_path}: is it where the registry keeps its images?" in done.stderr


def test_lines_have_a_field_for_everything(stock: Stock) -> None:
    lines = [line.split("\t") for line in salvage(stock).stdout.splitlines()]
    assert {len(line) for line in lines} == {10}
    assert {line[2] for line in lines} >= set(found(stock))


def test_a_signature_of_what_is_there_is_not_lost(stock: Stock) -> None:
    """It has no tag, and is not lost: its subject has one."""
    content: Content = stock.contents["kept"]
    with Server(stock.kind, stock.root) as server:
        Wire(server.address).push("team/kept", "v1", content)
    assert content.signature.digest not in found(stock)
