"""Indexes in indexes, each with something of its own: what is told of them costs what they are many."""

import json
import sqlite3
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Literal, cast

import pytest

from refloat.core.media import OCI_INDEX, OCI_MANIFEST
from refloat.core.names import Digest, Tag
from refloat.core.prices import Departure, Hold
from refloat.metadata import listing
from refloat.metadata.listing import SqliteListing
from refloat.ports import BlobStore, Transaction
from refloat.usecases.delete import delete_reference
from refloat.usecases.inspect import Stores, images
from refloat.usecases.price import price_all
from refloat.usecases.push import ManifestPush, push_manifest
from refloat.usecases.remove import Selection, remove
from tests.usecases.conftest import DAY, TEAM, Registry, registry

__all__ = ["registry"]  # the fixture
DEPARTURE = Departure(0, DAY)
HELD = """
WITH RECURSIVE up (repository, digest) AS (
    SELECT f.repository, f.parent FROM refs f WHERE f.blob = ?1
    UNION SELECT f.repository, f.parent FROM up u JOIN refs f ON f.repository = u.repository AND f.child = u.digest)
SELECT c.held_until, c.n, c.id FROM up u JOIN moves m ON m.repository = u.repository AND m.held = u.digest
JOIN changes c ON c.n = m.change ORDER BY c.held_until DESC, c.n DESC LIMIT 1"""
TAGGED = """
WITH RECURSIVE up (repository, digest) AS (
    SELECT f.repository, f.parent FROM refs f JOIN tips t ON t.repository = f.repository AND t.reference = f.parent
    WHERE f.blob = ?1
    UNION SELECT t.repository, t.reference FROM up u
    JOIN refs f ON f.repository = u.repository AND f.child = u.digest
    JOIN tips t ON t.repository = f.repository AND t.reference = f.parent
    UNION SELECT t.repository, t.reference FROM up u
    JOIN manifests m ON m.repository = u.repository AND m.digest = u.digest
    JOIN tips t ON t.repository = m.repository AND t.reference = m.subject)
SELECT 1 FROM up u JOIN tips g ON g.repository = u.repository AND g.digest = u.digest AND g.manifest IS NULL LIMIT 1"""
"""What the lists tell of one blob, asked for in one statement that walks all that is above it."""


def nest(count: int) -> Iterator[bytes]:
    """Yield indexes of which each names the one before, and a blob of its own."""
    below: list[dict[str, object]] = []
    for number in range(count):
        blob = {"mediaType": OCI_MANIFEST, "digest": own_blob(number), "size": 1}
        body = json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [blob, *below]}).encode()
        below = [{"mediaType": OCI_INDEX, "digest": Digest.of(body), "size": 1}]
        yield body


def own_blob(number: int) -> Digest:
    return Digest.of(b"own %d" % number)


def push(tx: Transaction, registry: Registry, bodies: list[bytes]) -> None:
    for body in bodies:
        push_manifest(tx, TEAM, ManifestPush(Digest.of(body), body, ""), registry.cause())


def filled(registry: Registry, count: int) -> list[bytes]:
    """Push a nest. Returns the bodies, the innermost first."""
    for number in range(count):
        registry.blob(b"own %d" % number)
    bodies = list(nest(count))
    registry.do(partial(push, registry=registry, bodies=bodies))
    return bodies


def steps(connection: sqlite3.Connection, work: Callable[[SqliteListing], object]) -> int:
    """Return how many steps of SQLite's machine some reads take, of ten thousand each."""
    taken = 0

    def step() -> None:
        nonlocal taken
        taken += 1

    connection.set_progress_handler(step, 100)
    work(SqliteListing(connection))
    connection.set_progress_handler(None, 100)
    return taken


def trash(lists: SqliteListing) -> object:
    return price_all(lists, lists.trash(None, None, 100), DEPARTURE)


def classes(lists: SqliteListing, count: int) -> object:
    return [(lists.last_hold(own_blob(n)), lists.is_tagged(own_blob(n))) for n in range(count)]


@pytest.mark.parametrize("state", ["live", "trash"])
def test_ten_times_as_deep_costs_ten_times_as_much(registry: Registry, state: str) -> None:
    taken = []
    for count in (20, 200):
        bodies = filled(registry, count)
        registry.put(Tag("other"), bodies[0])
        if state == "trash":
            registry.do(partial(remove, selection=Selection({}, whole=[TEAM]), cause=registry.cause(), scope="image"))
            registry.put(Tag("last"), bodies[0])
            registry.do(lambda tx: delete_reference(tx, TEAM, Tag("last"), registry.cause()))  # another is the last
        connection = registry.metadata._connection()
        taken.append(steps(connection, trash) + steps(connection, partial(classes, count=count)))
    assert taken[1] <= 20 * taken[0]


def test_what_is_told_is_what_one_statement_finds(registry: Registry, tmp_path: Path) -> None:
    bodies = filled(registry, 12)
    registry.put(Tag("middle"), bodies[5])
    about = registry.image("about the innermost", subject=Digest.of(bodies[0]))
    registry.put(Digest.of(about), about)
    for going in map(Digest.of, (bodies[11], bodies[10])):
        registry.window += DAY
        registry.do(lambda tx, going=going: delete_reference(tx, TEAM, going, registry.cause()))  # type: ignore[misc]
    connection, lists = registry.metadata._connection(), registry.metadata.listing
    for blob in [*map(own_blob, range(12)), Digest.of(b"config about the innermost")]:
        tagged = connection.execute(TAGGED, (blob,)).fetchone() is not None
        assert lists.is_tagged(blob) is tagged
        row = connection.execute(HELD, (blob,)).fetchone()
        assert lists._last_change(blob) == (Hold(*row) if row else None)


@pytest.mark.parametrize("which", ["tagged", "untagged"])
def test_a_page_ends_where_it_has_cost_enough(
    registry: Registry, which: Literal["tagged", "untagged"], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "MOST_STEPS", 0)  # and a hundred thousand at once are counted
    bodies = filled(registry, 200)
    for place, body in enumerate(bodies):
        registry.put(f"t{place:03}", body)
    if which == "untagged":  # the innermost of each is the same, and of none a part
        registry.do(partial(remove, selection=Selection({}, whole=[TEAM]), cause=registry.cause(), scope="image"))
        outer = [json.loads(bodies[-1]) | {"annotations": {"number": f"{number}"}} for number in range(60)]
        registry.do(partial(push, registry=registry, bodies=[json.dumps(each).encode() for each in outer]))
    stores = Stores(registry.metadata.read, registry.metadata.listing, cast(BlobStore, None), registry.now)
    found, pages, last = list[str](), 0, ""
    while True:
        page = images(stores, TEAM, which, last, 1000)
        found += [entry.tag or entry.digest for entry, _ in page.entries]
        pages += 1
        if page.last is None:
            break
        last = page.last
    assert found == sorted(set(found))
    assert len(found) == (200 if which == "tagged" else 60)
    assert 3 < pages < 60
