"""Bringing blobs: an upload from its beginning to its end, a mount, and letting go.

Spec: OCI Distribution 1.1 "Pushing Blobs". Protocol: ARCHITECTURE.md, "A blob's way".
"""

from dataclasses import dataclass

from refloat.core.blocks import refuse_blocked
from refloat.core.errors import BlobUnknown, BlobUploadUnknown, UploadOutOfOrder
from refloat.core.names import Digest, RepositoryName
from refloat.core.records import LiveKey, Upload
from refloat.ports import BlobStore, Reader, Transaction

TRUSTED_FOR = 30 * 24 * 3600 * 1_000_000  # a live blob hashed longer ago is replaced by the bytes that just came


@dataclass(frozen=True, slots=True)
class Terms:
    """What a finished upload is entered with: instant, size in bytes, lease and graveyard in microseconds."""

    at: int
    size: int
    lease: int
    graveyard: int


def begin(tx: Transaction, upload: Upload) -> None:
    """Record a session and its key, before any bytes exist."""
    tx.begin_upload(upload)


def find(read: Reader, repository: RepositoryName, upload: str, now: int) -> Upload:
    """Return a session of this repository. Raises BlobUploadUnknown."""
    found = read.upload(repository, upload, now)
    if found is None:
        raise _unknown(upload)
    return found


def record_append(tx: Transaction, upload: Upload, size: int, expires: int, now: int) -> Upload:
    """Record that the session is `size` bytes long now.

    Raises UploadOutOfOrder if another request moved it on, BlobUploadUnknown if it is gone.
    """
    extended = tx.extend_upload(upload, size, expires, now)
    if extended is not None:
        return extended
    current = tx.read.upload(upload.repository, upload.id, now)
    if current is None:
        raise _unknown(upload.id)
    raise UploadOutOfOrder("another request wrote to this upload", {"offset": current.size})


def judge_live(read: Reader, blobs: BlobStore, digest: Digest, now: int) -> LiveKey | None:
    """Return the live key of `digest` if its bytes can be relied on: there, right-sized, hashed lately.

    Looks at the disk, so it runs before the transaction; `finish` asks again whether the key is still live.
    """
    live = read.live_key(digest)
    if live is None or live.damaged or now - live.verified_at > TRUSTED_FOR:
        return None
    return live if blobs.size(live.key) == live.size else None


def finish(tx: Transaction, upload: Upload, digest: Digest, trusted: LiveKey | None, terms: Terms) -> None:
    """Enter a finished upload whose bytes are durable and hash to `digest`.

    A healthy live blob is adopted and our key doomed; a doubtful one is replaced by ours. Raises
    BlobUploadUnknown where the session is gone, having written nothing: it may have been a repeated request.
    Raises Blocked where the digest was purged: the session is still there then, with its bytes.
    """
    if not tx.end_upload(upload):  # guard: no-session-no-write
        raise _unknown(upload.id)
    refuse_blocked(tx.read.block_on(digest))  # guard: a-blocked-blob-is-refused
    live = tx.read.live_key(digest)  # guard: adopt-only-what-is-live-now
    if live is not None and trusted is not None and live.key == trusted.key:
        tx.doom_upload(upload.key, terms.size, "adopted", terms.at)
    else:
        if live is not None:
            tx.doom_live(digest, live, "replaced", terms.at, terms.at + terms.graveyard)
        tx.enliven(upload.key, digest, terms.size, terms.at)
    tx.lease(upload.repository, digest, terms.at + terms.lease)


def finish_again(tx: Transaction, repository: RepositoryName, digest: Digest, trusted: LiveKey, expires: int) -> bool:
    """Hold for longer what a request to finish a session that is gone relies on, if it repeats one that succeeded.

    Reading is not granted again: the image that used the blob may have been deleted since. False: it repeats none.
    """
    live = tx.read.live_key(digest)
    if live is None or live.key != trusted.key or not tx.read.holds(repository, digest):
        return False
    return tx.renew(repository, digest, expires)  # guard: repeated-finish-holds


def cancel(tx: Transaction, upload: Upload, at: int) -> None:
    """End a session; its bytes go. Raises BlobUploadUnknown."""
    if not tx.end_upload(upload):
        raise _unknown(upload.id)
    tx.doom_upload(upload.key, upload.size, "cancelled", at)


def mount(
    tx: Transaction, repository: RepositoryName, source: RepositoryName, digest: Digest, now: int, lease: int
) -> bool:
    """Hold and make readable here a blob that is readable in `source`. False: upload it instead. Raises Blocked."""
    refuse_blocked(tx.read.block_on(digest))
    return tx.read.blob(source, digest, now) is not None and tx.lease(repository, digest, now + lease)


def release(tx: Transaction, repository: RepositoryName, digest: Digest, now: int) -> bool:
    """End this repository's lease on a blob. True: a live manifest uses it, so that it stays. Raises BlobUnknown."""
    was_leased = tx.release(repository, digest, now)
    is_used = tx.read.blob(repository, digest, now) is not None
    if not was_leased and not is_used:
        raise BlobUnknown(f"{repository} has no blob {digest}", {"digest": digest})
    return is_used


def _unknown(upload: str) -> BlobUploadUnknown:
    return BlobUploadUnknown("there is no such upload, or it has expired", {"upload": upload})
