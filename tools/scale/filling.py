"""A generated registry's rows, written straight into a database of the current schema.

Indexes are put aside while the rows come and made again at the end; foreign keys are off meanwhile. No bytes of
blobs are written: whoever reads or removes some makes them, see `objects`.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from refloat.blobs.layout import Layout
from refloat.core.identity import change_id, key_at
from refloat.metadata.backups import Backups
from refloat.metadata.migrate import migrate
from refloat.metadata.sqlite import connect
from tools.scale.shape import PUSHES, SIZES, TEAM, Block, Shape, digest_of, name_of, size_of

DAY = 24 * 3600 * 1_000_000
AGE, SETTLED, WINDOW = 300 * DAY, 2 * DAY, 30 * DAY
"""The first push was so long ago, the last so long; and so long each change is held."""

CACHE = "-1000000"  # KiB
FAST = {"journal_mode": "OFF", "synchronous": "OFF", "cache_size": CACHE, "temp_store": "MEMORY"}
AT_ONCE = 100
"""Repositories whose rows are in memory at one time."""

_INSERTS = {
    "repositories": "INSERT INTO repositories (id, name) VALUES (?, ?)",
    "manifests": """INSERT INTO manifests (repository, digest, media_type, artifact_type, subject, pushed_at, body)
        VALUES (?, ?, ?, ?, ?, ?, CAST(? AS BLOB))""",
    "refs": """INSERT INTO refs (repository, parent, digest, kind, required, child, blob, size)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?)""",
    "tips": "INSERT INTO tips (repository, reference, digest, manifest, change) VALUES (?, ?, ?, ?, ?)",
    "moves": "INSERT INTO moves (repository, seq, change, reference, old, new, held) VALUES (?, ?, ?, ?, ?, ?, ?)",
    "changes": """INSERT INTO changes (n, id, at, kind, address, client, held_until, pruned)
        VALUES (?, ?, ?, ?, '10.0.0.7', ?, ?, ?)""",
    "keys": "INSERT INTO keys (key, state) VALUES (?, 'live')",
    "blobs": "INSERT INTO blobs (digest, key, size, verified_at) VALUES (?, ?, ?, ?)",
}
Values = tuple[object, ...]


class Calendar:
    """When everything happened. Repositories grow side by side, so that what is new is spread over all of them."""

    def __init__(self, shape: Shape, now: int) -> None:
        self._begin = now - AGE
        self._now = now
        blocks = sorted(
            ((number + (repository * 0.6180339887) % 1) / SIZES[repository % TEAM], repository, number)
            for repository in range(shape.repositories)
            for number in range(SIZES[repository % TEAM])
        )
        self._first = {(repository, number): rank * PUSHES + 1 for rank, (_, repository, number) in enumerate(blocks)}
        self.changes = len(blocks) * PUSHES
        self._step = (AGE - SETTLED) // self.changes

    def first(self, block: Block) -> int:
        """Return the number of a block's first change."""
        return self._first[block.repository, block.number]

    def at(self, change: int) -> int:
        """Return the instant of a change by its number."""
        return self._begin + change * self._step

    def is_pruned(self, change: int) -> bool:
        """Has history let go of it? None is about to, so that rounds collect only what they are given."""
        return self.at(change) + WINDOW < self._now + DAY


def fill(root: Path, shape: Shape, now: int) -> None:
    """Make a data directory with all rows of `shape`. `now` in microseconds since 1970.

    It gets the backup that every new directory begins with, which names nothing.
    """
    ours = root / "refloat"
    database = ours / "refloat.db"
    migrate(database)
    with closing(connect(database)) as connection:
        Backups(ours / "backups").save(connection, now)
    calendar = Calendar(shape, now)
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
        for name, value in FAST.items():
            connection.execute(f"PRAGMA {name} = {value}")
        with _indexes_aside(connection):
            connection.execute("BEGIN")
            _fill_repositories(connection, shape, calendar)
            _fill_changes(connection, calendar)
            _fill_blobs(connection, shape, calendar)
            connection.execute("COMMIT")


@contextmanager
def _indexes_aside(connection: sqlite3.Connection) -> Iterator[None]:
    """Drop every index while rows come, and make it again; what the planner believes stays as it was."""
    made = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL").fetchall()
    believed = connection.execute("SELECT tbl, idx, stat FROM sqlite_stat1").fetchall()
    for name, _ in made:
        connection.execute(f"DROP INDEX {name}")
    yield
    for _, statement in made:
        connection.execute(statement)
    connection.execute("DELETE FROM sqlite_stat1")
    connection.executemany("INSERT INTO sqlite_stat1 VALUES (?, ?, ?)", believed)


def _fill_repositories(connection: sqlite3.Connection, shape: Shape, calendar: Calendar) -> None:
    for first in range(0, shape.repositories, AT_ONCE):
        rows: dict[str, list[Values]] = {table: [] for table in ("repositories", "manifests", "refs", "tips", "moves")}
        for repository in range(first, min(first + AT_ONCE, shape.repositories)):
            rows["repositories"].append((repository + 1, name_of(repository)))
            blocks = shape.blocks(repository)
            _add_moves(rows["moves"], blocks, calendar)
            for block in blocks:
                _add_block(rows, block, calendar)
        rows["refs"].sort(key=_by_key)
        rows["tips"].sort(key=_by_key)
        for table, values in rows.items():
            connection.executemany(_INSERTS[table], values)


def _by_key(row: Values) -> Values:
    return row[:3]


def _add_block(rows: dict[str, list[Values]], block: Block, calendar: Calendar) -> None:
    """Add the manifests of a block, what they need, and its tips."""
    number, first = block.repository + 1, calendar.first(block)
    came = {move[0]: change for change, push in enumerate(block.pushes, first) for move in push.moves}
    for part in block.parts:
        digest = part.digest
        body = (part.media_type, part.artifact_type, part.subject, calendar.at(came[digest]), part.body)
        rows["manifests"].append((number, digest, *body))
        rows["tips"].append((number, digest, digest, digest, came[digest]))
        for needed, kind in part.refs:
            child, blob, size = (needed, None, None) if kind == "child" else (None, needed, size_of(needed))
            rows["refs"].append((number, digest, needed, kind, int(kind != "child"), child, blob, size))
    for tag, digest in block.tags:
        rows["tips"].append((number, tag, digest, None, came[tag]))


def _add_moves(rows: list[Values], blocks: Iterable[Block], calendar: Calendar) -> None:
    """Add the moves of a repository, counted from 1."""
    seq = 0
    for block in blocks:
        for change, push in enumerate(block.pushes, calendar.first(block)):
            is_pruned = calendar.is_pruned(change)
            for reference, old, new in push.moves:
                seq += 1
                rows.append((block.repository + 1, seq, change, reference, old, new, None if is_pruned else old))


def _fill_changes(connection: sqlite3.Connection, calendar: Calendar) -> None:
    def changes() -> Iterator[Values]:
        for n in range(1, calendar.changes + 1):
            at = calendar.at(n)
            kind, client = ("push", "docker/27.3") if n % PUSHES else ("delete", "refloat/0.1.0")
            pseudonym = change_id(bytes.fromhex(digest_of(f"change {n}")[7:23]))
            yield n, pseudonym, at, kind, client, at + WINDOW, int(calendar.is_pruned(n))

    connection.executemany(_INSERTS["changes"], changes())


def _fill_blobs(connection: sqlite3.Connection, shape: Shape, calendar: Calendar) -> None:
    for repository in range(shape.repositories):
        found = [(blob, block) for block in shape.blocks(repository) for blob in block.blobs]
        keys = [key_of(blob, calendar.at(calendar.first(block))) for blob, block in found]
        connection.executemany(_INSERTS["keys"], ((key,) for key in keys))
        connection.executemany(
            _INSERTS["blobs"],
            (
                (blob, key, size_of(blob), calendar.at(calendar.first(block)))
                for (blob, block), key in zip(found, keys, strict=True)
            ),
        )
    at = calendar.at(0)
    connection.executemany(_INSERTS["keys"], ((key_of(blob, at),) for blob in shape.bases))
    connection.executemany(_INSERTS["blobs"], ((blob, key_of(blob, at), size_of(blob), at) for blob in shape.bases))


def key_of(blob: str, at: int) -> str:
    """Return the key of a blob's bytes."""
    return key_at(at, bytes.fromhex(blob[7:27]))


def objects(root: Path, blobs: Iterable[str]) -> int:
    """Make the files of some blobs, sparse and of the size that their rows say. Returns how many."""
    layout, count = Layout(root / "refloat"), 0
    with closing(sqlite3.connect(root / "refloat" / "refloat.db")) as connection:
        for blob in blobs:
            key, size = connection.execute("SELECT key, size FROM blobs WHERE digest = ?", (blob,)).fetchone()
            path = Path(layout.whole(key))
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("wb") as file:
                file.truncate(size)
            count += 1
    return count


def read_through(root: Path) -> None:
    """Read the database from end to end, so that it lies in the page cache as far as the memory goes."""
    with (root / "refloat" / "refloat.db").open("rb", buffering=0) as file:
        while file.read(1 << 20):
            pass
