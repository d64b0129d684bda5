"""A delete that was interrupted is run again: it goes on with what was begun, and takes nothing that is somebody's."""

import json

import pytest

from refloat.client.errors import NotAllowed
from refloat.portable.refusals import MovedSince
from tests.cli.conftest import Shell
from tests.clients.closure import read_closure
from tests.portable.peers import Peer, push_image, push_index
from tests.portable.relay import Relay
from tests.portable.room import Room, index_over, sharing, stopping
from tools.content import MANIFEST, Content, Part, make_content


@pytest.fixture
def interrupted(stock: Peer, request: pytest.FixtureRequest) -> tuple[Room, Content]:
    """A repository whose v1 went, and then the delete stopped before the first of its parts."""
    repository = f"again/{request.node.name.removeprefix('test_')[:40].replace('_', '-')}"
    content = make_content(repository)
    push_index(stock.wire, repository, content, "v1")
    parts = [part.digest for part in content.manifests]
    with Relay(stock.address, manners=stopping(*parts)) as relay, pytest.raises(NotAllowed):
        Room(relay.address, repository).remove("v1")
    room = Room(stock.address, repository)
    assert stock.wire.manifest(repository, "v1").status == 404
    assert room.entries == [(content.index.digest, "begun")]
    return room, content


def test_it_is_finished_and_comes_back(stock: Peer, interrupted: tuple[Room, Content]) -> None:
    room, content = interrupted
    room.remove("v1")
    assert room.entries == [(content.index.digest, "deleted")]
    assert all(stock.wire.manifest(room.repository, part.digest).status == 404 for part in content.manifests)
    room.restore("v1")
    assert read_closure(stock.wire, room.repository, "v1").digest == content.index.digest


def test_parts_of_another_index_that_was_pushed_meanwhile_stay(stock: Peer, interrupted: tuple[Room, Content]) -> None:
    room, content = interrupted
    stock.wire.push_manifest(room.repository, "v2", sharing(content))
    before = read_closure(stock.wire, room.repository, "v2")
    room.remove("v1")
    assert read_closure(stock.wire, room.repository, "v2") == before
    assert room.entries == [(content.index.digest, "deleted")]
    room.restore("v1")
    assert read_closure(stock.wire, room.repository, "v1").digest == content.index.digest


def test_the_same_index_that_was_pushed_meanwhile_stays_whole(stock: Peer, interrupted: tuple[Room, Content]) -> None:
    room, content = interrupted
    stock.wire.push_manifest(room.repository, "v2", content.index)
    before = read_closure(stock.wire, room.repository, "v2")
    with pytest.raises(MovedSince):
        room.remove("v1")
    assert read_closure(stock.wire, room.repository, "v2") == before


def test_every_run_decides_in_the_same_order(stock: Peer, person: Shell) -> None:
    """Python orders sets of names anew in every process; an entry that was begun has to be known again."""
    content, repository = make_content("order"), "again/order"
    push_image(stock.wire, repository, content)
    named = json.loads(content.amd64.body)
    parts = [Part(MANIFEST, json.dumps({**named, "annotations": {"n": str(n)}}).encode()) for n in range(8)]
    for part in parts:
        stock.wire.push_manifest(repository, part.digest, part)
    index = index_over(*parts, note="wide")
    stock.wire.push_manifest(repository, "v1", index)
    orders = set()
    with Relay(stock.address, manners=stopping(index.digest)) as relay:
        for seed in ("1", "2"):
            person.environment["PYTHONHASHSEED"] = seed
            done = person("rm", "-n", "--json", f"{relay.address}/{repository}:v1")
            orders.add(tuple(kept["digest"] for kept in json.loads(done.out)["removed"][0]["manifests"]))
            assert person("rm", f"{relay.address}/{repository}:v1").code == 4
    assert len(orders) == 1
    assert Room(stock.address, repository).entries == [(index.digest, "begun")]
