"""What comes back with an image, from a real database: the same as from all that went with it, at its own price."""

import json
import random
import sqlite3
from collections.abc import Sequence
from functools import partial
from typing import cast

import pytest

from refloat.core.followers import followers_of
from refloat.core.media import OCI_INDEX, OCI_MANIFEST
from refloat.core.moves import Move, Wish
from refloat.core.names import Digest, Reference, Tag
from refloat.metadata.rows import to_digest, to_reference
from refloat.metadata.transaction import SqliteTransaction
from refloat.ports import Transaction
from refloat.usecases.delete import delete_reference
from refloat.usecases.push import ManifestPush, push_manifest
from refloat.usecases.remove import Selection, remove
from refloat.usecases.undo import RestoreRequest, UndoRequest, restore, undo
from tests.usecases.conftest import TEAM, Registry

EVERYTHING_LOST = """
SELECT m.reference, m.old, (SELECT subject FROM manifests WHERE repository = m.repository AND digest = m.reference)
FROM moves m WHERE m.new IS NULL AND m.held IS NOT NULL AND m.change = (
    SELECT change FROM moves WHERE reference = ? AND new IS NULL ORDER BY seq DESC LIMIT 1)"""


def image(number: int, subject: Digest | None = None) -> bytes:
    document: dict[str, object] = {
        "schemaVersion": 2, "mediaType": OCI_MANIFEST, "layers": [], "annotations": {"number": f"{number}"},
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": Digest.of(b"{}"), "size": 2},
    }  # fmt: skip
    if subject is not None:
        document["subject"] = {"mediaType": OCI_MANIFEST, "digest": subject, "size": 1}
    return json.dumps(document).encode()


def connection(tx: Transaction) -> sqlite3.Connection:
    return cast(SqliteTransaction, tx)._connection


def check(tx: Transaction, digests: Sequence[Digest]) -> None:
    """What follows each digest is what follows it of everything that its change removed."""
    for digest in digests:
        rows = connection(tx).execute(EVERYTHING_LOST, (digest,))
        lost = [(Move(to_reference(row[0]), to_digest(row[1]), None), to_digest(row[2])) for row in rows]
        everything: Wish = followers_of([digest], lost)
        assert followers_of([digest], tx.lost_with(TEAM, [digest], ())) == everything


@pytest.mark.parametrize("seed", range(12))
def test_what_follows_is_found_without_the_rest_of_a_change(registry: Registry, seed: int) -> None:
    rng = random.Random(seed)
    registry.blob(b"{}")
    digests: list[Digest] = []
    for number in range(12):
        subject = rng.choice(digests) if digests and rng.random() < 0.6 else None
        digests.append(registry.put(f"t{number}", image(number, subject)).digest)
        if rng.random() < 0.4:
            attached = rng.choice(rng.choice(digests).fallback_tags)
            registry.put(attached, image(rng.randrange(number + 1), subject))
    for _ in range(3):
        there: list[Reference] = sorted(registry.tips())
        selection = Selection({TEAM: rng.sample(there, min(5, len(there)))})
        change = registry.do(partial(remove, selection=selection, cause=registry.cause(), scope="image")).change
        registry.do(partial(check, digests=digests))
        if change is not None and rng.random() < 0.5:
            registry.do(partial(undo, request=UndoRequest(change), cause=registry.cause()))


def index(*children: bytes, subject: Digest | None = None) -> bytes:
    entries = [{"mediaType": OCI_MANIFEST, "digest": Digest.of(child), "size": len(child)} for child in children]
    document: dict[str, object] = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}
    if subject is not None:
        document["subject"] = {"mediaType": OCI_MANIFEST, "digest": subject, "size": 1}
    return json.dumps(document).encode()


@pytest.mark.parametrize("scope", ["together", "the index first"])
@pytest.mark.parametrize("way", ["push", "restore"])
def test_with_its_parts_comes_back_what_was_lost_with_them(registry: Registry, way: str, scope: str) -> None:
    """Of each part what refers to it, what that refers to has in it, and so on; a tag of a part stays away."""
    registry.blob(b"{}")
    part, inner, other = image(1), image(2), image(3)
    sbom = image(4, Digest.of(part))
    bundle = index(other, subject=Digest.of(sbom))
    of_other = image(5, Digest.of(other))
    whole = index(part, index(inner))
    for body in (part, inner, other, sbom, bundle, of_other, index(inner), whole):
        registry.put(Digest.of(body), body)
    registry.put(Digest.of(inner).fallback_tags[1], image(6))
    registry.put("v1", whole)
    before = registry.tips()
    if scope == "together":
        named: list[Reference] = [Tag("v1"), Digest.of(other)]
        registry.do(partial(remove, selection=Selection({TEAM: named}), cause=registry.cause(), scope="image"))
    else:
        registry.do(lambda tx: delete_reference(tx, TEAM, Digest.of(whole), registry.cause()))
        gone: list[Reference] = [Digest.of(part), Digest.of(index(inner)), Digest.of(other)]
        registry.do(partial(remove, selection=Selection({TEAM: gone}), cause=registry.cause(), scope="image"))
    assert registry.tips() == {}
    if way == "push":
        registry.put("v1", whole)
    else:
        asked = RestoreRequest(TEAM, Tag("v1"))
        registry.do(partial(restore, request=asked, cause=registry.cause()))
    assert registry.tips() == before


def test_many_parts_that_refer_to_each_other_are_looked_at_once(registry: Registry) -> None:
    registry.blob(b"{}")
    taken = []
    for count in (50, 500):
        parts = [image(count)]
        while len(parts) < count:
            parts.append(image(count + len(parts), Digest.of(parts[-1])))
        whole = index(*reversed(parts))
        registry.do(partial(push_all, registry=registry, bodies=[*parts, whole]))
        registry.do(partial(remove, selection=Selection({}, whole=[TEAM]), cause=registry.cause(), scope="image"))
        taken.append(registry.do(partial(statements, registry=registry, body=whole)))
        assert len(registry.tips()) == count + 1
    assert taken[1] <= 15 * taken[0]


def push_all(tx: Transaction, registry: Registry, bodies: Sequence[bytes]) -> None:
    for body in bodies:
        push_manifest(tx, TEAM, ManifestPush(Digest.of(body), body, ""), registry.cause())


def statements(tx: Transaction, registry: Registry, body: bytes) -> int:
    """Push a manifest, and return how many statements that took."""
    said: list[str] = []
    connection(tx).set_trace_callback(said.append)
    push_all(tx, registry, [body])
    connection(tx).set_trace_callback(None)
    return len(said)


def steps(tx: Transaction, digest: Digest) -> int:
    """Ask what was lost with a digest, and return how many steps of SQLite's machine that took."""
    taken = 0

    def step() -> None:
        nonlocal taken
        taken += 1

    connection(tx).set_progress_handler(step, 1)
    assert tx.lost_with(TEAM, [digest], ()) == []
    connection(tx).set_progress_handler(None, 1)
    return taken


def test_one_of_many_that_went_together_comes_back_without_a_look_at_the_others(registry: Registry) -> None:
    registry.blob(b"{}")
    taken = []
    for count in (20, 2000):
        bodies = [image(count * 1000 + number) for number in range(count)]
        registry.do(partial(push_all, registry=registry, bodies=bodies))
        registry.do(partial(remove, selection=Selection({}, whole=[TEAM]), cause=registry.cause(), scope="image"))
        taken.append(registry.do(partial(steps, digest=Digest.of(bodies[count // 2]))))
    assert taken[1] <= 2 * taken[0]


def test_an_index_around_an_index_costs_one_of_them(registry: Registry) -> None:
    """Whoever nests indexes pays for one level each time, and not for all that lie below."""
    registry.blob(b"{}")
    body, asked = image(0), list[int]()
    registry.put(Tag("innermost"), body)
    for _ in range(30):
        entry = {"mediaType": OCI_INDEX, "digest": Digest.of(body), "size": 1}
        body = json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [entry]}).encode()
        asked.append(registry.do(partial(statements, registry=registry, body=body)))
    assert len(set(asked[1:])) == 1  # the first is around no index


def test_an_undo_says_that_a_part_stays_whose_index_had_the_tag_before(registry: Registry) -> None:
    registry.blob(b"{}")
    part = image(1)
    registry.put("v1", index(part))
    change = registry.put("v1", part).change
    assert change is not None
    undone = registry.do(partial(undo, request=UndoRequest(change), cause=registry.cause()))
    assert registry.tips()[Tag("v1")] == Digest.of(index(part))
    assert undone.left == ((TEAM, Digest.of(part)),)
