"""No statement walks a repository or a table to find a row: a request costs the same however much is stored."""

import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from refloat.core.clock import Tick
from refloat.core.names import Digest, Tag
from refloat.metadata import store
from refloat.metadata.migrate import migrate
from refloat.metadata.sqlite import connect
from refloat.usecases import pull, upload
from refloat.usecases.collect import CollectTerms, run_round
from refloat.usecases.delete import delete_reference
from refloat.usecases.remove import Selection, remove
from refloat.usecases.undo import RestoreRequest, UndoRequest, restore, undo
from tests.usecases.conftest import DAY, TEAM, Registry, index_of

WALKS = re.compile(r"^SCAN (?!CONSTANT|n VIRTUAL TABLE|h$)|\(repository=\?\)")
"""What walks; `n` is the list of digests that a statement was given, `h` what holds each of them."""
LISTS = re.compile(r"max\(seq\)|FROM doomed|FROM unswept|FROM rounds|FROM tips t?\s*WHERE .*LIMIT")
"""The end of an index, and lists whose whole point is to walk."""

STRAYS = re.compile(r"^SCAN (?!CONSTANT|s$)|\(repository=\?\)|USE TEMP B-TREE")
"""What walks; `s` is a step of `metadata.committed`, one change a turn."""


class _NoBytes:
    def reap(self, key: str) -> bool:
        return True


@pytest.fixture
def said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Registry, set[str]]]:
    statements = set[str]()

    def traced(database: Path) -> sqlite3.Connection:
        connection = connect(database)
        connection.set_trace_callback(statements.add)
        return connection

    monkeypatch.setattr(store, "connect", traced)
    database = tmp_path / "refloat" / "refloat.db"
    migrate(database)
    metadata = store.SqliteMetadata(database, tmp_path / "refloat", lambda: False)
    yield Registry(metadata), statements
    metadata.close()


def test_no_request_walks_what_it_does_not_ask_for(said: tuple[Registry, set[str]], tmp_path: Path) -> None:
    registry, statements = said
    _use_everything(registry)
    asked = {statement for statement in statements if not LISTS.search(statement)}
    assert len(statements) > 50
    assert _walking(asked, tmp_path, WALKS) == {}


def test_a_repositorys_changes_and_the_trash_are_found_without_the_others(
    said: tuple[Registry, set[str]], tmp_path: Path
) -> None:
    registry, statements = said
    _use_everything(registry)
    change = registry.metadata.listing.changes(TEAM, None, 1)[0].id
    statements.clear()
    listing = registry.metadata.listing
    listing.changes(TEAM, change, 50)
    listing.changes_after(TEAM, change, 50)
    listing.trash(TEAM, None, 50)
    listing.trash(None, None, 50)
    found = _walking(statements, tmp_path, re.compile(".*"))
    assert sum("step" in statement for statement in found) == 4
    assert _walking(statements, tmp_path, STRAYS) == {}


def test_what_became_of_a_change_and_of_a_move_is_found_by_their_references_alone(
    said: tuple[Registry, set[str]], tmp_path: Path
) -> None:
    registry, statements = said
    _use_everything(registry)
    listing = registry.metadata.listing
    change = listing.changes(TEAM, None, 1)[0].id
    statements.clear()
    assert listing.standing(change).stands
    assert listing.history(TEAM, Tag("index"), None, 50)[0].stands
    listing.history(TEAM, None, None, 50)
    found = _walking(statements, tmp_path, re.compile(".*"))
    assert len(found) == 3
    asked = [step for steps in found.values() for step in steps if step.startswith(("SCAN", "USE TEMP"))]
    assert asked == ["SCAN some"]  # moves of the change, and no more of them than a number that is said
    whole = [step for steps in found.values() for step in steps if "(repository=?)" in step]
    assert whole == []


def test_the_largest_and_the_newest_are_found_without_the_others(
    said: tuple[Registry, set[str]], tmp_path: Path
) -> None:
    registry, statements = said
    _use_everything(registry)
    statements.clear()
    registry.metadata.listing.largest_blobs(None, 50)
    registry.metadata.listing.repository_sizes(TEAM)
    registry.metadata.listing.repositories("", 50)
    found = [step for steps in _walking(statements, tmp_path, re.compile(".*")).values() for step in steps]
    assert "SCAN b USING COVERING INDEX blobs_largest" in found  # in its order, to its limit
    assert "SEARCH m USING COVERING INDEX manifests_pushed (repository=?)" in found
    assert [step for step in found if step.startswith("USE TEMP B-TREE FOR ORDER BY")] == []


def test_a_page_of_referrers_is_read_in_its_order_and_no_further(
    said: tuple[Registry, set[str]], tmp_path: Path
) -> None:
    registry, statements = said
    image = registry.image("one")
    registry.put("v1", image)
    for name in ("a", "b", "c"):
        registry.put(name, registry.image(name, subject=Digest.of(image)))
    statements.clear()
    read = registry.metadata.read
    digests = [entry["digest"] for entry in pull.list_referrers(read, TEAM, Digest.of(image), None)]
    for kind in (None, "application/vnd.example.another"):
        found = pull.list_referrers(read, TEAM, Digest.of(image), kind, str(digests[0]), 1)
        assert [entry["digest"] for entry in found] == (digests[1:2] if kind is None else [])
    assert len(read.referrer_facts(TEAM, Digest.of(image))) == 3
    [*plans] = _walking(statements, tmp_path, re.compile(".*")).values()
    assert len(plans) == 4
    for steps in plans:
        assert "SEARCH m USING INDEX manifests_referrers (repository=? AND subject=? AND digest>?)" in steps
        assert [step for step in steps if STRAYS.search(step)] == []


def test_what_a_repository_takes_is_added_up_from_its_own_rows(
    said: tuple[Registry, set[str]], tmp_path: Path
) -> None:
    """A look at `blobs` is one at a table that grows with the registry, somewhere else in it for every blob."""
    registry, statements = said
    image = registry.image("one")
    registry.put("v1", image)
    change = registry.do(lambda tx: delete_reference(tx, TEAM, Digest.of(image), registry.cause())).change
    assert change is not None
    registry.put("v2", image)
    statements.clear()
    listing = registry.metadata.listing
    assert [entry.size for entry in listing.repositories("", 50)] == [len("config onelayer one")]
    assert [entry.size for entry in listing.images(TEAM, "", 50)] == [len("config onelayer one")]
    assert [size for _, size in listing.needs(TEAM, Digest.of(image))] == [len("config one"), len("layer one")]
    assert len(listing.displaced_blobs(change)) == 2
    listing.repository_sizes(TEAM)
    listing.tag_sizes(TEAM, Tag("v2"))
    found = _walking(statements, tmp_path, re.compile(".*"))
    assert len(found) > 10
    assert [step for steps in found.values() for step in steps if re.search(r"\b(b|blobs)\b", step)] == []


def _walking(statements: set[str], directory: Path, walks: re.Pattern[str]) -> dict[str, list[str]]:
    """Return the statements of which a step of the plan is a walk, with those steps."""
    walking = {}
    plans = sqlite3.connect(directory / "refloat" / "refloat.db")
    for statement in statements:
        if not re.match(r"\s*(SELECT|INSERT|UPDATE|DELETE|WITH)", statement):
            continue
        plan = [step for *_, step in plans.execute(f"EXPLAIN QUERY PLAN {statement}")]
        if found := [step for step in plan if walks.search(step)]:
            walking[statement] = found
    plans.close()
    return walking


def _use_everything(registry: Registry) -> None:
    read = registry.metadata.read
    child = registry.image("child")
    registry.put(Digest.of(child), child)
    registry.put("index", index_of(child))
    image = registry.image("one")
    registry.put("v1", image)
    registry.put("signature", registry.image("sig", subject=Digest.of(image)))
    change = registry.do(lambda tx: delete_reference(tx, TEAM, Digest.of(image), registry.cause())).change
    assert change is not None
    assert read.deleted_by(TEAM, Tag("v1")) is not None
    assert read.purge_of(TEAM, Tag("v1")) is None
    assert registry.metadata.listing.past_matching(TEAM, Digest.of(image)[:14], 10) == [Digest.of(image)]
    registry.do(lambda tx: undo(tx, UndoRequest(change), registry.cause()))
    gone = registry.do(lambda tx: remove(tx, Selection({TEAM: [Tag("index")]}), registry.cause(), "image"))
    assert gone.change is not None
    registry.do(lambda tx: restore(tx, RestoreRequest(TEAM, Tag("index"), 1, None), registry.cause()))
    config = registry.blob(b"config one")
    assert read.blob(TEAM, config, registry.now) is not None
    trusted = read.live_key(config)
    assert trusted is not None
    assert registry.do(lambda tx: upload.finish_again(tx, TEAM, config, trusted, registry.now))
    assert len(pull.list_referrers(read, TEAM, Digest.of(image), None)) == 1
    registry.do(lambda tx: upload.release(tx, TEAM, config, registry.now))
    registry.do(lambda tx: remove(tx, Selection({TEAM: [Tag("v1")]}), registry.cause(), "image"))
    later = Tick(registry.now + 100 * DAY, 100 * DAY, "s")
    run_round(registry.metadata, _NoBytes(), later, CollectTerms(DAY, 400 * DAY))
