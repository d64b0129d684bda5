"""A tag that somebody else pushes meanwhile: nothing they pushed is lost, and nothing they see is taken back."""

import pytest

from tests.cli.conftest import Shell
from tests.portable.peers import Peer, push_image
from tests.portable.reading import kept_in, read_tags
from tests.portable.relay import Relay, Request
from tools.content import Content, make_content

CONFLICT = 7


@pytest.fixture
def pushed_again(stock: Peer, person: Shell, request: pytest.FixtureRequest) -> tuple[str, Content, Content]:
    """A repository whose v1 was deleted, collected, and then pushed anew."""
    repository = f"moved/{request.node.originalname.removeprefix('test_')[:40].replace('_', '-')}"
    old, new = make_content(f"{repository} old"), make_content(f"{repository} new")
    push_image(stock.wire, repository, old, "v1")
    assert person("rm", f"{stock.address}/{repository}:v1").code == 0
    stock.collect("--delete-untagged")
    push_image(stock.wire, repository, new, "v1")
    return repository, old, new


def test_the_present_image_is_not_replaced_unasked(
    stock: Peer, person: Shell, pushed_again: tuple[str, Content, Content]
) -> None:
    repository, old, new = pushed_again
    before = read_tags(stock.wire, repository)
    done = person("restore", f"{stock.address}/{repository}:v1")
    assert done.code == CONFLICT
    assert old.amd64.digest in done.err
    assert new.amd64.digest in done.err
    assert "--as" in done.err
    assert "--replace" in done.err
    assert read_tags(stock.wire, repository) == before
    assert stock.wire.manifest(repository, old.amd64.digest).status == 404


def test_the_old_image_comes_back_beside_it(
    stock: Peer, person: Shell, pushed_again: tuple[str, Content, Content]
) -> None:
    repository, old, new = pushed_again
    assert person("restore", f"{stock.address}/{repository}:v1", "--as", "old").code == 0
    found = read_tags(stock.wire, repository)
    assert {tag: closure.digest for tag, closure in found.items()} == {"v1": new.amd64.digest, "old": old.amd64.digest}


def test_the_present_image_is_kept_when_it_is_replaced(
    stock: Peer, person: Shell, pushed_again: tuple[str, Content, Content]
) -> None:
    repository, old, new = pushed_again
    before = read_tags(stock.wire, repository)
    done = person("restore", f"{stock.address}/{repository}:v1", "--replace")
    assert done.code == 0, done.err
    assert read_tags(stock.wire, repository)["v1"].digest == old.amd64.digest
    stock.collect("--delete-untagged")
    done = person("restore", f"{stock.address}/{repository}@{new.amd64.digest}", "--as", "new")
    assert done.code == 0, done.err
    found = read_tags(stock.wire, repository)
    assert found["new"] == before["v1"]
    assert found["v1"].bodies[old.amd64.digest] == old.amd64.body



def test_a_push_before_the_delete_is_not_taken_along(stock: Peer, person: Shell) -> None:
    """Somebody gives the tag to another image after the last look at it. Theirs stays; ours can come back."""
    repository = "moved/before-delete"
    old, new = make_content("before delete old"), make_content("before delete new")
    push_image(stock.wire, repository, old, "v1")

    def is_delete(request: Request) -> bool:
        return request.method == "DELETE" and request.path.endswith(old.amd64.digest)

    with Relay(stock.address) as relay:
        made = relay.interfere("before", is_delete, lambda: push_image(stock.wire, repository, new, "v1"))
        person("rm", f"{relay.address}/{repository}:v1")
    assert made.happened
    assert read_tags(stock.wire, repository)["v1"].digest == new.amd64.digest
    stock.collect()
    done = person("restore", f"{stock.address}/{repository}@{old.amd64.digest}", "--as", "old")
    assert done.code == 0, done.err
    found = read_tags(stock.wire, repository)
    assert (found["v1"].digest, found["old"].digest) == (new.amd64.digest, old.amd64.digest)


def test_another_tag_put_on_the_image_while_it_is_kept_stops_the_delete(stock: Peer, person: Shell) -> None:
    """Deleting by digest takes every tag: one that was not seen would go and never come back."""
    content, repository = make_content("another tag"), "moved/another-tag"
    push_image(stock.wire, repository, content, "v1")

    def is_artifact(request: Request) -> bool:
        return request.method == "PUT" and f"refloat-trash/{repository}/manifests/" in request.path

    with Relay(stock.address) as relay:
        relay.interfere("before", is_artifact, lambda: push_image(stock.wire, repository, content, "prod"))
        done = person("rm", f"{relay.address}/{repository}:v1")
    assert done.code == CONFLICT
    assert "prod" in done.err
    found = read_tags(stock.wire, repository)
    assert found.keys() == {"prod", "v1"}
    assert {closure.digest for closure in found.values()} == {content.amd64.digest}
    assert kept_in(stock.wire, repository) == []


def test_a_push_while_the_image_is_brought_back_is_not_overwritten(stock: Peer, person: Shell) -> None:
    """The tag was free when it was looked at; it is looked at again before it is put."""
    repository = "moved/before-put"
    old, new = make_content("before put old"), make_content("before put new")
    push_image(stock.wire, repository, old, "v1")
    assert person("rm", f"{stock.address}/{repository}:v1").code == 0

    def is_put(request: Request) -> bool:
        return request.method == "PUT" and f"/v2/{repository}/manifests/" in request.path

    with Relay(stock.address) as relay:
        made = relay.interfere("before", is_put, lambda: push_image(stock.wire, repository, new, "v1"))
        done = person("restore", f"{relay.address}/{repository}:v1")
    assert made.happened
    assert done.code == CONFLICT
    assert new.amd64.digest in done.err
    assert read_tags(stock.wire, repository)["v1"].digest == new.amd64.digest


def test_the_same_image_pushed_again_at_once_is_not_said_to_be_gone(stock: Peer, person: Shell) -> None:
    """Its delete was answered, and it is there: whoever reads the answer has to know."""
    content, repository = make_content("same again"), "moved/same-again"
    push_image(stock.wire, repository, content, "v1")

    def is_delete(request: Request) -> bool:
        return request.method == "DELETE" and request.path.endswith(content.amd64.digest)

    with Relay(stock.address) as relay:
        relay.interfere("after", is_delete, lambda: push_image(stock.wire, repository, content, "v1"))
        done = person("rm", f"{relay.address}/{repository}:v1")
    assert done.code == CONFLICT
    assert f"{repository}:v1 is still there" in done.err
    assert read_tags(stock.wire, repository)["v1"].digest == content.amd64.digest


def test_what_somebody_deletes_at_once_is_not_said_to_be_back(stock: Peer, person: Shell) -> None:
    content, repository = make_content("gone again"), "moved/gone-again"
    push_image(stock.wire, repository, content, "v1")
    named = f"{stock.address}/{repository}:v1"
    assert person("rm", named).code == 0

    def is_tag(request: Request) -> bool:
        return request.method == "PUT" and request.path == f"/v2/{repository}/manifests/v1"

    with Relay(stock.address) as relay:
        relay.interfere("after", is_tag, lambda: stock.wire.delete(repository, content.amd64.digest))
        done = person("restore", f"{relay.address}/{repository}:v1")
    assert done.code != 0
    assert "not whole" in done.err
    assert person("restore", named).code == 0
    assert read_tags(stock.wire, repository)["v1"].digest == content.amd64.digest
