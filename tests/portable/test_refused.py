"""What a registry does not let happen: one sentence, the exit code that says so, and nothing is left behind."""

from pathlib import Path

import pytest

from tests.cli.conftest import Done, Shell
from tests.portable.login import login
from tests.portable.peers import PASSWORD, USER, Peer, push_image
from tests.portable.reading import Authorized, kept_in, read_tags, tags_of
from tests.portable.relay import Relay
from tools.content import make_content

NOT_ALLOWED, NOT_FOUND = 4, 6


def assert_sentence(done: Done) -> None:
    """One line that says what is wrong, and no secret."""
    assert done.err.startswith("error: ")
    assert PASSWORD not in done.out + done.err


def test_a_registry_that_does_not_delete(keeping: Peer, person: Shell) -> None:
    repository = "refused/keeping"
    push_image(keeping.wire, repository, make_content(repository), "v1")
    before, files = read_tags(keeping.wire, repository), keeping.files()
    done = person("rm", f"{keeping.address}/{repository}:v1")
    assert done.code == NOT_ALLOWED
    assert_sentence(done)
    assert "405" in done.err
    assert "storage.delete.enabled" in done.err
    assert (read_tags(keeping.wire, repository), kept_in(keeping.wire, repository)) == (before, [])
    assert keeping.files() == files


def test_a_copy_that_only_passes_on_is_not_deleted_from(stock: Peer, tmp_path: Path, person: Shell) -> None:
    """A pull-through cache refuses pushes and deletes."""
    repository = "refused/cache"
    push_image(stock.wire, repository, make_content(repository), "v1")
    settings = {"REGISTRY_PROXY_REMOTEURL": f"http://{stock.address}"}
    with Peer("docker-registry", tmp_path / "cache", settings) as cache:
        before = read_tags(cache.wire, repository)
        done = person("rm", f"{cache.address}/{repository}:v1")
        assert done.code == NOT_ALLOWED
        assert_sentence(done)
        assert read_tags(cache.wire, repository) == before
    assert kept_in(stock.wire, repository) == []


def test_who_may_do_it_does_it(closed: Peer, person: Shell) -> None:
    repository, wire = "refused/allowed", Authorized(closed.address, f"{USER}:{PASSWORD}")
    push_image(wire, repository, make_content(repository), "v1")
    before, named = read_tags(wire, repository), f"{closed.address}/{repository}:v1"
    login(person, closed.address, USER, PASSWORD)
    assert person("rm", named).code == 0
    assert tags_of(wire, repository) == []
    closed.collect("--delete-untagged")
    assert person("restore", named).code == 0
    assert read_tags(wire, repository) == before


@pytest.mark.parametrize("password", ["", "wrong-secret"])
def test_who_is_not_known_is_refused(closed: Peer, person: Shell, password: str) -> None:
    repository, wire = "refused/unknown", Authorized(closed.address, f"{USER}:{PASSWORD}")
    push_image(wire, repository, make_content(repository), "v1")
    before = read_tags(wire, repository)
    if password:
        login(person, closed.address, USER, password)
    for verb in (["rm"], ["restore"], ["purge", "--yes"]):
        done = person(*verb, f"{closed.address}/{repository}:v1")
        assert done.code == NOT_ALLOWED, done.err
        assert_sentence(done)
        assert "wrong-secret" not in done.out + done.err
    assert (read_tags(wire, repository), kept_in(wire, repository)) == (before, [])


@pytest.mark.parametrize("status", [401, 403, 404])
def test_without_a_catalog_the_repository_has_to_be_named(stock: Peer, person: Shell, status: int) -> None:
    repository = f"refused/catalog-{status}"
    push_image(stock.wire, repository, make_content(repository), "v1")
    with Relay(stock.address, refused={"/v2/_catalog": status}) as relay:
        assert person("rm", f"{relay.address}/{repository}:v1").code == 0
        done = person("trash", "--host", relay.address)
        assert done.code != 0
        assert "--repo" in done.err
        done = person("trash", "--host", relay.address, "--repo", repository)
        assert done.code == 0, done.err
        assert repository in done.out
        assert person("restore", f"{relay.address}/{repository}:v1").code == 0
    assert tags_of(stock.wire, repository) == ["v1"]


def test_a_part_that_cannot_be_read_stops_a_delete(stock: Peer, person: Shell) -> None:
    """What could not be brought back is not deleted."""
    content, repository = make_content("part lost"), "refused/not-whole"
    push_image(stock.wire, repository, content, "v1")
    digits = content.own_blobs[0].digest.removeprefix("sha256:")
    (stock.server.root / "docker/registry/v2/blobs/sha256" / digits[:2] / digits / "data").unlink()
    done = person("rm", f"{stock.address}/{repository}:v1")
    assert done.code != 0
    assert content.own_blobs[0].digest in done.err
    assert stock.wire.manifest(repository, "v1").body == content.amd64.body
    assert kept_in(stock.wire, repository) == []
