"""Several people, several images, several things that are wrong: each is told apart, and none hides the others."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest

from refloat.client.errors import NotAllowed
from refloat.core.identity import change_id
from refloat.core.names import Digest, RepositoryName
from refloat.portable.facts import Facts, KeptManifest
from refloat.portable.refusals import NotThere
from tests.cli.conftest import Shell
from tests.clients.closure import read_closure
from tests.portable.peers import Peer, push_image
from tests.portable.relay import Relay
from tests.portable.room import Room, stopping
from tools.content import MANIFEST, make_content

USAGE, PARTLY, NOT_FOUND, FOUND_PROBLEMS = 2, 3, 6, 8
WRITERS, TURNS = 4, 20


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Peer]:
    """docker-registry 2.8.2 of this test's own: one that is damaged does not even collect."""
    with Peer("docker-registry", tmp_path / "own") as peer:
        yield peer


def test_eight_deletes_into_one_directory_are_all_there(stock: Peer, person: Shell, tmp_path: Path) -> None:
    """Each changes the one index, and none takes out what another wrote."""
    repository, saved = "told/eight", tmp_path / "saved"
    images = {f"v{number}": make_content(f"eight {number}") for number in range(8)}
    for tag, content in images.items():
        push_image(stock.wire, repository, content, tag)
    before = {tag: read_closure(stock.wire, repository, tag) for tag in images}
    with ThreadPoolExecutor(len(images)) as threads:
        done = threads.map(
            lambda tag: person("rm", f"{stock.address}/{repository}:{tag}", "--save", str(saved)), images
        )
    assert [each.code for each in done] == [0] * 8
    room = Room(stock.address, repository, saved)
    assert set(room.entries) == {(content.amd64.digest, "deleted") for content in images.values()}
    for tag in images:
        room.restore(tag)
    assert {tag: read_closure(stock.wire, repository, tag) for tag in images} == before


def mark_many(saved: Path, worker: int, start: Barrier) -> None:
    """Write entries of one worker down, all workers from the same moment on."""
    shelf, at = Room("127.0.0.1:9", "told/many", saved).shelf, datetime.now(UTC)
    start.wait()
    for number in range(TURNS):
        image = Digest.of(f"{worker} {number}".encode())
        name = change_id(bytes([worker, number] * 4))
        kept = (KeptManifest(image, MANIFEST, 1, True, ()),)
        shelf.mark(
            Facts(name, "127.0.0.1:9", RepositoryName("told/many"), image, "image", at, at, "", None, kept, ()), "begun"
        )


def test_of_many_who_write_at_once_none_is_lost(tmp_path: Path) -> None:
    """Each reads the index and writes it whole."""
    context, saved = get_context("spawn"), tmp_path / "saved"
    start = context.Barrier(WRITERS)
    writers = [context.Process(target=mark_many, args=(saved, worker, start)) for worker in range(WRITERS)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0] * WRITERS
    assert len(Room("127.0.0.1:9", "told/many", saved).entries) == WRITERS * TURNS


def test_what_was_begun_on_another_registry_is_not_finished_here(stock: Peer, newer: Peer, tmp_path: Path) -> None:
    """One directory keeps what several registries lost, and a repository's name says nothing about whose it is."""
    content, repository, saved = make_content("two registries"), "told/two", tmp_path / "saved"
    push_image(stock.wire, repository, content, "v1")
    with Relay(stock.address, manners=stopping(content.amd64.digest)) as relay:
        away = Room(relay.address, repository, saved)
        with pytest.raises(NotAllowed):
            away.remove("v1")
        assert away.entries == [(content.amd64.digest, "begun")]
    here = Room(newer.address, repository, saved)
    assert here.entries == []
    with pytest.raises(NotThere):
        here.remove("v1")


@pytest.mark.parametrize("verb", [("rm",), ("restore",), ("purge", "--yes")], ids=lambda verb: verb[0])
def test_the_trash_itself_is_no_place_for_these_verbs(stock: Peer, person: Shell, verb: tuple[str, ...]) -> None:
    content, repository = make_content("trash itself"), f"told/itself-{verb[0]}"
    push_image(stock.wire, repository, content, "v1")
    identity = Room(stock.address, repository).remove("v1").id
    done = person(*verb, f"{stock.address}/refloat-trash/{repository}:{identity}")
    assert done.code == USAGE
    assert "is a trash" in done.err
    room = Room(stock.address, repository)
    assert room.entries == [(content.amd64.digest, "deleted")]
    room.restore("v1")


def test_a_name_that_leaves_no_room_for_the_trash_is_refused_with_a_way_out(stock: Peer, person: Shell) -> None:
    content, repository = make_content("long"), "/".join(["a" * 60] * 4)
    push_image(stock.wire, repository, content, "v1")
    for verb in (["rm"], ["restore"], ["purge", "--yes"]):
        done = person(*verb, f"{stock.address}/{repository}:v1")
        assert done.code == USAGE
        assert "REFLOAT_TRASH" in done.err
    assert stock.wire.manifest(repository, "v1").status == 200
    person.environment["REFLOAT_TRASH"] = "t"
    assert person("rm", f"{stock.address}/{repository}:v1").code == 0
    assert person("restore", f"{stock.address}/{repository}:v1").code == 0
    assert read_closure(stock.wire, repository, "v1").digest == content.amd64.digest


@pytest.mark.parametrize("damage", ["cut short", "gone"])
def test_a_damaged_entry_does_not_hide_the_others(own: Peer, person: Shell, damage: str) -> None:
    repository = "told/damaged"
    room, contents = Room(own.address, repository), {tag: make_content(f"damaged {tag}") for tag in ("v1", "v2")}
    for tag, content in contents.items():
        push_image(own.wire, repository, content, tag)
    identities = [room.remove(tag).id for tag in contents]
    artifact = room.shelf.entries()[0].artifact.removeprefix("sha256:")
    data = own.server.root / "docker/registry/v2/blobs/sha256" / artifact[:2] / artifact / "data"
    if damage == "gone":
        data.unlink()
    else:
        data.write_bytes(data.read_bytes()[:100])

    done = person("trash", "--host", own.address, "--repo", repository)
    assert done.code == FOUND_PROBLEMS
    assert identities[1] in done.out
    assert identities[0] not in done.out
    assert identities[0] in done.err
    room.restore("v2")
    assert read_closure(own.wire, repository, "v2").digest == contents["v2"].amd64.digest


def test_nothing_goes_where_one_of_several_cannot(stock: Peer, person: Shell) -> None:
    """All are looked at before the first one goes."""
    content, repository = make_content("told"), "told/none"
    push_image(stock.wire, repository, content, "v1")
    place = f"{stock.address}/{repository}"
    done = person("rm", "--json", f"{place}@{content.amd64.digest}", f"{place}:nobody")
    assert (done.code, done.out) == (NOT_FOUND, "")
    assert Room(stock.address, repository).entries == []


def test_what_was_done_before_a_failure_is_told(stock: Peer, person: Shell) -> None:
    """A program that reads the answer knows what to bring back, and a person too."""
    content, repository = make_content("told"), "told/first"
    push_image(stock.wire, repository, content, "v1")
    push_image(stock.wire, repository, make_content("told second"), "v2")
    second = make_content("told second").amd64.digest
    with Relay(stock.address, manners=stopping(second)) as relay:
        done = person("rm", "--json", *(f"{relay.address}/{repository}:{tag}" for tag in ("v1", "v2")))
    assert done.code == PARTLY
    assert [each["image"] for each in json.loads(done.out)["removed"]] == [content.amd64.digest]
    assert f"before it went: {repository}:v1" in json.loads(done.err)["facts"]
    assert set(Room(stock.address, repository).entries) == {(content.amd64.digest, "deleted"), (second, "begun")}
