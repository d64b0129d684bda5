"""Before the first request: the admin token, and the database beside the receipts of purges."""

import logging
import sqlite3
from contextlib import closing

from refloat.blobs.ballast import ballast_of
from refloat.blobs.filesystem import FileBlobs
from refloat.core.errors import RefloatError, StorageFull
from refloat.main.collector import now
from refloat.main.refusing import MAKE_ROOM, StartRefused, unusable
from refloat.main.token import AdminToken
from refloat.metadata.store import SqliteMetadata
from refloat.settings import Settings
from refloat.usecases.purge import is_reconciled, reconcile

log = logging.getLogger("refloat.serve")


def begin(settings: Settings) -> None:
    """Make ready what requests rely on, in a claimed directory whose database is up to date. Raises StartRefused."""
    _make_token(settings)
    ours = settings.root / "refloat"
    try:
        _reconcile(settings)
    except RefloatError as problem:
        raise StartRefused(
            problem.message, f"what was purged must not come back: see {ours}/purges.jsonl and the disk"
        ) from None
    except sqlite3.Error as problem:
        raise unusable(settings.database, f"{ours}/backups", problem) from None


def _make_token(settings: Settings) -> None:
    token = AdminToken(settings.root / "refloat")
    try:
        token.make()
    except StorageFull:
        raise StartRefused(f"the disk is full: {token.path} could not be written", MAKE_ROOM) from None
    except RefloatError as problem:
        raise StartRefused(f"{token.path} could not be written: {problem.message}") from None
    if token.is_open_to_others:
        log.warning("%s can be read by others than its owner: chmod 600 it", token.path)


def _reconcile(settings: Settings) -> None:
    ours = settings.root / "refloat"
    make_room = ballast_of(ours, settings.database).give_up
    with closing(SqliteMetadata(settings.database, ours, make_room)) as metadata:
        if is_reconciled(metadata):
            return
        with closing(FileBlobs(ours, settings.reserve, database=settings.database)) as blobs:
            for receipt in reconcile(metadata, blobs, now()):
                log.warning("purge %s of %s is finished", receipt.id, receipt.image)
