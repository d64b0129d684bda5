"""Faults to be found: what other designs do instead of letting the foreign keys decide."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from unittest.mock import patch

from refloat.core.clock import Clock
from refloat.core.names import Digest, RepositoryName
from refloat.core.records import LiveKey, Upload
from refloat.metadata.collecting import SqliteCollecting
from refloat.ports import Transaction
from refloat.usecases import collect, upload
from refloat.usecases.collect import BATCH, CollectTerms, Round, Step
from refloat.usecases.upload import Terms


@contextmanager
def condemn_in_two_transactions() -> Iterator[None]:
    """The collector looks whether anything uses a blob, and removes it in a second transaction without a look."""
    off = patch.dict(os.environ, {"REFLOAT_UNSAFE_FOREIGN_KEYS": "off"})
    with off, patch.object(collect, "_condemn", _condemn):
        yield


@contextmanager
def adopt_without_asking_again() -> Iterator[None]:
    """A finished upload adopts the blob it saw before its transaction, live or not."""
    with patch.object(upload, "finish", _finish):
        yield


def _condemn(step: Step, clock: Clock, terms: CollectTerms, done: Round) -> None:
    for repository, digest in step(lambda tx: tx.ended_leases(clock.at, BATCH)):
        if step(partial(_is_unused, repository, digest, clock.at)):
            step(partial(_remove, digest, clock.at))


def _is_unused(repository: RepositoryName, digest: Digest, at: int, tx: object) -> bool:
    assert isinstance(tx, SqliteCollecting)
    tx._execute(
        """DELETE FROM leases WHERE digest = ? AND expires <= ?
           AND repository = (SELECT id FROM repositories WHERE name = ?)""",
        (digest, at, repository),
    )
    (users,) = tx._execute(
        "SELECT (SELECT count(*) FROM leases WHERE digest = ?1) + (SELECT count(*) FROM refs WHERE blob = ?1)",
        (digest,),
    ).fetchone()
    return not users


def _remove(digest: Digest, at: int, tx: object) -> None:
    assert isinstance(tx, SqliteCollecting)
    live = tx._read.live_key(digest)
    if live is not None:
        tx._execute("DELETE FROM blobs WHERE digest = ?", (digest,))
        tx._holdings.doom_live(digest, live, "unused", at, at)


def _finish(tx: Transaction, session: Upload, digest: Digest, trusted: LiveKey | None, terms: Terms) -> None:
    if trusted is None:
        _honest_finish(tx, session, digest, None, terms)
    elif tx.end_upload(session):
        tx.doom_upload(session.key, terms.size, "adopted", terms.at)
        tx.lease(session.repository, digest, terms.at + terms.lease)


_honest_finish: Callable[[Transaction, Upload, Digest, LiveKey | None, Terms], None] = upload.finish
