"""After the transaction: every copy goes. What a crash leaves undone here, the next start does.

Notes first, so that a restored database cannot take back what is told; copies are found by comparing them with the
bytes that end, so those go after them; a purge is finished when nothing of it is in any file.
"""

from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from functools import partial
from itertools import islice

from refloat.core.counting import counted
from refloat.core.errors import StorageFull, Unavailable
from refloat.core.identity import is_key
from refloat.core.names import Digest
from refloat.core.receipts import Receipt
from refloat.core.records import Doomed
from refloat.purge_ports import PurgeMetadata, PurgeTransaction
from refloat.reaping import StrayReaper

BATCH = 1000


def finish(metadata: PurgeMetadata, blobs: StrayReaper, at: int) -> list[Receipt]:
    """Finish every purge that is not, and return them. Only one process may be in here, and no collector beside it.

    Raises Unavailable where something cannot go now; then the next call goes on.
    """
    unfinished = metadata.purge(lambda tx: tx.unfinished())
    if not unfinished:
        return []
    with suppress(StorageFull):
        keep_notes(metadata)
    unexplained = list(_unexplained(metadata, blobs))
    for sample in metadata.purge(lambda tx: tx.condemned()):
        _reap_copies(metadata, blobs, sample, at)
        for key in unexplained:
            if blobs.begins(key, sample.key):
                blobs.reap(key)
        blobs.reap_quarantined(sample.key)
    metadata.replace_backups(metadata.purge(lambda tx: _gone(tx, unfinished, at)), at)  # guard: no-backup-keeps-it
    _reap(metadata, blobs, at)
    metadata.empty_log()  # guard: the-log-forgets
    keep_notes(metadata)  # where the disk had no room for them, there is some now
    metadata.purge(lambda tx: tx.finish([receipt.id for receipt in unfinished], at))
    return unfinished


def keep_notes(metadata: PurgeMetadata) -> None:
    """Write to the file beside the database what only the database says. Raises StorageFull, Unavailable."""
    kept = {note.id for note in metadata.notes.read()}
    said = metadata.purge(lambda tx: tx.notes(None, -1))
    missing = [note for _, note in reversed(said) if note.id not in kept]
    if missing:
        metadata.notes.append(missing)  # guard: receipts-outlive-the-database


def _gone(tx: PurgeTransaction, receipts: Sequence[Receipt], at: int) -> list[Digest]:
    """Return the digests that ended and that nobody has, from another repository or a later push."""
    ended = dict.fromkeys(digest for each in receipts for digest in (*each.names, *each.manifests, *each.blobs))
    return [digest for digest in ended if not tx.holders([digest], at) and tx.read.live_key(digest) is None]


def _reap_copies(metadata: PurgeMetadata, blobs: StrayReaper, sample: Doomed, at: int) -> None:
    """Find further copies of the bytes under a condemned key: half uploads, and what waits for the reaper."""
    uploads = metadata.purge(lambda tx: tx.uploads())
    half = {upload.id for upload in uploads if blobs.begins(upload.key, sample.key)}
    metadata.purge(lambda tx: _end_sessions(tx, half, at))  # guard: a-purge-ends-half-uploads
    for leftover in metadata.purge(lambda tx: tx.never_live()):
        if blobs.begins(leftover.key, sample.key) and blobs.reap(leftover.key):
            metadata.purge(partial(_write_down, absent=[leftover.key], at=at))


def _end_sessions(tx: PurgeTransaction, half: Collection[str], at: int) -> None:
    """End sessions, also where more was appended since they were looked at."""
    for upload in tx.uploads():
        if upload.id in half:
            tx.end_stray(upload, at)


def _unexplained(metadata: PurgeMetadata, blobs: StrayReaper) -> Iterator[str]:
    """Yield the keys of files that no row explains."""
    keys = filter(is_key, blobs.keys())
    while batch := list(islice(keys, BATCH)):
        known = metadata.verifying.known(batch)
        yield from (key for key in batch if key not in known)


def _reap(metadata: PurgeMetadata, blobs: StrayReaper, at: int) -> None:
    condemned = metadata.purge(lambda tx: tx.condemned())
    absent = [doomed.key for doomed in condemned if blobs.reap(doomed.key)]
    metadata.purge(partial(_write_down, absent=absent, at=at))
    if len(absent) < len(condemned):
        left = counted(len(condemned) - len(absent), "file", "files")
        raise Unavailable(f"{left} of what was purged cannot be removed now")


def _write_down(tx: PurgeTransaction, *, absent: Sequence[str], at: int) -> None:
    for key in absent:
        tx.reaped(key, at)
