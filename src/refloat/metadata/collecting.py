"""The collector's transactions: rows only, never any I/O on bytes."""

import sqlite3
import sys
from collections.abc import Sequence

from refloat.core.clock import Clock, Tick
from refloat.core.names import Digest, RepositoryName
from refloat.core.prices import Waiting
from refloat.core.records import Doomed, Forgotten, Pruned, Upload
from refloat.metadata.holdings import Holdings
from refloat.metadata.listing import SqliteListing
from refloat.metadata.reads import SqliteReader
from refloat.metadata.rows import json_list, to_doomed

KEPT_ROUNDS = 1000
_DUE_CHANGES = """
SELECT id FROM changes WHERE pruned = 0 AND held_until <= ? ORDER BY held_until, n LIMIT ?"""
_HELD = "SELECT repository, seq, held FROM moves WHERE change = ?1 AND held IS NOT NULL AND new IS {new}"
_LET_GO = f"{_HELD.format(new='NULL')} UNION ALL {_HELD.format(new='NOT NULL')} LIMIT ?2"
_LOOSE = (
    "SELECT m.digest FROM manifests m WHERE m.repository = ?1 AND m.digest = ?2"
    " AND NOT EXISTS (SELECT 1 FROM tips WHERE repository = ?1 AND reference = ?2)"  # guard: what-is-live-stays
    " AND NOT EXISTS (SELECT 1 FROM moves WHERE repository = ?1 AND held = ?2)"  # guard: what-history-holds-stays
    " AND NOT EXISTS (SELECT 1 FROM refs WHERE repository = ?1 AND child = ?2)"  # guard: what-an-index-needs-stays
)
_DROPPED = "DELETE FROM refs WHERE repository = ? AND parent = ? RETURNING child, blob"
_OVER = """
INSERT OR IGNORE INTO leases (repository, digest, readable, expires) SELECT ?1, n.value, 0, ?3 FROM json_each(?2) n"""
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
_FORGOTTEN = """
DELETE FROM moves WHERE (repository, seq) IN (SELECT repository, seq FROM moves WHERE change = ? LIMIT ?)"""
Loose = tuple[int, str]  # a repository's number, and a manifest's digest


class SqliteCollecting:
    """`ports.Collecting` in one transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._execute = connection.execute
        self._holdings = Holdings(connection)
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

    def prune(self, change: str, at: int, rows: int | None = None) -> Pruned:
        """Let go of what a change displaced, and sweep the manifests that nothing holds now."""
        most, left = (sys.maxsize, sys.maxsize) if rows is None else (_share(rows), rows)
        (n,) = self._execute("SELECT n FROM changes WHERE id = ?", (change,)).fetchone()
        let_go = self._execute(_LET_GO, (n, most)).fetchall()
        for repository, seq, _ in let_go:
            self._execute("UPDATE moves SET held = NULL WHERE repository = ? AND seq = ?", (repository, seq))
        is_whole = len(let_go) < most
        if is_whole:
            self._execute("UPDATE changes SET pruned = 1 WHERE n = ?", (n,))
        moved = 1 + len(let_go)
        swept = self._sweep([(repository, held) for repository, _, held in let_go], at, left - moved)
        return Pruned(len(let_go), swept.swept, moved + swept.rows, is_whole)

    def sweep(self, at: int, rows: int) -> Pruned:
        found = self._execute("SELECT repository, digest FROM unswept LIMIT ?", (_share(rows),)).fetchall()
        for row in found:
            self._execute("DELETE FROM unswept WHERE repository = ? AND digest = ?", row)
        swept = self._sweep(found, at, rows - len(found))
        return Pruned(0, swept.swept, len(found) + swept.rows, is_whole=False)

    def _sweep(self, loose: Sequence[Loose], at: int, rows: int) -> Pruned:
        """Drop manifests that no tip, no move and no other manifest holds, then what only they held.

        What is left after about so many rows waits in `unswept`, also over a crash.
        """
        pending, swept, gone = [*reversed(loose)], 0, 0
        while pending and gone < rows:
            repository, digest = pending.pop()
            gone += 1
            if self._execute(_LOOSE, (repository, digest)).fetchone() is None:
                continue
            parts = self._drop(repository, digest, at)
            gone += len(parts)
            swept += 1
            pending.extend((repository, child) for child, _ in parts if child is not None)
        for left in pending:
            self._execute("INSERT OR IGNORE INTO unswept VALUES (?, ?)", left)  # guard: a-sweep-goes-on
        return Pruned(0, swept, gone, is_whole=False)

    def _drop(self, repository: int, digest: str, at: int) -> list[tuple[str | None, str | None]]:
        """Remove a manifest. Returns what it held: the child and the blob of each of its rows."""
        parts = self._execute(_DROPPED, (repository, digest)).fetchall()
        self._execute("DELETE FROM manifests WHERE repository = ? AND digest = ?", (repository, digest))
        blobs = [blob for _, blob in parts if blob is not None]
        if blobs:
            self._execute(_OVER, (repository, json_list(blobs), at))  # guard: ended-leases-are-the-queue
        return parts

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

    def forget_history(self, before: int, rows: int) -> Forgotten:
        changes, gone = 0, 0
        for (n,) in self._execute(_OLD_CHANGES, (before, rows)).fetchall():
            gone += 1 + self._execute(_FORGOTTEN, (n, rows - gone)).rowcount
            if gone > rows:  # there may be more moves of it
                break
            self._execute("DELETE FROM changes WHERE n = ?", (n,))
            changes += 1
        return Forgotten(changes, gone)


def _share(rows: int) -> int:
    """Return how many manifests to begin with where about so many rows may go: an image has about seven others."""
    return max(1, rows // 8)
