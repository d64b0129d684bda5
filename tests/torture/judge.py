"""What can be seen from outside at the end: rows by plain SQL, files on the disk."""

import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path

KEYS = "SELECT key FROM blobs UNION SELECT key FROM uploads UNION SELECT key FROM doomed WHERE reaped_at IS NULL"
INCARNATIONS = """
SELECT coalesce(sum(n - 1), 0) FROM (SELECT count(*) AS n FROM (
    SELECT digest FROM doomed WHERE was_live UNION ALL SELECT digest FROM blobs) GROUP BY digest)"""
REASONS = "SELECT reason, count(*), sum(reaped_at IS NOT NULL) FROM doomed GROUP BY reason"


def rows(root: Path, statement: str) -> list[tuple[object, ...]]:
    """Run one query on the database of a data directory."""
    with closing(sqlite3.connect(f"file:{root}/refloat/refloat.db?mode=ro", uri=True, timeout=30)) as database:
        return database.execute(statement).fetchall()


def files(root: Path) -> dict[str, Path]:
    """Return every blob file, finished or not, by its key."""
    places = (root / "refloat" / "objects", root / "refloat" / "incoming")
    return {path.name: path for place in places for path in place.rglob("*") if path.is_file()}


def strays(root: Path) -> list[Path]:
    """Return the files that no row explains."""
    known = {row[0] for row in rows(root, KEYS)}
    return [path for key, path in files(root).items() if key not in known]


def lacking(root: Path) -> list[object]:
    """Return the digests whose live key has no file."""
    there = files(root)
    return [digest for digest, key in rows(root, "SELECT digest, key FROM blobs") if key not in there]


def damage(root: Path) -> list[tuple[object, ...]]:
    """Return what SQLite finds wrong with the database, rows that point to nothing included."""
    found = rows(root, "PRAGMA integrity_check") + rows(root, "PRAGMA foreign_key_check")
    return [row for row in found if row != ("ok",)]


def counters(root: Path) -> Counter[str]:
    """Return what happened to keys, as their tombstones tell."""
    seen: Counter[str] = Counter()
    for reason, doomed, reaped in rows(root, REASONS):
        seen[f"keys doomed: {reason}"] = int(str(doomed))
        seen["keys reaped"] += int(str(reaped))
    ((again,),) = rows(root, INCARNATIONS)
    seen["blobs uploaded again after they were condemned"] = int(str(again))
    return seen


def is_empty(root: Path) -> bool:
    """Has everything been collected?"""
    left = "SELECT 1 FROM blobs UNION ALL SELECT 1 FROM uploads UNION ALL SELECT 1 FROM doomed WHERE reaped_at IS NULL"
    return not rows(root, left)
