"""Tests of what a sweep must leave alone, and of what must not be left over after it."""

import pytest

from refloat.blobs.filesystem import FileBlobs
from refloat.core.clock import Tick
from refloat.core.errors import Denied
from refloat.core.names import Digest, Tag
from refloat.usecases.collect import CollectTerms, Round, run_round
from refloat.usecases.delete import delete_reference
from refloat.usecases.remove import Selection, remove
from refloat.usecases.undo import UndoRequest, undo
from tests.usecases.conftest import DAY, TEAM, Registry, index_of


def pushed(registry: Registry, seed: str, tag: str) -> Digest:
    return registry.put(tag, registry.image(seed)).digest


def deleted(registry: Registry, reference: Digest | Tag, days: int) -> str:
    """Delete with a window of so many days."""
    registry.window = days * DAY
    change = registry.do(lambda tx: delete_reference(tx, TEAM, reference, registry.cause())).change
    assert change is not None
    return change


def taken_back(registry: Registry, change: str) -> None:
    registry.do(lambda tx: undo(tx, UndoRequest(change), registry.cause()))


def after(registry: Registry, blobs: FileBlobs, days: int) -> Round:
    registry.now += days * DAY
    tick = Tick(registry.now, registry.now, "run")
    return run_round(registry.metadata, blobs, tick, CollectTerms(graveyard=DAY, history_keep=400 * DAY))


def test_what_a_sweep_lets_go_of_is_collected(registry: Registry, blobs: FileBlobs) -> None:
    deleted(registry, pushed(registry, "a", "v1"), days=10)
    assert after(registry, blobs, 2).condemned == 0
    done = after(registry, blobs, 9)
    assert (done.swept, done.condemned) == (1, 2)


def test_what_two_changes_displaced_stays_until_the_last_is_over(registry: Registry, blobs: FileBlobs) -> None:
    digest = pushed(registry, "a", "v1")
    taken_back(registry, deleted(registry, digest, days=10))
    last = deleted(registry, digest, days=20)
    assert after(registry, blobs, 11).swept == 0
    taken_back(registry, last)
    assert registry.tips() == {digest: digest, "v1": digest}


def test_what_came_back_stays_when_its_delete_is_over(registry: Registry, blobs: FileBlobs) -> None:
    digest = pushed(registry, "a", "v1")
    taken_back(registry, deleted(registry, digest, days=10))
    assert after(registry, blobs, 11).swept == 0
    assert registry.tips() == {digest: digest, "v1": digest}


def test_a_child_stays_while_history_holds_its_index(registry: Registry, blobs: FileBlobs) -> None:
    child = registry.image("a")
    registry.put(Digest.of(child), child)
    index = registry.put("v1", index_of(child)).digest
    last = deleted(registry, index, days=20)
    deleted(registry, Digest.of(child), days=10)
    assert after(registry, blobs, 11).swept == 0
    taken_back(registry, last)
    assert set(registry.tips()) == {Digest.of(child), index, "v1"}


def is_readable(registry: Registry, body: bytes) -> bool:
    return registry.metadata.read.blob(TEAM, Digest.of(body), registry.now) is not None


def test_a_child_that_is_there_is_a_part_of_its_index(registry: Registry) -> None:
    child = registry.image("a")
    registry.put(Digest.of(child), child)
    registry.put("v1", index_of(child))
    with pytest.raises(Denied):
        deleted(registry, Digest.of(child), days=10)


def test_a_child_that_comes_is_a_part_of_its_index_which_holds_its_bytes_as_a_blob(registry: Registry) -> None:
    child = registry.image("a")
    registry.blob(child)
    registry.put("v1", index_of(child))
    registry.put(Digest.of(child), child)
    with pytest.raises(Denied):
        deleted(registry, Digest.of(child), days=10)


def test_a_blob_that_is_there_is_held_by_an_index_that_names_it(registry: Registry, blobs: FileBlobs) -> None:
    """Its bytes are a child's too, which somebody may read as a blob."""
    child = registry.image("a")
    registry.put(Digest.of(child), child)
    registry.blob(child)
    registry.put("v1", index_of(child))
    after(registry, blobs, 3)
    assert is_readable(registry, child)


def test_a_blob_that_comes_is_held_by_an_index_that_names_it(registry: Registry, blobs: FileBlobs) -> None:
    child = registry.image("a")
    registry.put(Digest.of(child), child)
    registry.put("v1", index_of(child))
    registry.blob(child)
    after(registry, blobs, 3)
    assert is_readable(registry, child)


def test_a_blob_that_was_damaged_when_its_index_came_is_held_too(registry: Registry, blobs: FileBlobs) -> None:
    """It is damaged until somebody pushes it, here or elsewhere."""
    cached = registry.blob(b"a cached layer")
    live = registry.metadata.read.live_key(cached)
    assert live is not None
    registry.metadata.mark(lambda tx: tx.damaged(cached, live.key, registry.now))
    registry.put("cache", index_of(b"a cached layer"))
    registry.metadata.mark(lambda tx: tx.sound(cached, live.key, registry.now))
    after(registry, blobs, 3)
    assert is_readable(registry, b"a cached layer")


def test_a_blob_that_is_a_part_too_goes_with_its_index(registry: Registry, blobs: FileBlobs) -> None:
    child = registry.image("a")
    registry.blob(child)
    registry.put(Digest.of(child), child)
    index = registry.put("v1", index_of(child)).digest
    deleted(registry, index, days=10)
    deleted(registry, Digest.of(child), days=10)
    done = after(registry, blobs, 11)
    assert (done.swept, done.condemned) == (2, 3)
    assert registry.metadata.read.live_key(Digest.of(child)) is None


def test_a_sweep_that_is_cut_goes_on_in_the_next_step(registry: Registry, blobs: FileBlobs) -> None:
    children = [registry.image(f"{number}") for number in range(6)]
    for child in children:
        registry.put(Digest.of(child), child)
    index = registry.put("v1", index_of(*children)).digest
    last = deleted(registry, index, days=20)
    for child in children:
        deleted(registry, Digest.of(child), days=1)
    assert after(registry, blobs, 11).swept == 0
    registry.now += 10 * DAY
    done = registry.metadata.collect(lambda tx: tx.prune(last, registry.now, 8))
    assert done.swept < 1 + len(children)
    rest = after(registry, blobs, 0)
    assert (rest.swept, rest.condemned) == (1 + len(children) - done.swept, 2 * len(children))


def test_a_change_of_many_moves_is_let_go_of_in_steps(registry: Registry, blobs: FileBlobs) -> None:
    tags = [f"v{number}" for number in range(9)]
    digests = [pushed(registry, tag, tag) for tag in tags]
    registry.window = DAY
    change = registry.do(lambda tx: remove(tx, Selection({TEAM: [*map(Tag, tags)]}), registry.cause(), "image")).change
    assert change is not None
    registry.now += 2 * DAY
    first = registry.metadata.collect(lambda tx: tx.prune(change, registry.now, 8))
    assert (first.let_go, first.is_whole) == (1, False)
    assert registry.metadata.collect(lambda tx: tx.due_changes(registry.now, 9)) == [change]
    done = after(registry, blobs, 0)
    assert (done.pruned, done.let_go) == (1, 2 * len(tags) - first.let_go)
    assert done.swept == len(digests)


def test_history_is_forgotten_to_its_end_in_one_round(registry: Registry, blobs: FileBlobs) -> None:
    many = 250
    body = registry.image("a")
    for number in range(many):
        registry.put(f"v{number}", body)
    done = after(registry, blobs, 500)
    assert (done.pruned, done.forgotten) == (many, many)
    assert registry.metadata.listing.changes(TEAM, None, many + 1) == []
