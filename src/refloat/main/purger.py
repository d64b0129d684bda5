"""Purge inside a server: one at a time, and never beside a round of the collector, which may be writing a backup."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from refloat.core.errors import RefloatError, Unavailable
from refloat.core.names import Digest, Reference, RepositoryName
from refloat.core.receipts import Lifted, Note
from refloat.core.records import Cause
from refloat.main.alone import PATIENCE, alone
from refloat.purge_ports import PurgeMetadata
from refloat.reaping import StrayReaper
from refloat.usecases.purge import PurgeRequest, Whole, find, finish, keep_notes, names_of, plan, purge
from refloat.usecases.unblock import unblock


class Purger:
    """`web.services.Purging` on the stores of one worker. Everything here blocks."""

    def __init__(self, metadata: PurgeMetadata, blobs: StrayReaper, lock: Path) -> None:
        self._metadata = metadata
        self._blobs = blobs
        self._lock = lock

    def names(self, repository: RepositoryName, reference: Reference) -> tuple[Digest, ...]:
        """Return every digest of the bytes that a reference means. Raises ManifestUnknown, Unavailable."""
        digest = self._metadata.purge(lambda tx: find(tx, repository, reference))
        return names_of(self._metadata, self._blobs, digest)

    def plan(self, request: PurgeRequest, cause: Cause) -> Whole:
        """Return what a purge would end."""
        return plan(self._metadata, request, cause)

    def purge(self, request: PurgeRequest, cause: Cause) -> Whole:
        """End bytes for good and return when no file has them.

        Raises Unavailable also where they have ended and a copy cannot go yet: the collector tries again each round.
        """
        with self._alone():
            whole = self._metadata.purge(lambda tx: purge(tx, request, cause))
            try:
                finish(self._metadata, self._blobs, cause.at)
            except RefloatError as problem:
                raise Unavailable(
                    f"purge {whole.receipt.id} has ended {request.image} for every client, but a copy is still on the"
                    f" disk and goes with one of the next rounds: {problem.message}"
                ) from problem
        return whole

    def unblock(self, digest: Digest, cause: Cause) -> Lifted:
        """Lift the blocks of the purge that blocks a digest."""
        with self._alone():
            lifted = self._metadata.purge(lambda tx: unblock(tx, digest, cause))
            keep_notes(self._metadata)
        return lifted

    def notes(self, before: int | None, limit: int) -> list[tuple[int, Note, list[Digest]]]:
        """Return what was purged and unblocked, newest first, each with what it still blocks."""
        return self._metadata.purge(
            lambda tx: [(n, note, tx.blocked_by(note.id)) for n, note in tx.notes(before, limit)]
        )

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with alone(self._lock, PATIENCE) as mine:
            if not mine:
                raise Unavailable("a round of the collector is running; ask again when it is done")
            yield
