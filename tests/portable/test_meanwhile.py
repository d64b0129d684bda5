"""Somebody pushes, or brings back, between two requests of a verb: it stops, and what they have stays whole."""

import pytest

from refloat.portable import ending
from refloat.portable.refusals import MovedSince
from tests.cli.conftest import Shell
from tests.clients.closure import read_closure
from tests.portable.peers import Peer, push_image, push_index
from tests.portable.relay import Relay, Request
from tests.portable.room import Room, sharing
from tools.content import make_content

CONFLICT = 7


def test_an_index_over_the_same_images_stops_a_delete(stock: Peer) -> None:
    """It was pushed after the first look: deleting what it names would break it."""
    content, repository = make_content("same images"), "meanwhile/indexed"
    push_index(stock.wire, repository, content, "v1")
    before = read_closure(stock.wire, repository, "v1")
    with Relay(stock.address) as relay:
        made = relay.interfere(
            "after", lambda request: request.method == "PUT" and "/manifests/begun-" in request.path,
            lambda: stock.wire.push_manifest(repository, "v2", sharing(content)),
        )  # fmt: skip
        with pytest.raises(MovedSince) as refused:
            Room(relay.address, repository).remove("v1")
    assert made.happened
    assert f"{repository}:v2" in refused.value.message
    assert read_closure(stock.wire, repository, "v1") == before
    read_closure(stock.wire, repository, "v2")
    assert Room(stock.address, repository).entries == []


@pytest.mark.parametrize("registry", ["stock", "newer"])
def test_an_image_that_is_brought_back_during_its_delete_is_whole(
    registry: str, request: pytest.FixtureRequest
) -> None:
    peer: Peer = request.getfixturevalue(registry)
    content, repository = make_content("both at once"), "meanwhile/restored"
    push_index(peer.wire, repository, content, "v1")
    before = read_closure(peer.wire, repository, "v1")

    def is_delete(each: Request) -> bool:
        return each.method == "DELETE" and each.path.endswith(content.index.digest)

    with Relay(peer.address) as relay:
        made = relay.interfere("after", is_delete, lambda: Room(peer.address, repository).restore("v1"))
        with pytest.raises(MovedSince):
            Room(relay.address, repository).remove("v1")
    assert made.happened
    assert read_closure(peer.wire, repository, "v1") == before


def test_a_tag_that_is_pushed_during_a_restore_keeps_what_it_got(stock: Peer) -> None:
    old, new, repository = make_content("tag old"), make_content("tag new"), "meanwhile/tagged"
    push_index(stock.wire, repository, old, "v1")
    Room(stock.address, repository).remove("v1")

    def is_put(each: Request) -> bool:
        return each.method == "PUT" and each.path.endswith(old.index.digest)

    with Relay(stock.address) as relay:
        made = relay.interfere("before", is_put, lambda: push_image(stock.wire, repository, new, "v1"))
        with pytest.raises(MovedSince) as refused:
            Room(relay.address, repository).restore("v1")
    assert made.happened
    assert any(new.amd64.digest in fact for fact in refused.value.facts)
    assert read_closure(stock.wire, repository, "v1").digest == new.amd64.digest
    assert Room(stock.address, repository).entries == [(old.index.digest, "deleted")]


def test_purging_a_tag_that_is_gone_ends_what_was_on_it_last(stock: Peer) -> None:
    """What was on it before may still be brought back."""
    repository = "meanwhile/purged"
    room, contents = Room(stock.address, repository), [make_content(f"purged {number}") for number in range(3)]
    for content in contents:
        push_image(stock.wire, repository, content, "latest")
        room.remove("latest")
    room.purge("latest")
    assert room.entries == [(content.amd64.digest, "deleted") for content in contents[:2]]
    room.restore("latest")
    assert read_closure(stock.wire, repository, "latest").digest == contents[1].amd64.digest


def test_what_ends_is_what_was_shown(stock: Peer) -> None:
    content, repository = make_content("shown"), "meanwhile/shown"
    push_image(stock.wire, repository, content, "v1")
    room = Room(stock.address, repository)
    shown = room.ending("v1")
    ending.refuse_changed(shown, room.ending("v1"))
    push_image(stock.wire, repository, content, "prod")
    with pytest.raises(MovedSince):
        ending.refuse_changed(shown, room.ending(content.amd64.digest))


def test_a_purge_looks_again_after_it_was_confirmed(stock: Peer, person: Shell) -> None:
    """Another image was pushed under the tag while the question stood there."""
    old, new, repository = make_content("confirmed old"), make_content("confirmed new"), "meanwhile/confirmed"
    push_image(stock.wire, repository, old, "v1")
    looks: list[Request] = []

    def is_second_look(each: Request) -> bool:
        looks.extend([each] if each.path.startswith(f"/v2/{repository}/tags/list") else [])
        return len(looks) == 2

    with Relay(stock.address) as relay:
        made = relay.interfere("before", is_second_look, lambda: push_image(stock.wire, repository, new, "v1"))
        named = f"{relay.address}/{repository}:v1"
        done = person.on_terminal("purge", named, text="y\n")
    assert made.happened
    assert "cannot be undone" in done.out
    assert done.code == CONFLICT, done.out
    assert read_closure(stock.wire, repository, "v1").digest == new.amd64.digest
    assert stock.wire.manifest(repository, old.amd64.digest).status == 200
