"""Several tags on one image, and what the two versions of the stock registry make of them."""

import shutil

import pytest

from tests.cli.conftest import Shell
from tests.portable.peers import Peer, push_image, push_index
from tests.portable.reading import kept_in, read_tags, tags_of
from tools.content import make_content


@pytest.fixture
def two(stock: Peer, request: pytest.FixtureRequest) -> str:
    """A repository with one image under two tags, on the registry that deletes no tags."""
    repository = f"tags/{request.node.originalname.removeprefix('test_')[:40].replace('_', '-')}"
    push_image(stock.wire, repository, make_content(repository), "v1", "latest")
    return repository


def test_one_of_two_tags_is_refused_where_the_other_would_go_too(stock: Peer, two: str, person: Shell) -> None:
    before = read_tags(stock.wire, two)
    done = person("rm", f"{stock.address}/{two}:v1")
    assert done.code == 7
    assert "latest" in done.err
    assert f"{two}@{before['v1'].digest}" in done.err
    assert read_tags(stock.wire, two) == before
    assert kept_in(stock.wire, two) == []


@pytest.mark.parametrize("how", ["digest", "tags"])
def test_both_tags_come_back(stock: Peer, person: Shell, how: str) -> None:
    repository = f"tags/both-{how}"
    push_index(stock.wire, repository, make_content(repository), "v1", "latest")
    before = read_tags(stock.wire, repository)
    place = f"{stock.address}/{repository}"
    named = [f"{place}@{before['v1'].digest}"] if how == "digest" else [f"{place}:v1", f"{place}:latest"]
    assert person("rm", *named).code == 0
    assert tags_of(stock.wire, repository) == []
    stock.collect("--delete-untagged")
    assert person("restore", named[0]).code == 0
    assert read_tags(stock.wire, repository) == before


def test_a_tag_alone_goes_where_the_registry_can_do_that(newer: Peer, person: Shell) -> None:
    repository = "tags/alone"
    push_image(newer.wire, repository, make_content(repository), "v1", "latest")
    before = read_tags(newer.wire, repository)
    named = f"{newer.address}/{repository}:v1"
    done = person("rm", named)
    assert done.code == 0, done.err
    assert read_tags(newer.wire, repository) == {"latest": before["latest"]}
    newer.collect("--delete-untagged")
    assert person("restore", named).code == 0
    assert read_tags(newer.wire, repository) == before


def test_a_part_of_a_tagged_index_is_not_deleted(stock: Peer, person: Shell) -> None:
    """Its index would be broken. The index takes its parts along."""
    content, repository = make_content("a part"), "tags/part"
    push_index(stock.wire, repository, content, "v1")
    before = read_tags(stock.wire, repository)
    done = person("rm", f"{stock.address}/{repository}@{content.amd64.digest}")
    assert done.code == 7
    assert f"{repository}:v1" in done.err
    assert read_tags(stock.wire, repository) == before


def test_a_part_that_has_a_tag_of_its_own_stays(stock: Peer, person: Shell) -> None:
    content, repository = make_content("own tag"), "tags/own"
    push_index(stock.wire, repository, content, "v1")
    stock.wire.push_manifest(repository, "amd64", content.amd64)
    before = read_tags(stock.wire, repository)
    assert person("rm", f"{stock.address}/{repository}:v1").code == 0
    assert read_tags(stock.wire, repository) == {"amd64": before["amd64"]}
    assert person("restore", f"{stock.address}/{repository}:v1").code == 0
    assert read_tags(stock.wire, repository) == before


def test_a_dry_run_says_what_would_go_and_does_nothing(stock: Peer, two: str, person: Shell) -> None:
    before, named = read_tags(stock.wire, two), f"{stock.address}/{two}"
    done = person("rm", "-n", f"{named}@{before['v1'].digest}")
    assert done.code == 0, done.err
    assert {"latest", "v1"} <= {tag for tag in ("latest", "v1") if tag in done.out}
    assert (read_tags(stock.wire, two), kept_in(stock.wire, two)) == (before, [])
    assert person("rm", f"{named}@{before['v1'].digest}").code == 0
    done = person("restore", "-n", f"{named}:v1")
    assert done.code == 0, done.err
    assert tags_of(stock.wire, two) == []


def test_what_is_not_there_is_not_found(stock: Peer, two: str, person: Shell) -> None:
    for verb in ("rm", "restore"):
        assert person(verb, f"{stock.address}/{two}:nobody").code == 6
        assert person(verb, f"{stock.address}/tags/nobody:v1").code == 6


def test_a_repository_whose_folder_was_removed_comes_back(stock: Peer, two: str, person: Shell) -> None:
    """Nothing of it is linked any longer; the bytes are only reachable through the trash."""
    before, named = read_tags(stock.wire, two), f"{stock.address}/{two}@{read_tags(stock.wire, two)['v1'].digest}"
    assert person("rm", named).code == 0
    shutil.rmtree(stock.server.root / "docker/registry/v2/repositories" / two)
    stock.collect("--delete-untagged")
    assert person("restore", named).code == 0
    assert read_tags(stock.wire, two) == before


def test_a_delete_the_registry_itself_did_not_finish_is_finished(stock: Peer, two: str, person: Shell) -> None:
    """registry:2 unlinks the manifest, then its tags one by one; ended in between, tags are listed that answer 404."""
    before, place = read_tags(stock.wire, two), f"{stock.address}/{two}"
    assert person("rm", f"{place}@{before['v1'].digest}").code == 0
    manifests = stock.server.root / "docker/registry/v2/repositories" / two / "_manifests"
    dangling = manifests / "tags/v1/current/link"
    dangling.parent.mkdir(parents=True)
    dangling.write_text(before["v1"].digest)
    assert tags_of(stock.wire, two) == ["v1"]
    assert stock.wire.manifest(two, "v1").status == 404
    assert person("restore", f"{place}:latest").code == 0
    assert read_tags(stock.wire, two) == before
