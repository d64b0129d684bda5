"""What a verification asks the database, in pages, and the little it may write."""

import sqlite3
from collections.abc import Sequence

from refloat.core.names import Digest, Reference, RepositoryName
from refloat.core.records import LiveKey, StoredBody
from refloat.metadata.rows import to_reference

_LIVE = """
SELECT digest, key, size, verified_at, damaged_at IS NOT NULL FROM blobs WHERE digest > ? ORDER BY digest LIMIT ?"""
_BODIES = """
SELECT r.id, r.name, m.digest, CAST(m.body AS BLOB) FROM manifests m JOIN repositories r ON r.id = m.repository
WHERE (m.repository, m.digest) > (?, ?) ORDER BY m.repository, m.digest LIMIT ?"""
_USERS = """
SELECT r.name, coalesce(g.reference, f.parent)
FROM refs f JOIN repositories r ON r.id = f.repository
JOIN tips t ON t.repository = f.repository AND t.reference = f.parent
LEFT JOIN tips g ON g.repository = f.repository AND g.digest = f.parent AND g.manifest IS NULL
WHERE f.blob = ? ORDER BY r.name, g.reference LIMIT ?"""

_KNOWN = "SELECT 1 FROM keys WHERE key = ?1 UNION ALL SELECT 1 FROM blobs WHERE key = ?1"


class SqliteVerifying:
    """`ports.Verifying` on one connection."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._execute = connection.execute

    def live(self, after: str, limit: int) -> list[tuple[Digest, LiveKey]]:
        rows = self._execute(_LIVE, (after, limit))
        return [(Digest(row[0]), LiveKey(row[1], row[2], row[3], bool(row[4]))) for row in rows]

    def bodies(self, after: tuple[int, str], limit: int) -> list[StoredBody]:
        rows = self._execute(_BODIES, (*after, limit))
        return [StoredBody((row[0], row[2]), RepositoryName(row[1]), Digest(row[2]), row[3]) for row in rows]

    def known(self, keys: Sequence[str]) -> set[str]:
        return {key for key in keys if self._execute(_KNOWN, (key,)).fetchone()}

    def users(self, digest: Digest, limit: int) -> list[tuple[RepositoryName, Reference]]:
        return [(RepositoryName(name), to_reference(text)) for name, text in self._execute(_USERS, (digest, limit))]

    def faults(self) -> list[str]:
        try:
            said = [" ".join(f"{row[0]}".split()) for row in self._execute("PRAGMA integrity_check")]
        except sqlite3.DatabaseError as problem:  # too broken to be asked
            return [f"{problem}"]
        dangling = [f"{row[0]} row {row[1]} points to a missing {row[2]}" for row in
                    self._execute("PRAGMA foreign_key_check")]  # fmt: skip
        return [fault for fault in said if fault != "ok"] + dangling

    def damaged(self, digest: Digest, key: str, at: int) -> bool:
        done = self._execute(
            "UPDATE blobs SET damaged_at = ? WHERE digest = ? AND key = ? AND damaged_at IS NULL", (at, digest, key)
        )
        return done.rowcount == 1

    def sound(self, digest: Digest, key: str, at: int) -> bool:
        done = self._execute(
            "UPDATE blobs SET damaged_at = NULL, verified_at = ? WHERE digest = ? AND key = ?", (at, digest, key)
        )
        return done.rowcount == 1
