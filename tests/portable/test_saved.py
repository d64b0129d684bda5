"""--save: what is deleted is kept in a directory, as an OCI image layout that other tools read too."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Shell
from tests.clients.drivers import Skopeo, from_layout
from tests.portable.peers import Peer, push_index
from tests.portable.reading import kept_in, read_tags, tags_of
from tests.portable.relay import Relay
from tests.programs import run
from tools.content import Content, make_content

NAMED = "org.opencontainers.image.ref.name"


@pytest.fixture
def saved(stock: Peer, person: Shell, tmp_path: Path, request: pytest.FixtureRequest) -> tuple[str, Content, Path]:
    """An index that was deleted into a directory, and collected since."""
    repository = f"saved/{request.node.name.removeprefix('test_')[:40].replace('_', '-')}"
    content, place = make_content(repository), tmp_path / "saved"
    push_index(stock.wire, repository, content, "v1")
    done = person("rm", f"{stock.address}/{repository}:v1", "--save", str(place))
    assert done.code == 0, done.err
    assert (tags_of(stock.wire, repository), kept_in(stock.wire, repository)) == ([], [])
    stock.collect("--delete-untagged")
    assert content.own_blobs[0].digest not in stock.files()
    return repository, content, place


def test_other_tools_read_it(saved: tuple[str, Content, Path], skopeo: Skopeo, tmp_path: Path) -> None:
    _, content, place = saved
    entries = json.loads((place / "index.json").read_text())["manifests"]
    name = next(entry["annotations"][NAMED] for entry in entries if entry["digest"] == content.index.digest)
    copy = tmp_path / "copy"
    run(skopeo.program, "--insecure-policy", "copy", "--quiet", "--all", f"oci:{place}:{name}", f"oci:{copy}:v1")
    copied = from_layout(copy).bodies
    for part in (*content.manifests, content.index):
        assert copied[part.digest] == part.body
    assert copied.items() <= {part.digest: part.body for part in content.everything}.items()


def test_it_comes_back_from_there(stock: Peer, person: Shell, saved: tuple[str, Content, Path], skopeo: Skopeo) -> None:
    """Though the registry has none of its bytes any more."""
    repository, content, place = saved
    named = f"{stock.address}/{repository}:v1"
    done = person("restore", named, "--save", str(place))
    assert done.code == 0, done.err
    found = read_tags(stock.wire, repository)["v1"]
    assert found.digest == content.index.digest
    assert found.bodies.items() <= {part.digest: part.body for part in content.everything}.items()
    assert content.index.digest in skopeo.pull("index", named).bodies


def test_it_comes_back_into_an_empty_registry(stock: Peer, person: Shell, tmp_path: Path) -> None:
    """At the same address: its disk was lost, or it was set up anew."""
    repository, place = "saved/empty", tmp_path / "saved"
    push_index(stock.wire, repository, make_content(repository), "v1")
    before = read_tags(stock.wire, repository)
    with Relay(stock.address) as relay, Peer("docker-registry", tmp_path / "empty") as empty:
        named = f"{relay.address}/{repository}:v1"
        assert person("rm", named, "--save", str(place)).code == 0
        relay.upstream = empty.address
        done = person("restore", named, "--save", str(place))
        assert done.code == 0, done.err
        assert read_tags(empty.wire, repository) == before


def test_a_damaged_file_is_not_brought_back(stock: Peer, person: Shell, saved: tuple[str, Content, Path]) -> None:
    repository, content, place = saved
    path = place / "blobs/sha256" / content.own_blobs[0].digest.removeprefix("sha256:")
    path.write_bytes(bytes(byte ^ 1 for byte in path.read_bytes()))
    done = person("restore", f"{stock.address}/{repository}:v1", "--save", str(place))
    assert done.code == 8
    assert f"{content.own_blobs[0].digest} is damaged" in done.err
    assert tags_of(stock.wire, repository) == []
