"""The database beside its file of receipts: whichever was put back from a copy is brought up to the other."""

from functools import partial

from refloat.core.receipts import Lifted, Note, Receipt
from refloat.core.records import Cause
from refloat.purge_ports import PurgeMetadata, PurgeTransaction
from refloat.reaping import StrayReaper
from refloat.usecases.purge.deciding import PurgeRequest, end
from refloat.usecases.purge.finishing import finish, keep_notes


def is_reconciled(metadata: PurgeMetadata) -> bool:
    """Do the database and the file say the same, and is every purge finished? Raises Unavailable."""
    kept = [note.id for note in metadata.notes.read()]
    said, unfinished = metadata.purge(lambda tx: (tx.notes(None, -1), tx.unfinished()))
    return not unfinished and {note.id for _, note in said} == set(kept)


def reconcile(metadata: PurgeMetadata, blobs: StrayReaper, at: int) -> list[Receipt]:
    """Carry out what the file says and the database does not know; then finish what is not. Returns what was done.

    Raises Unavailable where the file cannot be read: a registry that may serve what was purged does not start.
    """
    for note in metadata.notes.read():
        metadata.purge(partial(_again, note=note, at=at))
    keep_notes(metadata)
    return finish(metadata, blobs, at)


def _again(tx: PurgeTransaction, *, note: Note, at: int) -> None:
    if not tx.write_down(note) or isinstance(note, Lifted):  # guard: purges-outlive-the-database
        return
    repositories = sorted({*tx.holders(note.names, at), *filter(tx.read.has_repository, note.repositories)})
    cause = Cause(at, note.id, at, reason=f"the purge of {note.image}, carried out again on this database")
    names = tuple(dict.fromkeys((*note.names, *note.manifests)))
    end(tx, PurgeRequest(note.image, note.repository, names), repositories, cause)
