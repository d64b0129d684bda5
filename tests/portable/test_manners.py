"""Registries with manners of their own: what they answer is not believed, and what they refuse loses nothing."""

from collections.abc import Callable
from pathlib import Path

import pytest

from refloat.client.errors import ClientError, Refused
from refloat.portable.refusals import NotWhole, OtherTags, Refusal
from tests.clients.closure import read_closure
from tests.portable.peers import Peer, push_image, push_index
from tests.portable.relay import Relay, Request
from tests.portable.room import Room
from tools.content import make_content
from tools.serving import Served
from tools.wire import ACCEPT, Wire

Manners = Callable[[Request], int | str]


@pytest.mark.parametrize("status", [404, 500])
def test_what_was_written_down_is_read_before_anything_goes(stock: Peer, status: int) -> None:
    """A registry that took the artifact and does not give it back: nothing would bring the image back."""
    content, repository = make_content("unread"), f"manners/unread-{status}"
    push_index(stock.wire, repository, content, "v1")
    before = read_closure(stock.wire, repository, "v1")

    def manners(request: Request) -> int | str:
        read = request.method in ("GET", "HEAD") and "/manifests/begun-" in request.path
        return status if read else request.path

    with Relay(stock.address, manners=manners) as relay:
        with pytest.raises((Refusal, ClientError)):
            Room(relay.address, repository).remove("v1")
        deleted = [each for each in relay.requests if each.method == "DELETE" and content.index.digest in each.path]
    assert not deleted
    assert read_closure(stock.wire, repository, "v1") == before


def test_an_index_that_could_not_be_put_again_is_not_deleted(stock: Peer) -> None:
    content, repository = make_content("hollow"), "manners/hollow"
    push_index(stock.wire, repository, content, "v1")
    lost = content.manifests[1].digest
    stock.wire.delete(repository, lost).expect(202)
    with pytest.raises(NotWhole) as refused:
        Room(stock.address, repository).remove("v1")
    assert any(lost in fact for fact in refused.value.facts)
    assert stock.wire.manifest(repository, "v1").status == 200
    assert read_closure(stock.wire, repository, content.amd64.digest).digest == content.amd64.digest
    assert Room(stock.address, repository).entries == []


def test_a_registry_that_takes_sparse_indexes_gives_them_and_takes_them_back(registry: Served) -> None:
    """A refloat is one; spoken to as any other registry it needs none of this, and is as safe."""
    content, repository, wire = make_content("sparse"), "manners/sparse", Wire(registry.address)
    push_image(wire, repository, content)
    wire.push_manifest(repository, content.amd64.digest, content.amd64)
    wire.push_manifest(repository, "v1", content.index)
    room = Room(registry.address, repository)
    facts = room.remove("v1")
    assert facts.absent == (content.manifests[1].digest,)
    assert wire.manifest(repository, "v1").status == 404
    room.restore("v1")
    assert wire.manifest(repository, "v1").body == content.index.body
    assert read_closure(wire, repository, content.amd64.digest).digest == content.amd64.digest


def taking_all(upstream: str) -> Manners:
    """Return the manners of a registry to which a tag is a name of its image: deleting one deletes the image."""

    def manners(request: Request) -> int | str:
        place, _, reference = request.path.rpartition("/")
        if request.method != "DELETE" or ":" in reference:
            return request.path
        there = Wire(upstream).ask("HEAD", request.path, Accept=ACCEPT)
        return f"{place}/{there.headers['docker-content-digest']}" if there.status == 200 else 404

    return manners


def test_a_tag_that_would_take_the_image_with_it_is_not_deleted(stock: Peer) -> None:
    """It is tried on a tag of our own first."""
    content, repository = make_content("whole image"), "manners/takes-all"
    push_index(stock.wire, repository, content, "v1", "latest")
    before = read_closure(stock.wire, repository, "v1")
    with Relay(stock.address, manners=taking_all(stock.address)) as relay, pytest.raises(OtherTags) as refused:
        Room(relay.address, repository).remove("v1")
    assert "latest" in refused.value.message
    assert read_closure(stock.wire, repository, "v1") == read_closure(stock.wire, repository, "latest") == before
    assert Room(stock.address, repository).entries == []


def test_where_it_cannot_be_tried_first_every_tag_comes_back(stock: Peer, tmp_path: Path) -> None:
    """Kept in a directory there is nothing of ours in the registry."""
    content, repository = make_content("whole image saved"), "manners/takes-all-saved"
    push_index(stock.wire, repository, content, "v1", "latest")
    before = read_closure(stock.wire, repository, "v1")
    with Relay(stock.address, manners=taking_all(stock.address)) as relay:
        room = Room(relay.address, repository, tmp_path / "saved")
        with pytest.raises(OtherTags) as refused:
            room.remove("v1")
        assert any("latest" in fact for fact in refused.value.facts)
        assert stock.wire.manifest(repository, "latest").status == 404
        room.restore("v1")
    assert read_closure(stock.wire, repository, "v1") == read_closure(stock.wire, repository, "latest") == before


def test_a_part_that_the_registry_does_not_give_away_stays(stock: Peer) -> None:
    """Some registries do not delete what an index names, or named a moment ago. It is kept all the same."""
    content, repository = make_content("part stays"), "manners/part"
    push_index(stock.wire, repository, content, "v1")
    parts = tuple(part.digest for part in content.manifests)

    def manners(request: Request) -> int | str:
        return 409 if request.method == "DELETE" and request.path.endswith(parts) else request.path

    with Relay(stock.address, manners=manners) as relay:
        room = Room(relay.address, repository)
        room.remove("v1")
        assert room.entries == [(content.index.digest, "deleted")]
        assert stock.wire.manifest(repository, "v1").status == 404
        room.restore("v1")
    assert read_closure(stock.wire, repository, "v1").digest == content.index.digest


def keeping_tagged(peer: Peer, repository: str, digest: str, *tags: str) -> Manners:
    """Return the manners of a registry that deletes an image only when none of its tags is on it."""

    def manners(request: Request) -> int | str:
        if request.method != "DELETE" or not request.path.endswith(f"{repository}/manifests/{digest}"):
            return request.path
        there = [peer.wire.manifest(repository, tag) for tag in tags]
        tied = any(each.status == 200 and each.headers["docker-content-digest"] == digest for each in there)
        return 409 if tied else request.path

    return manners


def test_where_only_what_has_no_tag_is_deleted_tags_go_first(newer: Peer) -> None:
    content, repository = make_content("tags first"), "manners/tags-first"
    push_index(newer.wire, repository, content, "v1", "latest")
    before = read_closure(newer.wire, repository, "v1")
    odd = keeping_tagged(newer, repository, content.index.digest, "v1", "latest")
    with Relay(newer.address, manners=odd) as relay:
        room = Room(relay.address, repository)
        room.remove(content.index.digest)
        assert room.entries == [(content.index.digest, "deleted")]
        assert newer.wire.manifest(repository, content.index.digest).status == 404
        room.restore("latest")
    assert read_closure(newer.wire, repository, "v1") == read_closure(newer.wire, repository, "latest") == before


def test_tags_that_go_first_do_not_include_one_that_was_moved(newer: Peer) -> None:
    """Somebody gave it to another image after the last look: that image is kept nowhere."""
    old, new, repository = make_content("moved old"), make_content("moved new"), "manners/tags-moved"
    push_index(newer.wire, repository, old, "v1", "latest")
    odd = keeping_tagged(newer, repository, old.index.digest, "v1", "latest")
    with Relay(newer.address, manners=odd) as relay:
        made = relay.interfere(
            "before", lambda each: each.method == "DELETE" and each.path.endswith(old.index.digest),
            lambda: push_image(newer.wire, repository, new, "v1"),
        )  # fmt: skip
        room = Room(relay.address, repository)
        room.remove(old.index.digest)
    assert made.happened
    assert room.entries == [(old.index.digest, "deleted")]
    assert read_closure(newer.wire, repository, "v1").digest == new.amd64.digest
    assert newer.wire.manifest(repository, "latest").status == 404


def test_who_may_not_delete_an_image_does_not_lose_its_tags(newer: Peer) -> None:
    """A refusal of rights is no question of order."""
    content, repository = make_content("no right"), "manners/no-right"
    push_index(newer.wire, repository, content, "v1", "latest")

    def manners(request: Request) -> int | str:
        denied = request.method == "DELETE" and request.path.endswith(content.index.digest)
        return 403 if denied else request.path

    with Relay(newer.address, manners=manners) as relay, pytest.raises(Refused):
        Room(relay.address, repository).remove(content.index.digest)
    for tag in ("v1", "latest"):
        assert read_closure(newer.wire, repository, tag).digest == content.index.digest
