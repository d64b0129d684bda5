"""What a puller asks: manifests, blobs, tags, repositories, referrers."""

from contextlib import suppress

from refloat.core.errors import BlobUnknown, ManifestInvalid, ManifestUnknown, NameUnknown
from refloat.core.manifest import annotations_of
from refloat.core.names import Digest, Reference, RepositoryName
from refloat.core.records import Blob, Referrer, ReferrersAsked, StoredManifest
from refloat.ports import BlobStore, Reader, Transaction

MOST_READ = 16 * 1024 * 1024  # bytes of manifests that one list of referrers reads


def resolve(read: Reader, repository: RepositoryName, reference: Reference) -> StoredManifest:
    """Return the live manifest `reference` points to.

    Raises NameUnknown, or ManifestUnknown, whose detail names the change that deleted it, or the purge that ended it.
    Spec: "Pulling Manifests".
    """
    manifest = read.manifest(repository, reference)
    if manifest is not None:
        return _whole(manifest)
    if not read.has_repository(repository):
        raise NameUnknown(f"there is no repository {repository}", {"name": repository})
    raise _missing(read, repository, reference)


def _missing(read: Reader, repository: RepositoryName, reference: Reference) -> ManifestUnknown:
    named = {"repository": repository, "reference": reference}
    change = read.deleted_by(repository, reference)
    if change is not None:
        past = {"deleted_by": change.id, "deleted_at": change.at, "held_until": change.held_until}
        return ManifestUnknown(deleted(repository, reference, f"refloat undo {change.id}"), {**named, **past})
    purge = read.purge_of(repository, reference)
    if purge is not None:
        return ManifestUnknown(
            f"{reference} was purged from {repository}; nothing brings it back",
            {**named, "purged_by": purge.id, "purged_at": purge.at},
        )
    return ManifestUnknown(f"{repository} has no {reference}", named)


def deleted(repository: object, reference: object, undo: str) -> str:
    """Return the sentence about what was deleted; `undo` is the command that brings it back."""
    return f"{reference} was deleted from {repository}; {undo} brings it back"


def _whole(manifest: StoredManifest) -> StoredManifest:
    """A disk that flips bits must not pass for a registry that lies: the next push heals it, as it does a blob."""
    if Digest.of(manifest.body, manifest.digest.algorithm) != manifest.digest:  # guard: no-damaged-manifest-is-served
        raise ManifestUnknown(
            f"{manifest.digest} is damaged in the database; pushing it again heals it", {"digest": manifest.digest}
        )
    return manifest


def open_blob(read: Reader, blobs: BlobStore, repository: RepositoryName, digest: Digest, now: int) -> Blob:
    """Return a blob the repository may read, whose bytes lie there whole.

    Raises BlobUnknown, also for a damaged or missing file: the next push then heals it. Spec: "Pulling Blobs".
    """
    blob = read.blob(repository, digest, now)
    if blob is None or blobs.size(blob.key) != blob.size:  # guard: no-short-file-is-served
        raise BlobUnknown(f"{repository} has no blob {digest}", {"digest": digest})
    return blob


def wants_renewal(blob: Blob, now: int, lease: int) -> bool:
    """Should a pusher's look at this blob hold it for longer? `lease` in microseconds."""
    return blob.lease_ends is None or blob.lease_ends - now < lease // 2


def renew(tx: Transaction, repository: RepositoryName, digest: Digest, now: int, lease: int) -> None:
    """Hold a blob for a pusher who was told that it is there. Raises BlobUnknown if it was condemned meanwhile."""
    if not tx.renew(repository, digest, now + lease):
        raise BlobUnknown(f"{repository} has no blob {digest}", {"digest": digest})


def list_tags(read: Reader, repository: RepositoryName, last: str, limit: int | None) -> list[str]:
    """Return tags after `last`, byte-wise, at most `limit`. Raises NameUnknown. Spec: "Listing Tags"."""
    tags = read.tags(repository, last, limit)
    if not tags and not read.has_repository(repository):
        raise NameUnknown(f"there is no repository {repository}", {"name": repository})
    return tags


def list_repositories(read: Reader, last: str, limit: int) -> list[RepositoryName]:
    """Return repositories with something live, after `last`, byte-wise."""
    return read.catalog(last, limit)


def list_referrers(
    read: Reader,
    repository: RepositoryName,
    subject: Digest,
    artifact_type: str | None,
    after: str = "",
    limit: int | None = None,
) -> list[dict[str, object]]:
    """Return descriptors of what refers to `subject` after the digest `after`; an empty list for anything unknown.

    At most `limit`, and no more than come of reading MOST_READ bytes of manifests: the first one with which they are
    more is the last. Spec: "Listing Referrers".
    """
    found = read.referrers(repository, subject, ReferrersAsked(artifact_type, after, limit, MOST_READ))
    return [_descriptor(referrer) for referrer in found]


def _descriptor(referrer: Referrer) -> dict[str, object]:
    descriptor: dict[str, object] = {
        "mediaType": referrer.media_type,
        "digest": referrer.digest,
        "size": referrer.size,
    }
    if referrer.artifact_type is not None:
        descriptor["artifactType"] = referrer.artifact_type
    with suppress(ManifestInvalid):  # one damaged body does not hide the others
        if annotations := annotations_of(referrer.body):
            descriptor["annotations"] = annotations
    return descriptor
