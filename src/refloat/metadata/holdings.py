"""What holds bytes: manifests and their references, leases, uploads, and the state of keys."""

import sqlite3
from collections.abc import Iterable

from refloat.core.manifest import Manifest, Need
from refloat.core.names import Digest, RepositoryName
from refloat.core.records import LiveKey, ReapReason, Upload
from refloat.metadata import entering
from refloat.metadata.references import References

_MANIFEST = """
INSERT INTO manifests (repository, digest, media_type, artifact_type, subject, pushed_at, body)
VALUES (?, ?, ?, ?, ?, ?, ?)"""
_FOLLOW_MANIFEST = """
UPDATE refs SET child = digest WHERE repository = ? AND digest = ? AND child IS NULL AND NOT required"""
_FOLLOW_BLOB = """
UPDATE refs SET blob = digest, size = (SELECT b.size FROM blobs b WHERE b.digest = refs.digest)
WHERE repository = ? AND digest = ? AND blob IS NULL"""
_LEASE = """
INSERT INTO leases (repository, digest, readable, expires) VALUES (?, ?, ?, ?)
ON CONFLICT (repository, digest) DO UPDATE
SET readable = max(readable, excluded.readable), expires = max(expires, excluded.expires)"""
_BLOB = """
INSERT INTO blobs (digest, key, size, verified_at) VALUES (?, ?, ?, ?)
ON CONFLICT (digest) DO UPDATE
SET key = excluded.key, size = excluded.size, verified_at = excluded.verified_at, damaged_at = NULL"""
_DOOM = """
INSERT INTO doomed (key, digest, size, reason, was_live, condemned_at, delete_after) VALUES (?, ?, ?, ?, ?, ?, ?)"""


class KeyStateError(Exception):
    """A key was not in the state a step needs. It is a bug, and the transaction must not go on."""


class Holdings(References):
    """The part of a transaction that stores manifests and holds blobs."""

    # manifests

    def has_manifest(self, repository: RepositoryName, digest: Digest) -> bool:
        return self.media_type(repository, digest) is not None

    def media_type(self, repository: RepositoryName, digest: Digest) -> str | None:
        row = self._execute(
            "SELECT media_type FROM manifests WHERE repository = ? AND digest = ?",
            (self._repository(repository), digest),
        ).fetchone()
        return str(row[0]) if row else None

    def missing(self, repository: RepositoryName, needs: Iterable[Need]) -> list[Digest]:
        return entering.missing(self._execute, self._repository(repository), needs)

    def put_manifest(
        self, repository: RepositoryName, digest: Digest, body: bytes, manifest: Manifest, at: int
    ) -> None:
        number = self._repository(repository)
        self._execute(
            _MANIFEST,
            (
                number,
                digest,
                manifest.media_type,
                manifest.artifact_type,
                manifest.subject,
                at,
                body,
            ),
        )
        entering.enter(self._execute, number, digest, manifest.needs)
        self._execute(_FOLLOW_MANIFEST, (number, digest))  # guard: a-part-that-comes-is-one

    def retype_manifest(self, repository: RepositoryName, digest: Digest, manifest: Manifest) -> None:
        """Store a manifest's type anew, and what it needs as that type. What it held before it holds on to.

        Each reference is looked up while the one before it still holds: nothing is let go of in between.
        """
        number = self._repository(repository)
        self._execute(
            """UPDATE manifests SET media_type = ?3, artifact_type = ?4, subject = ?5
               WHERE repository = ?1 AND digest = ?2""",
            (number, digest, manifest.media_type, manifest.artifact_type, manifest.subject),
        )
        entering.enter_anew(self._execute, number, digest, manifest.needs)

    def heal_manifest(self, repository: RepositoryName, digest: Digest, body: bytes) -> None:
        """Put right what the disk made of a stored manifest's body; `body` hashes to `digest`."""
        self._execute(
            "UPDATE manifests SET body = ?3 WHERE repository = ?1 AND digest = ?2 AND body <> ?3",
            (self._repository(repository), digest, body),
        )

    def used(self, repository: RepositoryName, digest: Digest) -> None:
        """End reading by lease of what a manifest uses: from now on the manifest makes it readable."""
        self._execute(
            """UPDATE leases SET readable = 0 WHERE repository = ?1 AND readable > 0
               AND digest IN (SELECT digest FROM refs WHERE repository = ?1 AND parent = ?2)""",
            (self._repository(repository), digest),
        )

    # leases

    def lease(self, repository: RepositoryName, digest: Digest, expires: int) -> bool:
        self.lock([repository])
        return self._hold(self._repository(repository), digest, expires, expires)

    def renew(self, repository: RepositoryName, digest: Digest, expires: int) -> bool:
        return self._hold(self._repository(repository), digest, 0, expires)

    def _hold(self, number: int | None, digest: Digest, readable: int, expires: int) -> bool:
        try:
            self._execute(_LEASE, (number, digest, readable, expires))
        except sqlite3.IntegrityError:  # the blob was condemned meanwhile
            return False
        self._execute(_FOLLOW_BLOB, (number, digest))  # guard: a-blob-that-comes-is-held
        return True

    def release(self, repository: RepositoryName, digest: Digest, now: int) -> bool:
        done = self._execute(
            "UPDATE leases SET readable = 0, expires = ? WHERE repository = ? AND digest = ? AND expires > ?",
            (now, self._repository(repository), digest, now),
        )
        return done.rowcount == 1

    # uploads

    def begin_upload(self, upload: Upload) -> None:
        self.lock([upload.repository])
        self._execute("INSERT INTO keys (key, state) VALUES (?, 'uploading')", (upload.key,))
        self._execute(
            "INSERT INTO uploads (id, repository, key, size, version, expires) VALUES (?, ?, ?, ?, ?, ?)",
            (
                upload.id,
                self._repository(upload.repository),
                upload.key,
                upload.size,
                upload.version,
                upload.expires,
            ),
        )

    def extend_upload(self, upload: Upload, size: int, expires: int, now: int) -> Upload | None:
        done = self._execute(
            """UPDATE uploads SET size = ?, version = version + 1, expires = ?
               WHERE id = ? AND version = ? AND expires > ?""",
            (size, expires, upload.id, upload.version, now),
        )
        if done.rowcount != 1:  # guard: one-append-at-a-time
            return None
        return Upload(upload.id, upload.repository, upload.key, size, upload.version + 1, expires)

    def end_upload(self, upload: Upload) -> bool:
        done = self._execute("DELETE FROM uploads WHERE id = ? AND version = ?", (upload.id, upload.version))
        return done.rowcount == 1

    # keys: uploading -> live, uploading -> doomed, live -> doomed, and nothing else

    def enliven(self, key: str, digest: Digest, size: int, at: int) -> None:
        self._step(key, "uploading", "live")
        self._execute(_BLOB, (digest, key, size, at))

    def doom_upload(self, key: str, size: int, reason: ReapReason, at: int) -> None:
        self._step(key, "uploading", "doomed")
        self._execute(_DOOM, (key, None, size, reason, 0, at, at))  # nobody was ever given it: no graveyard

    def doom_live(self, digest: Digest, live: LiveKey, reason: ReapReason, at: int, delete_after: int) -> None:
        self._step(live.key, "live", "doomed")
        self._execute(_DOOM, (live.key, digest, live.size, reason, 1, at, delete_after))

    def _step(self, key: str, before: str, after: str) -> None:
        done = self._execute("UPDATE keys SET state = ? WHERE key = ? AND state = ?", (after, key, before))
        if done.rowcount != 1:  # guard: keys-only-go-forward
            raise KeyStateError(f"key {key} is not {before}")
