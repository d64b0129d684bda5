"""What holds bytes, and until when: the reads behind every forecast."""

import sqlite3
from collections.abc import Mapping, Sequence
from typing import TypeVar

from refloat.core.names import Digest, RepositoryName, Tag
from refloat.core.prices import FOREVER, DatabaseSpace, Hold, Place, carried_down
from refloat.metadata.shrinking import space_of

V = TypeVar("V")

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

# The manifests that use something: each with the change that holds it longest, and is it a part of an index itself?
_USERS = """
SELECT f.repository, f.parent, (
    SELECT c.n FROM moves m JOIN changes c ON c.n = m.change WHERE m.repository = f.repository AND m.held = f.parent
    ORDER BY c.held_until DESC, c.n DESC LIMIT 1),
    EXISTS (SELECT 1 FROM refs p WHERE p.repository = f.repository AND p.child = f.parent)
FROM refs f WHERE """
_USERS_OF = _USERS + "f.blob = ?"
_INDEXES_OF = _USERS + "f.repository = ? AND f.child = ?"

_HOLDS_AFTER = """
SELECT 1 FROM changes c WHERE c.pruned = 0 AND c.held_until >= ?1 AND (c.held_until > ?1 OR c.n > ?2)
AND EXISTS (SELECT 1 FROM moves m WHERE m.change = c.n AND m.held IS NOT NULL) LIMIT 1"""

_TAGGED_AT_ONCE = """
SELECT 1 FROM refs f JOIN tips g ON g.repository = f.repository AND g.digest = f.parent AND g.manifest IS NULL
WHERE f.blob = ? LIMIT 1"""
# The live manifests that use something, or that a live one speaks about: has it a tag?
_HAS_TAG = """EXISTS (
    SELECT 1 FROM tips g WHERE g.repository = t.repository AND g.digest = t.digest AND g.manifest IS NULL)"""
_LIVE_USERS_OF = f"""
SELECT t.repository, t.reference, {_HAS_TAG}
FROM refs f JOIN tips t ON t.repository = f.repository AND t.reference = f.parent WHERE f.blob = ?"""
_LIVE_ABOVE = f"""
SELECT t.repository, t.reference, {_HAS_TAG}
FROM refs f JOIN tips t ON t.repository = f.repository AND t.reference = f.parent
WHERE f.repository = ?1 AND f.child = ?2
UNION SELECT t.repository, t.reference, {_HAS_TAG}
FROM manifests m JOIN tips t ON t.repository = m.repository AND t.reference = m.subject
WHERE m.repository = ?1 AND m.digest = ?2"""

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

MOST_KNOWN = 200_000  # manifests that are remembered for as long as one list is made
Manifest = tuple[int, str]  # the number of a repository, and a digest


class SqlitePrices:
    """`ports.Prices` on one connection. What it found out about a manifest it does not look up again for the next blob.

    Whoever nests an index in an index in an index would else have each of them looked at for everything below it.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._execute = connection.execute
        self._holds: dict[Manifest, Hold | None] = {}
        self._tagged: dict[Manifest, bool | None] = {}

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
            last = self._last_change(blob)
        (lease,) = self._execute("SELECT max(expires) FROM leases WHERE digest = ?", (blob,)).fetchone()
        holds = [last] if last is not None else []
        holds += [Hold(lease)] if lease is not None else []
        return max(holds, default=None)

    def _last_change(self, blob: Digest) -> Hold | None:
        """Return the hold of the change that holds a blob longest, through whatever is above it."""
        if len(self._holds) > MOST_KNOWN:
            self._holds.clear()
        users = self._execute(_USERS_OF, (blob,)).fetchall()
        pending, own, above = list(users), dict[Manifest, Hold | None](), dict[Manifest, list[Manifest]]()
        while pending:
            repository, digest, change, is_part = pending.pop()
            manifest = repository, digest
            if manifest in self._holds or manifest in own:
                continue
            own[manifest] = self._hold_of(change)
            indexes = self._execute(_INDEXES_OF, manifest).fetchall() if is_part else []
            above[manifest] = [(row[0], row[1]) for row in indexes]
            pending.extend(indexes)
        self._holds |= _carried_on(above, own, self._holds)
        return max((hold for row in users if (hold := self._holds[row[0], row[1]]) is not None), default=None)

    def _hold_of(self, change: int | None) -> Hold | None:
        if change is None:
            return None
        return Hold(*self._execute("SELECT held_until, n, id FROM changes WHERE n = ?", (change,)).fetchone())

    def is_tagged(self, blob: Digest) -> bool:
        if self._execute(_TAGGED_AT_ONCE, (blob,)).fetchone() is not None:
            return True
        if len(self._tagged) > MOST_KNOWN:
            self._tagged.clear()
        users = self._execute(_LIVE_USERS_OF, (blob,)).fetchall()
        pending, own, above = list(users), dict[Manifest, bool | None](), dict[Manifest, list[Manifest]]()
        while pending:
            repository, digest, has_tag = pending.pop()
            manifest = repository, digest
            if manifest not in self._tagged and manifest not in own:
                own[manifest] = bool(has_tag) or None
                found = self._execute(_LIVE_ABOVE, manifest).fetchall()
                above[manifest] = [(row[0], row[1]) for row in found]
                pending.extend(found)
        self._tagged |= _carried_on(above, own, self._tagged)
        return any(self._tagged[row[0], row[1]] for row in users)

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


def _carried_on(
    above: Mapping[Manifest, Sequence[Manifest]], own: dict[Manifest, V | None], known: Mapping[Manifest, V | None]
) -> dict[Manifest, V | None]:
    """Return what each of `own` has from itself and from all above it, of which some is known."""
    reached = {each: known[each] for others in above.values() for each in others if each in known}
    return carried_down(above, reached | own)
