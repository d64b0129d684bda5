"""The collector's transactions: rows only, never any I/O on bytes."""

import sqlite3

from refloat.core.clock import Clock, Tick
from refloat.core.names import Digest, RepositoryName
from refloat.core.prices import Waiting
from refloat.core.records import Doomed, Pruned, Upload
from refloat.metadata.holdings import Holdings
from refloat.metadata.listing import SqliteListing
from refloat.metadata.reads import SqliteReader
from refloat.metadata.rows import to_doomed

KEPT_ROUNDS = 1000
_DUE_CHANGES = """
SELECT id FROM changes WHERE pruned = 0 AND held_until <= ? ORDER BY held_until, n LIMIT ?"""
_LOOSE = (
    "SELECT m.digest FROM manifests m WHERE m.repository = ?1 AND m.digest = ?2"
    " AND NOT EXISTS (SELECT 1 FROM tips WHERE repository = ?1 AND reference = ?2)"  # guard: what-is-live-stays
    " AND NOT EXISTS (SELECT 1 FROM moves WHERE repository = ?1 AND held = ?2)"  # guard: what-history-holds-stays
    " AND NOT EXISTS (SELECT 1 FROM refs WHERE repository = ?1 AND child = ?2)"  # guard: what-an-index-needs-stays
)
_OVER = "INSERT OR IGNORE INTO leases (repository, digest, readable, expires) VALUES (?, ?, 0, ?)"
_ENDED = """
SELECT r.name, l.digest FROM leases l JOIN repositories r ON r.id = l.repository
WHERE l.expires <= ? ORDER BY l.expires LIMIT ?"""
_EXPIRED = """
SELECT u.id, r.name, u.key, u.size, u.version, u.expires FROM uploads u JOIN repositories r ON r.id = u.repository
WHERE u.expires <= ? ORDER BY u.expires LIMIT ?"""
_DUE_KEYS = """
SELECT key, digest, size, reason, condemned_at, delete_after, was_live, reaped_at FROM doomed
WHERE (reaped_at IS NULL AND delete_after <= ?) OR reaped_at <= ? LIMIT ?"""
_DUE_AFTER = """
SELECT key, digest, size, reason, condemned_at, delete_after, was_live, reaped_at FROM doomed
WHERE reaped_at IS NULL AND delete_after <= ? AND key > ? ORDER BY key LIMIT ?"""
_WAITING = """
SELECT count(*), coalesce(sum(size), 0), max(CASE WHEN was_live THEN condemned_at END), coalesce(max(delete_after), 0)
FROM doomed WHERE reaped_at IS NULL"""
_OLD_CHANGES = """
SELECT n FROM changes WHERE pruned = 1 AND at < ? ORDER BY at LIMIT ?"""


class SqliteCollecting:
    """`ports.Collecting` in one transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._execute = connection.execute
        self._holdings = Holdings(connection.execute)
        self._read = SqliteReader(connection)
        self._listing = SqliteListing(connection)

    def clock(self) -> tuple[int, Clock | None]:
        row = self._execute(
            "SELECT number, clock, wall, uptime, session FROM rounds ORDER BY number DESC LIMIT 1"
        ).fetchone()
        return (row[0], Clock(row[1], Tick(row[2], row[3], row[4]))) if row else (0, None)

    def begin_round(self, number: int, clock: Clock) -> None:
        tick = clock.tick
        self._execute(
            "INSERT INTO rounds VALUES (?, ?, ?, ?, ?)",
            (number, clock.at, tick.wall, tick.uptime, tick.session),
        )
        self._execute("DELETE FROM rounds WHERE number <= ?", (number - KEPT_ROUNDS,))

    def due_changes(self, at: int, limit: int) -> list[str]:
        return [row[0] for row in self._execute(_DUE_CHANGES, (at, limit))]

    def prune(self, change: str, at: int) -> Pruned:
        """Let go of what a change displaced, and sweep the manifests that nothing holds now."""
        (n,) = self._execute("SELECT n FROM changes WHERE id = ?", (change,)).fetchone()
        let_go = self._execute(
            "SELECT repository, held FROM moves WHERE change = ? AND held IS NOT NULL", (n,)
        ).fetchall()
        self._execute("UPDATE moves SET held = NULL WHERE change = ?", (n,))
        self._execute("UPDATE changes SET pruned = 1 WHERE n = ?", (n,))
        swept = sum(self._sweep(repository, digest, at) for repository, digest in let_go)
        return Pruned(len(let_go), swept)

    def _sweep(self, repository: int, digest: str, at: int) -> int:
        """Drop a manifest that no tip, no move and no other manifest holds, then what only it held."""
        swept, pending = 0, [digest]
        while pending:
            digest = pending.pop()
            if self._execute(_LOOSE, (repository, digest)).fetchone() is None:
                continue
            refs = self._execute(
                "SELECT child, blob FROM refs WHERE repository = ? AND parent = ?", (repository, digest)
            ).fetchall()
            self._execute("DELETE FROM refs WHERE repository = ? AND parent = ?", (repository, digest))
            self._execute("DELETE FROM manifests WHERE repository = ? AND digest = ?", (repository, digest))
            for blob in [blob for _, blob in refs if blob is not None]:
                self._execute(_OVER, (repository, blob, at))  # guard: ended-leases-are-the-queue
            pending.extend(child for child, _ in refs if child is not None)
            swept += 1
        return swept

    def ended_leases(self, at: int, limit: int) -> list[tuple[RepositoryName, Digest]]:
        return [(RepositoryName(name), Digest(digest)) for name, digest in self._execute(_ENDED, (at, limit))]

    def condemn(self, repository: RepositoryName, digest: Digest, at: int, delete_after: int) -> bool:
        """End a lease that is over; if then nothing holds the blob, doom its key.

        The foreign keys of `refs` and `leases` decide: there is no count and no check before the act.
        """
        gone = self._execute(
            """DELETE FROM leases WHERE digest = ? AND expires <= ?
               AND repository = (SELECT id FROM repositories WHERE name = ?)""",
            (digest, at, repository),
        )
        live = self._read.live_key(digest)
        if gone.rowcount != 1 or live is None:
            return False
        try:
            self._execute("DELETE FROM blobs WHERE digest = ?", (digest,))
        except sqlite3.IntegrityError:  # guard: condemn-only-what-nothing-holds
            return False
        self._holdings.doom_live(digest, live, "unused", at, delete_after)
        return True

    def expired_uploads(self, at: int, limit: int) -> list[Upload]:
        rows = self._execute(_EXPIRED, (at, limit))
        return [Upload(row[0], RepositoryName(row[1]), *row[2:]) for row in rows]

    def expire_upload(self, upload: Upload, at: int) -> None:
        if self._holdings.end_upload(upload):
            self._holdings.doom_upload(upload.key, upload.size, "expired", at)

    def due_keys(self, at: int, confirmed_before: int, limit: int) -> list[Doomed]:
        return to_doomed(self._execute(_DUE_KEYS, (at, confirmed_before, limit)))

    def due_after(self, at: int, after: str, limit: int) -> list[Doomed]:
        return to_doomed(self._execute(_DUE_AFTER, (at, after, limit)))

    def doomed(self, limit: int) -> list[Doomed]:
        return self._listing.doomed(limit)

    def waiting(self) -> Waiting:
        return Waiting(*self._execute(_WAITING).fetchone())

    def postpone(self, key: str, until: int) -> None:
        self._execute("UPDATE doomed SET attempts = attempts + 1, delete_after = ? WHERE key = ?", (until, key))

    def reaped(self, key: str, at: int) -> None:
        self._execute("UPDATE doomed SET attempts = attempts + 1, reaped_at = ? WHERE key = ?", (at, key))

    def forget(self, key: str) -> None:
        self._execute("DELETE FROM doomed WHERE key = ?", (key,))
        self._execute("DELETE FROM keys WHERE key = ? AND state = 'doomed'", (key,))

    def forget_history(self, before: int, limit: int) -> int:
        numbers = [row[0] for row in self._execute(_OLD_CHANGES, (before, limit))]
        for n in numbers:
            self._execute("DELETE FROM moves WHERE change = ?", (n,))
            self._execute("DELETE FROM changes WHERE n = ?", (n,))
        return len(numbers)
