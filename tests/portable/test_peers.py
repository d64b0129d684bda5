"""What the stock registries do, on their own: the reason why a saved manifest is not a way back."""

from pathlib import Path

import pytest

from tests.clients.closure import read_closure
from tests.clients.drivers import Skopeo
from tests.portable.peers import Peer, push_image, push_index
from tests.programs import ProgramError, needed
from tools.content import make_content


def test_a_restore_by_put_after_a_collection_is_a_lie(stock: Peer, tmp_path: Path) -> None:
    """GET, DELETE, collect, PUT: answered 201, listed as a tag, and no client can pull it."""
    content, repository = make_content("lie"), "peers/lie"
    push_image(stock.wire, repository, content, "v1")
    skopeo, reference = Skopeo(needed("skopeo"), tmp_path), f"{stock.address}/{repository}:v1"
    assert content.amd64.digest in skopeo.pull("image", reference).digests

    saved = stock.wire.manifest(repository, "v1").expect(200).body
    stock.wire.delete(repository, content.amd64.digest).expect(202)
    stock.collect("--delete-untagged")
    assert content.own_blobs[0].digest not in stock.files()

    assert saved == content.amd64.body
    assert stock.wire.push_manifest(repository, "v1", content.amd64).status == 201
    with pytest.raises(ProgramError):
        skopeo.pull("image", reference)


def test_a_collection_with_delete_untagged_takes_the_parts_of_a_tagged_index(stock: Peer, newer: Peer) -> None:
    """On 2.8.2 even though the index has a tag; 3 keeps them."""
    content, repository = make_content("parts"), "peers/parts"
    for peer in (stock, newer):
        push_index(peer.wire, repository, content, "v1")
        peer.collect("--delete-untagged")
    assert read_closure(newer.wire, repository, "v1").digest == content.index.digest
    assert stock.wire.manifest(repository, "v1").status == 200
    assert stock.wire.manifest(repository, content.amd64.digest).status == 404


def test_a_delete_by_tag_is_another_call_between_versions(stock: Peer, newer: Peer) -> None:
    """2.8.2 refuses it; 3 takes the tag alone."""
    content, repository = make_content("by tag"), "peers/tag"
    for peer in (stock, newer):
        push_image(peer.wire, repository, content, "v1", "latest")
    assert stock.wire.delete(repository, "v1").status == 400
    assert newer.wire.delete(repository, "v1").status == 202
    assert newer.wire.manifest(repository, "latest").status == 200


def test_a_registry_may_not_delete_at_all(keeping: Peer) -> None:
    content, repository = make_content("kept"), "peers/kept"
    push_image(keeping.wire, repository, content, "v1")
    answer = keeping.wire.delete(repository, content.amd64.digest)
    assert (answer.status, b"UNSUPPORTED" in answer.body) == (405, True)


def test_a_registry_may_ask_who_asks(closed: Peer) -> None:
    assert closed.wire.ask("GET", "/v2/_catalog").status == 401
    assert closed.wire.ask("GET", "/v2/_catalog", Authorization="Basic cHVzaGVyOnNlY3JldA==").status == 200
