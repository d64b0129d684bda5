"""What a person named, as digests: bytes have one by each algorithm, and all of them end."""

from collections.abc import Iterator

from refloat.core.errors import ManifestUnknown
from refloat.core.names import ALGORITHMS, Digest, Reference, RepositoryName
from refloat.ports import BlobShelf
from refloat.purge_ports import PurgeMetadata, PurgeTransaction


def find(tx: PurgeTransaction, repository: RepositoryName, reference: Reference) -> Digest:
    """Return the digest meant: what a tag points to, or last did, since the trash is purged too.

    Raises ManifestUnknown.
    """
    if isinstance(reference, Digest):
        return reference
    digest = tx.view(repository).value(reference) or tx.value_before(repository, reference, 1)
    if digest is None:
        raise ManifestUnknown(f"{repository} has no {reference}", {"repository": repository, "reference": reference})
    return digest


def names_of(metadata: PurgeMetadata, blobs: BlobShelf, digest: Digest) -> tuple[Digest, ...]:
    """Return every digest of the bytes that `digest` names, itself first. It may have to read them all.

    Raises Unavailable.
    """
    return tuple(dict.fromkeys((digest, *_others(metadata, blobs, digest))))


def _others(metadata: PurgeMetadata, blobs: BlobShelf, digest: Digest) -> Iterator[Digest]:
    others = [algorithm for algorithm in ALGORITHMS if algorithm != digest.algorithm]
    body = metadata.purge(lambda tx: tx.body(digest))
    if body is not None and Digest.of(body, digest.algorithm) == digest:
        yield from (Digest.of(body, algorithm) for algorithm in others)
        return
    live = metadata.read.live_key(digest)
    if live is not None and not live.damaged and blobs.size(live.key) == live.size:
        yield from (blobs.digest_of(live.key, algorithm) for algorithm in others)
