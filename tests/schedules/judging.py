"""After a schedule: is everything that was acknowledged whole, and does nothing stay that nothing explains?"""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing

from refloat.core.clock import HOUR
from refloat.core.errors import RefloatError
from refloat.core.identity import change_id
from refloat.core.names import Digest, RepositoryName, parse_reference
from refloat.core.records import Cause
from refloat.ports import Transaction
from refloat.usecases.collect import run_round
from refloat.usecases.pull import open_blob, resolve
from refloat.usecases.remove import Selection, remove
from tests.schedules.world import IDLE, LEASE, TERMS, WINDOW, Values, World

ROUNDS = 4
UNSIZED = "SELECT r.digest FROM refs r LEFT JOIN blobs b ON b.digest = r.blob WHERE r.size IS NOT b.size"
EMPTY = ("manifests", "tips", "moves", "changes", "keys", "blobs", "refs", "leases", "uploads", "doomed")


def broken_promises(world: World) -> list[str]:
    """Return what was promised and does not hold."""
    found = [*world.broken, *world.baton.failures, *_unsound(world), *_unkept_backups(world), *_revived(world)]
    live, expected = _live(world), world.expected()
    for place in sorted(live.keys() | expected.keys()):
        if live.get(place) != expected.get(place):
            found.append(f"{'@'.join(place)[:40]} is at {live.get(place)}, and {expected.get(place)} was acknowledged")
    for repository, reference in live:
        found += _not_whole(world, RepositoryName(repository), reference)
    return found


def _live(world: World) -> Values:
    rows = world.metadata.read._execute(
        "SELECT r.name, t.reference, t.digest FROM tips t JOIN repositories r ON r.id = t.repository"
    )
    return {(name, reference): value for name, reference, value in rows.fetchall()}


def _not_whole(world: World, repository: RepositoryName, reference: str) -> Iterator[str]:
    """Pull an image as a client does."""
    read = world.metadata.read
    try:
        body = json.loads(resolve(read, repository, parse_reference(reference)).body)
        for entry in (body["config"], *body["layers"]):
            open_blob(read, world.blobs, repository, Digest(entry["digest"]), world.now)
    except RefloatError as condition:
        yield f"{repository} {reference[:20]} is live and cannot be pulled: {condition}"


def _unsound(world: World) -> Iterator[str]:
    """Every live row has a file with the right bytes, every file a row, every reference its end."""
    execute = world.metadata.read._execute
    for row in execute("PRAGMA foreign_key_check").fetchall():
        yield f"a foreign key leads nowhere: {tuple(row)}"
    for (name,) in execute(UNSIZED).fetchall():
        yield f"{name[:15]} has another size where it is used"
    for name, key in execute("SELECT digest, key FROM blobs").fetchall():
        path = world.blobs.path(key)
        if not path.exists():
            yield f"{name[:15]} is live and its bytes are gone"
        elif Digest.of(path.read_bytes()) != name:
            yield f"{name[:15]} is live and its bytes are wrong"


def _revived(world: World) -> Iterator[str]:
    """What was purged is nobody's again, whatever was under way."""
    execute = world.metadata.read._execute
    for (name,) in execute("SELECT digest FROM blocks WHERE digest IN (SELECT digest FROM blobs)").fetchall():
        yield f"{name[:15]} was purged and is live"


def _unkept_backups(world: World) -> Iterator[str]:
    """Whatever a backup names live can still be restored."""
    for path in sorted(world.backups.glob("*.db")) if world.backups.exists() else ():
        with closing(sqlite3.connect(path)) as backup:
            for name, key in backup.execute("SELECT digest, key FROM blobs").fetchall():
                if not world.blobs.path(key).exists():
                    yield f"{name[:15]} is live in a backup and its bytes are gone"


def leaks(world: World) -> list[str]:
    """Delete everything, let time pass, collect: return what is still there."""
    for path in world.backups.glob("*.db") if world.backups.exists() else ():
        path.unlink()  # in time newer backups would have replaced it
    world.metadata.write_now(lambda tx: _remove_all(world, tx))
    for _ in range(ROUNDS):
        world.now += WINDOW + LEASE + IDLE + HOUR
        run_round(world.metadata, world.blobs, world.tick(), TERMS)
        if not (left := _left(world)):
            break
    return left


def _remove_all(world: World, tx: Transaction) -> None:
    references: dict[str, list[str]] = {}
    for repository, reference in _live(world):
        references.setdefault(repository, []).append(reference)
    for repository, names in references.items():
        identity = change_id(world.dice(8))
        cause = Cause(world.now, identity, world.now + WINDOW)
        remove(tx, Selection({RepositoryName(repository): [parse_reference(name) for name in names]}), cause, "image")


def _left(world: World) -> list[str]:
    execute = world.metadata.read._execute
    counts = execute("SELECT " + ", ".join(f"(SELECT count(*) FROM {table})" for table in EMPTY)).fetchone()
    left = [f"{count} rows of {table}" for table, count in zip(EMPTY, counts, strict=True) if count]
    stored = list(world.blobs.keys())
    return left + [f"file {key}" for key in stored]
