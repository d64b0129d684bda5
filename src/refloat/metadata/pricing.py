"""What holds bytes, and until when: the reads behind every forecast."""

import sqlite3
from collections.abc import Sequence

from refloat.core.names import Digest, RepositoryName, Tag
from refloat.core.prices import FOREVER, DatabaseSpace, Hold, Place
from refloat.metadata.shrinking import space_of

_DISPLACED = """
WITH RECURSIVE down (repository, digest) AS (
    SELECT m.repository, m.held FROM changes c JOIN moves m ON m.change = c.n WHERE c.id = ? AND m.held IS NOT NULL
    UNION SELECT f.repository, f.child FROM down d JOIN refs f ON f.repository = d.repository AND f.parent = d.digest
    WHERE f.child IS NOT NULL)
SELECT DISTINCT f.blob, f.size FROM down d
JOIN refs f ON f.repository = d.repository AND f.parent = d.digest WHERE f.blob IS NOT NULL"""

# A live index has live children only, so that a blob's own manifests tell whether a tip reaches it.
_IS_LIVE = """
SELECT 1 FROM refs f JOIN tips t ON t.repository = f.repository AND t.reference = f.parent WHERE f.blob = ? LIMIT 1"""

_USERS = """
WITH RECURSIVE up (repository, digest) AS (
    SELECT f.repository, f.parent FROM refs f WHERE f.blob = ?1
    UNION SELECT f.repository, f.parent FROM up u JOIN refs f ON f.repository = u.repository AND f.child = u.digest)"""
_LAST_CHANGE = f"""{_USERS}
SELECT c.held_until, c.n, c.id FROM up u JOIN moves m ON m.repository = u.repository AND m.held = u.digest
JOIN changes c ON c.n = m.change ORDER BY c.held_until DESC, c.n DESC LIMIT 1"""

_HOLDS_AFTER = """
SELECT 1 FROM changes c WHERE c.pruned = 0 AND c.held_until >= ?1 AND (c.held_until > ?1 OR c.n > ?2)
AND EXISTS (SELECT 1 FROM moves m WHERE m.change = c.n AND m.held IS NOT NULL) LIMIT 1"""

_TAGGED_AT_ONCE = """
SELECT 1 FROM refs f JOIN tips g ON g.repository = f.repository AND g.digest = f.parent AND g.manifest IS NULL
WHERE f.blob = ? LIMIT 1"""
_TAGGED = """
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

_LIVE_USERS = """
SELECT f.repository, f.parent FROM refs f JOIN tips t ON t.repository = f.repository AND t.reference = f.parent
WHERE f.blob = ?"""
_BELOW = """
WITH RECURSIVE down (digest) AS (
    SELECT t.digest FROM tips t WHERE t.repository = ?1 AND t.reference = ?2
    UNION SELECT f.child FROM down d JOIN refs f ON f.repository = ?1 AND f.parent = d.digest
    WHERE f.child IS NOT NULL)
SELECT digest FROM down"""
_BLOBS_OF = "SELECT blob, size FROM refs WHERE repository = ? AND parent = ? AND blob IS NOT NULL"
_BLOBS_HERE = "SELECT DISTINCT blob, size FROM refs WHERE repository = ? AND blob IS NOT NULL"
_IS_LIVE_HERE = """
SELECT 1 FROM refs f JOIN tips t ON t.repository = f.repository AND t.reference = f.parent
WHERE f.repository = ?1 AND f.digest = ?2 AND f.blob IS NOT NULL LIMIT 1"""
_ELSEWHERE = "SELECT 1 FROM refs WHERE blob = ?1 AND repository <> ?2 LIMIT 1"
_LARGEST = """
SELECT b.digest, b.size, (SELECT count(*) FROM refs f WHERE f.blob = b.digest),
    (SELECT count(DISTINCT f.repository) FROM refs f WHERE f.blob = b.digest)
FROM blobs b ORDER BY b.size DESC, b.digest LIMIT ?"""

# The largest are chosen before anybody counts who else has them: some blobs are everywhere.
_LARGEST_HERE = """
SELECT l.digest, l.size, l.users, (SELECT count(DISTINCT g.repository) FROM refs g WHERE g.blob = l.digest)
FROM (SELECT f.blob AS digest, f.size, count(*) AS users FROM refs f
    WHERE f.repository = ? AND f.blob IS NOT NULL GROUP BY f.blob, f.size ORDER BY f.size DESC, f.blob LIMIT ?) l
ORDER BY l.size DESC, l.digest"""


BLOBS_BELOW = """
WITH RECURSIVE parts (digest) AS (
    SELECT ?2 UNION SELECT f.child FROM refs f JOIN parts p ON f.parent = p.digest
    WHERE f.repository = ?1 AND f.child IS NOT NULL)
SELECT DISTINCT f.blob, f.size FROM refs f JOIN parts p ON f.parent = p.digest
WHERE f.repository = ?1 AND f.blob IS NOT NULL"""
"""Of a repository's number and a manifest: the blobs below it and all its parts, whatever its body calls them."""


class SqlitePrices:
    """`ports.Prices` on one connection."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._execute = connection.execute

    def displaced_blobs(self, change: str) -> list[tuple[Digest, int]]:
        return [(Digest(row[0]), row[1]) for row in self._execute(_DISPLACED, (change,))]

    def hold_of_last(self, change: str) -> Hold | None:
        row = self._execute("SELECT held_until, n, id FROM changes WHERE id = ? AND pruned = 0", (change,)).fetchone()
        if row is None or self._execute(_HOLDS_AFTER, row[:2]).fetchone() is not None:
            return None
        return Hold(*row)

    def last_hold(self, blob: Digest, last: Hold | None = None) -> Hold | None:
        if self._execute(_IS_LIVE, (blob,)).fetchone() is not None:
            return Hold(FOREVER)
        if last is None:
            change = self._execute(_LAST_CHANGE, (blob,)).fetchone()
            last = Hold(*change) if change else None
        (lease,) = self._execute("SELECT max(expires) FROM leases WHERE digest = ?", (blob,)).fetchone()
        holds = [last] if last is not None else []
        holds += [Hold(lease)] if lease is not None else []
        return max(holds, default=None)

    def is_tagged(self, blob: Digest) -> bool:
        if self._execute(_TAGGED_AT_ONCE, (blob,)).fetchone() is not None:
            return True
        return self._execute(_TAGGED, (blob,)).fetchone() is not None

    def places(self, keys: Sequence[str]) -> dict[str, Place]:
        marks = ", ".join("?" * len(keys))
        rows = self._execute(
            f"SELECT k.key, k.state, b.digest FROM keys k LEFT JOIN blobs b ON b.key = k.key WHERE k.key IN ({marks})",
            tuple(keys),
        )
        return {row[0]: Place(row[1], Digest(row[2]) if row[2] else None) for row in rows}

    def database_space(self) -> DatabaseSpace:
        return space_of(self._execute)

    def tag_sizes(self, repository: RepositoryName, tag: Tag) -> tuple[int, int]:
        number = self._repository(repository)
        below = {row[0] for row in self._execute(_BELOW, (number, tag))}
        blobs = dict(row for digest in below for row in self._execute(_BLOBS_OF, (number, digest)))
        own = sum(size for blob, size in blobs.items() if self._is_only_in(blob, number, below))
        return sum(blobs.values()), own

    def repository_sizes(self, repository: RepositoryName) -> tuple[int, int, int]:
        number, live, own, trash = self._repository(repository), 0, 0, 0
        for blob, size in self._execute(_BLOBS_HERE, (number,)).fetchall():
            is_alone = self._execute(_ELSEWHERE, (blob, number)).fetchone() is None
            if self._execute(_IS_LIVE_HERE, (number, blob)).fetchone() is not None:
                live += size
                own += size if is_alone else 0
            elif is_alone:
                trash += size
        return live, own, trash

    def blobs_below(self, repository: RepositoryName, digest: Digest) -> list[tuple[Digest, int]]:
        rows = self._execute(BLOBS_BELOW, (self._repository(repository), digest))
        return [(Digest(row[0]), row[1]) for row in rows]

    def known_repositories(self, last: str, limit: int) -> list[RepositoryName]:
        rows = self._execute("SELECT name FROM repositories WHERE name > ? ORDER BY name LIMIT ?", (last, limit))
        return [RepositoryName(row[0]) for row in rows]

    def largest_blobs(self, repository: RepositoryName | None, limit: int) -> list[tuple[Digest, int, int, int]]:
        if repository is None:
            rows = self._execute(_LARGEST, (limit,))
        else:
            rows = self._execute(_LARGEST_HERE, (self._repository(repository), limit))
        return [(Digest(row[0]), *row[1:]) for row in rows]

    def _is_only_in(self, blob: str, repository: int | None, manifests: set[str]) -> bool:
        users = self._execute(_LIVE_USERS, (blob,))
        return all(number == repository and parent in manifests for number, parent in users)

    def _repository(self, name: RepositoryName) -> int | None:
        row = self._execute("SELECT id FROM repositories WHERE name = ?", (name,)).fetchone()
        return int(row[0]) if row else None
