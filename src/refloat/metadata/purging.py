"""A purge's transaction: what ends, the keys it condemns, and what is written down about it."""

import sqlite3
from collections.abc import Iterable, Sequence

from refloat.core.names import Digest, RepositoryName
from refloat.core.receipts import Lifted, Note, Receipt, line_of, read_line
from refloat.core.records import Doomed, Upload
from refloat.metadata.remnants import SqliteRemains
from refloat.metadata.rows import to_doomed
from refloat.metadata.transaction import SqliteTransaction

_HOLDERS = """
SELECT r.name FROM repositories r WHERE EXISTS (SELECT 1 FROM manifests WHERE repository = r.id AND digest = ?1)
OR EXISTS (SELECT 1 FROM refs WHERE repository = r.id AND digest = ?1 AND (child IS NOT NULL OR blob IS NOT NULL))
OR EXISTS (SELECT 1 FROM leases WHERE repository = r.id AND digest = ?1 AND expires > ?2)"""
_WAITS = "SELECT 1 FROM doomed WHERE digest = ? AND reaped_at IS NULL LIMIT 1"
_UPLOADS = """
SELECT u.id, r.name, u.key, u.size, u.version, u.expires FROM uploads u JOIN repositories r ON r.id = u.repository"""
_DOOMED = """
SELECT key, digest, size, reason, condemned_at, delete_after, was_live, reaped_at FROM doomed
WHERE reaped_at IS NULL AND {which}"""


class SqlitePurging(SqliteTransaction):
    """`purge_ports.PurgeTransaction` on one connection."""

    # what there is

    def holders(self, names: Iterable[Digest], now: int) -> list[RepositoryName]:
        found = {row[0] for digest in names for row in self._execute(_HOLDERS, (digest, now))}
        return [RepositoryName(name) for name in sorted(found)]

    def remains(self, repository: RepositoryName) -> SqliteRemains:
        return SqliteRemains(self._execute, self._repository(repository))

    def body(self, digest: Digest) -> bytes | None:
        """Return a manifest's bytes, from whichever repository has it in whatever state."""
        row = self._execute(
            """SELECT CAST(m.body AS BLOB) FROM repositories r
               JOIN manifests m ON m.repository = r.id AND m.digest = ? LIMIT 1""",
            (digest,),
        ).fetchone()
        return row[0] if row else None

    def waits(self, names: Iterable[Digest]) -> bool:
        return any(self._execute(_WAITS, (digest,)).fetchone() for digest in names)

    # what ends

    def end(self, repository: RepositoryName, digests: Sequence[Digest]) -> set[Digest]:
        """Remove manifests that no tip points to any more, from history too. Returns the blobs they let go of."""
        number, let_go = self._repository(repository), set[Digest]()
        for digest in digests:
            self._execute("UPDATE moves SET held = NULL WHERE repository = ? AND held = ?", (number, digest))
            rows = self._execute(
                "DELETE FROM refs WHERE repository = ? AND parent = ? RETURNING blob", (number, digest)
            ).fetchall()
            let_go.update(Digest(row[0]) for row in rows if row[0] is not None)
        for digest in digests:
            self._execute("DELETE FROM manifests WHERE repository = ? AND digest = ?", (number, digest))
        return let_go

    def end_leases(self, repositories: Iterable[RepositoryName], digest: Digest, now: int) -> None:
        """End these repositories' leases on a blob, and whoever's are over."""
        for repository in repositories:
            self._execute(
                "DELETE FROM leases WHERE repository = ? AND digest = ?", (self._repository(repository), digest)
            )
        self._execute("DELETE FROM leases WHERE digest = ? AND expires <= ?", (digest, now))

    def condemn(self, digest: Digest, at: int) -> int | None:
        """Doom every key of a blob that nothing holds, to be reaped at once. Returns the size of the live one."""
        self._execute(
            "UPDATE doomed SET reason = 'purged', delete_after = ?1 WHERE digest = ?2 AND reaped_at IS NULL",
            (at, digest),
        )
        live = self.read.live_key(digest)
        if live is None:
            return None
        try:
            self._execute("DELETE FROM blobs WHERE digest = ?", (digest,))
        except sqlite3.IntegrityError:  # guard: a-purge-condemns-only-what-nothing-holds
            return None
        self.doom_live(digest, live, "purged", at, at)
        return live.size

    # stray copies of what ended

    def uploads(self) -> list[Upload]:
        return [Upload(row[0], RepositoryName(row[1]), *row[2:]) for row in self._execute(_UPLOADS)]

    def end_stray(self, upload: Upload, at: int) -> None:
        """End a session that holds bytes that ended, to be reaped at once."""
        self.end_upload(upload)
        self.doom_upload(upload.key, upload.size, "purged", at)

    def condemned(self) -> list[Doomed]:
        """Return the keys a purge condemned whose bytes are not confirmed absent."""
        return to_doomed(self._execute(_DOOMED.format(which="reason = 'purged'")))

    def never_live(self) -> list[Doomed]:
        """Return the doomed keys that were never live and whose bytes are not confirmed absent."""
        return to_doomed(self._execute(_DOOMED.format(which="was_live = 0 AND reason <> 'purged'")))

    def reaped(self, key: str, at: int) -> None:
        """Write down that a key's bytes are confirmed absent."""
        self._execute("UPDATE doomed SET attempts = attempts + 1, reaped_at = ? WHERE key = ?", (at, key))

    # what is written down

    def write_down(self, note: Note) -> bool:
        """Keep a note, and what it blocks or lifts. False: it is known already."""
        added = self._execute(
            "INSERT INTO purges (id, note, finished_at) VALUES (?, ?, ?) ON CONFLICT (id) DO NOTHING",
            (note.id, line_of(note).decode(), note.at if isinstance(note, Lifted) else None),
        )
        if added.rowcount != 1:
            return False
        if isinstance(note, Lifted):
            self._execute("DELETE FROM blocks WHERE purge = ?", (note.purge,))
        else:
            self._keep_receipt(note, added.lastrowid)
        return True

    def _keep_receipt(self, receipt: Receipt, n: int | None) -> None:
        for digest in dict.fromkeys((*receipt.names, *receipt.manifests, *receipt.blobs)):
            self._execute("INSERT INTO purged (digest, purge) VALUES (?, ?)", (digest, n))
        for digest in receipt.blocked:
            self._execute(
                "INSERT INTO blocks (digest, purge, at) VALUES (?, ?, ?) ON CONFLICT (digest) DO NOTHING",
                (digest, receipt.id, receipt.at),
            )

    def blocked_by(self, purge: str) -> list[Digest]:
        rows = self._execute("SELECT digest FROM blocks WHERE purge = ? ORDER BY digest", (purge,))
        return [Digest(row[0]) for row in rows]

    def notes(self, before: int | None, limit: int) -> list[tuple[int, Note]]:
        """Return notes with their numbers, newest first, from before a number on."""
        rows = self._execute(
            "SELECT n, note FROM purges WHERE n < ? ORDER BY n DESC LIMIT ?",
            (2**62 if before is None else before, limit),
        )
        return [(row[0], read_line(row[1].encode())) for row in rows]

    def unfinished(self) -> list[Receipt]:
        rows = self._execute("SELECT note FROM purges WHERE finished_at IS NULL ORDER BY n").fetchall()
        return [note for row in rows if isinstance(note := read_line(row[0].encode()), Receipt)]

    def finish(self, purges: Iterable[str], at: int) -> None:
        for purge in purges:
            self._execute("UPDATE purges SET finished_at = ? WHERE id = ?", (at, purge))
