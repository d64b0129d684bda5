"""The hot reads: prepared statements on one kept-open connection, from the last committed state."""

import sqlite3
from collections.abc import Sequence

from refloat.core.blocks import Block
from refloat.core.names import Digest, Reference, RepositoryName
from refloat.core.receipts import Receipt, read_line
from refloat.core.records import Blob, Change, LiveKey, ManifestFacts, StoredManifest, Upload
from refloat.core.referrers import Referrer, ReferrersAsked
from refloat.metadata.rows import json_list, read_change

_MANIFEST = """
SELECT t.digest, m.media_type, CAST(m.body AS BLOB)  -- a damaged row may call it text
FROM repositories r JOIN tips t ON t.repository = r.id JOIN manifests m ON m.repository = r.id AND m.digest = t.digest
WHERE r.name = ? AND t.reference = ?"""

# Readable: a live manifest of the repository uses it, or an upload or mount made it so and no manifest used it yet.
_BLOB = """
SELECT b.key, b.size, l.expires
FROM repositories r JOIN blobs b ON b.digest = ?2
LEFT JOIN leases l ON l.repository = r.id AND l.digest = b.digest
WHERE r.name = ?1 AND b.damaged_at IS NULL AND (l.readable > ?3 OR EXISTS (
    SELECT 1 FROM refs f JOIN tips t ON t.repository = f.repository AND t.reference = f.parent
    WHERE f.repository = r.id AND f.digest = b.digest AND f.blob IS NOT NULL))"""

_HOLDS = """
SELECT 1 FROM repositories r JOIN blobs b ON b.digest = ?2
WHERE r.name = ?1 AND b.damaged_at IS NULL AND (
    EXISTS (SELECT 1 FROM leases l WHERE l.repository = r.id AND l.digest = b.digest)
    OR EXISTS (SELECT 1 FROM refs f WHERE f.repository = r.id AND f.digest = b.digest AND f.blob IS NOT NULL))"""

_LIVE_KEYS = """
SELECT b.key, b.size, b.verified_at, b.damaged_at IS NOT NULL
FROM json_each(?) n CROSS JOIN blobs b ON b.digest = n.value"""

_UPLOAD = """
SELECT u.id, u.key, u.size, u.version, u.expires FROM uploads u JOIN repositories r ON r.id = u.repository
WHERE u.id = ? AND r.name = ? AND u.expires > ?"""

# One line of all tags: ten thousand rows would each cost a turn of the interpreter's lock.
_TAGS = """
SELECT group_concat(reference, char(10)) FROM (
    SELECT t.reference FROM repositories r JOIN tips t ON t.repository = r.id
    WHERE r.name = ? AND t.manifest IS NULL AND t.reference > ? ORDER BY t.reference LIMIT ?)"""

_CATALOG = """
SELECT name FROM repositories r WHERE name > ? AND EXISTS (SELECT 1 FROM tips t WHERE t.repository = r.id)
ORDER BY name LIMIT ?"""

_REFERRER_FACTS = """
SELECT m.digest, m.media_type, m.artifact_type, length(m.body), m.pushed_at
FROM repositories r JOIN manifests m ON m.repository = r.id
JOIN tips t ON t.repository = r.id AND t.reference = m.digest
WHERE r.name = ?1 AND m.subject = ?2 AND m.digest > ?3 AND (?4 IS NULL OR m.artifact_type = ?4)
ORDER BY m.digest LIMIT ?5"""

# In the order of its index: who stops reading has read no body beyond that. A damaged row may call a body text.
_REFERRERS = _REFERRER_FACTS.replace("m.pushed_at", "m.pushed_at, CAST(m.body AS BLOB)")

_DELETED_BY = """
SELECT m.change, m.new, m.held FROM repositories r JOIN moves m ON m.repository = r.id
WHERE r.name = ? AND m.reference = ? ORDER BY m.seq DESC LIMIT 1"""


_PURGE_OF = """
SELECT p.note, c.at FROM repositories r JOIN moves m ON m.repository = r.id JOIN changes c ON c.n = m.change
JOIN purged d ON d.digest = m.old JOIN purges p ON p.n = d.purge
WHERE r.name = ?1 AND m.new IS NULL AND m.seq = (
    SELECT max(l.seq) FROM moves l WHERE l.repository = r.id AND l.reference = ?2)
ORDER BY d.purge DESC"""


class SqliteReader:
    """`ports.Reader` on one connection."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._execute = connection.execute

    def has_repository(self, repository: RepositoryName) -> bool:
        return self._execute("SELECT 1 FROM repositories WHERE name = ?", (repository,)).fetchone() is not None

    def manifest(self, repository: RepositoryName, reference: Reference) -> StoredManifest | None:
        row = self._execute(_MANIFEST, (repository, reference)).fetchone()
        return StoredManifest(Digest(row[0]), row[1], row[2]) if row else None

    def blob(self, repository: RepositoryName, digest: Digest, now: int) -> Blob | None:
        row = self._execute(_BLOB, (repository, digest, now)).fetchone()
        return Blob(digest, row[0], row[1], row[2]) if row else None

    def holds(self, repository: RepositoryName, digest: Digest) -> bool:
        return self._execute(_HOLDS, (repository, digest)).fetchone() is not None

    def live_key(self, digest: Digest) -> LiveKey | None:
        row = self._execute(
            "SELECT key, size, verified_at, damaged_at IS NOT NULL FROM blobs WHERE digest = ?", (digest,)
        ).fetchone()
        return LiveKey(row[0], row[1], row[2], bool(row[3])) if row else None

    def live_keys(self, digests: Sequence[Digest]) -> list[LiveKey]:
        rows = self._execute(_LIVE_KEYS, (json_list(digests),))
        return [LiveKey(row[0], row[1], row[2], bool(row[3])) for row in rows]

    def upload(self, repository: RepositoryName, upload: str, now: int) -> Upload | None:
        row = self._execute(_UPLOAD, (upload, repository, now)).fetchone()
        return Upload(row[0], repository, row[1], row[2], row[3], row[4]) if row else None

    def tags(self, repository: RepositoryName, last: str, limit: int | None) -> list[str]:
        (tags,) = self._execute(_TAGS, (repository, last, -1 if limit is None else limit)).fetchone()
        return sorted(tags.split("\n")) if tags else []  # nothing promises the line's order

    def catalog(self, last: str, limit: int) -> list[RepositoryName]:
        return [row[0] for row in self._execute(_CATALOG, (last, limit))]

    def referrers(self, repository: RepositoryName, subject: Digest, asked: ReferrersAsked) -> list[Referrer]:
        limit = -1 if asked.limit is None else asked.limit
        rows = self._execute(_REFERRERS, (repository, subject, asked.after, asked.artifact_type, limit))
        found, size = list[Referrer](), 0
        for row in rows:
            found.append(Referrer(Digest(row[0]), *row[1:]))
            size += found[-1].size
            if asked.most is not None and size > asked.most:
                rows.close()
                break
        return found

    def referrer_facts(self, repository: RepositoryName, subject: Digest) -> list[ManifestFacts]:
        rows = self._execute(_REFERRER_FACTS, (repository, subject, "", None, -1))
        return [ManifestFacts(Digest(row[0]), *row[1:]) for row in rows]

    def deleted_by(self, repository: RepositoryName, reference: Reference) -> Change | None:
        row = self._execute(_DELETED_BY, (repository, reference)).fetchone()
        if row is None or row[1] is not None or row[2] is None:
            return None
        return read_change(self._execute, row[0], most=0)

    def block_on(self, digest: Digest) -> Block | None:
        row = self._execute("SELECT purge, at FROM blocks WHERE digest = ?", (digest,)).fetchone()
        return Block(digest, row[0], row[1]) if row else None

    def purged_by(self, digest: Digest) -> str | None:
        row = self._execute(
            "SELECT p.id FROM purged d JOIN purges p ON p.n = d.purge WHERE d.digest = ? ORDER BY d.purge DESC LIMIT 1",
            (digest,),
        ).fetchone()
        return str(row[0]) if row else None

    def purge_of(self, repository: RepositoryName, reference: Reference) -> Receipt | None:
        for line, at in self._execute(_PURGE_OF, (repository, reference)):
            note = read_line(line.encode())
            if isinstance(note, Receipt) and repository in note.repositories and note.at >= at:
                return note
        return None
