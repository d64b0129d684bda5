"""Accepting a manifest. A saved one that is put back is a restore: it may use whatever its repository holds."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from refloat.core.blocks import refuse_blocked
from refloat.core.closing import close
from refloat.core.errors import DigestInvalid, ManifestBlobUnknown
from refloat.core.followers import followers_of
from refloat.core.manifest import Manifest, Need, parse
from refloat.core.moves import Proposal
from refloat.core.names import Digest, Reference, RepositoryName, Tag
from refloat.core.preconditions import ANY_VALUE, Precondition
from refloat.core.records import Cause
from refloat.ports import BlobStore, Reader, Transaction


@dataclass(frozen=True, slots=True)
class ManifestPush:
    """A manifest as it came: `declared` is its Content-Type, `tags` those of `?tag=`, `hollow` what `hollow_in` saw."""

    reference: Reference
    body: bytes
    declared: str
    tags: tuple[Tag, ...] = ()
    condition: Precondition = ANY_VALUE
    hollow: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Pushed:
    """What a push came to; `change` is None when everything already was as pushed."""

    digest: Digest
    subject: Digest | None
    change: str | None


def hollow_in(read: Reader, blobs: BlobStore, digests: Sequence[Digest]) -> frozenset[str]:
    """Return the live keys of `digests` whose bytes are not there whole, or were found damaged.

    Looks at the disk, so it runs before the transaction; the push asks again whether a key is still the live one.
    Raises Unavailable.
    """
    live = read.live_keys(digests) if digests else []
    return frozenset(key.key for key in live if key.damaged or blobs.size(key.key) != key.size)


def push_manifest(tx: Transaction, repository: RepositoryName, push: ManifestPush, cause: Cause) -> Pushed:
    """Store a manifest, make it and its children live, and move its tags.

    Raises DigestInvalid, ManifestInvalid, ManifestBlobUnknown with exactly the missing digests,
    PreconditionFailed, Blocked. Spec: "Pushing Manifests".
    """
    digest = _digest(push)
    tx.lock([repository])
    refuse_blocked(tx.read.block_on(digest))  # guard: a-blocked-manifest-is-refused
    push.condition.refuse(push.reference, tx.view(repository).value(push.reference))
    manifest = parse(push.body, push.declared, tx.media_type(repository, digest))
    _store(tx, repository, digest, push, manifest, cause.at)
    proposal = _proposal(tx, repository, push, digest)
    moves = close(tx.view(repository), repository, proposal, cause.rules).moves
    change = tx.record("push", cause, {repository: moves}, None)
    tx.used(repository, digest)
    return Pushed(digest, manifest.subject, change)


def _digest(push: ManifestPush) -> Digest:
    if not isinstance(push.reference, Digest):
        return Digest.of(push.body)
    actual = Digest.of(push.body, push.reference.algorithm)
    if actual != push.reference:
        raise DigestInvalid(f"the body has digest {actual}, not {push.reference}", {"digest": actual})
    return actual


def _store(
    tx: Transaction, repository: RepositoryName, digest: Digest, push: ManifestPush, manifest: Manifest, at: int
) -> None:
    is_stored = tx.has_manifest(repository, digest)
    missing = [] if is_stored else tx.missing(repository, manifest.needs)
    missing += _hollow(tx, push, manifest.needs)  # guard: a-manifest-needs-its-bytes
    if missing:
        detail = [{"digest": digest} for digest in dict.fromkeys(missing)]
        raise ManifestBlobUnknown(f"{repository} does not hold {len(detail)} blobs this manifest needs", detail)
    if is_stored:
        tx.heal_manifest(repository, digest, push.body)
    else:
        tx.put_manifest(repository, digest, push.body, manifest, at)


def _hollow(tx: Transaction, push: ManifestPush, needs: Iterable[Need]) -> list[Digest]:
    """Return what is required and was seen hollow, unless other bytes came since."""
    required = [need.digest for need in needs if need.required] if push.hollow else []
    return [
        digest for digest in required if (live := tx.read.live_key(digest)) is not None and live.key in push.hollow
    ]


def _proposal(tx: Transaction, repository: RepositoryName, push: ManifestPush, digest: Digest) -> Proposal:
    tags = (push.reference, *push.tags) if isinstance(push.reference, Tag) else push.tags
    proposal = Proposal({digest: digest})
    if tx.view(repository).value(digest) is None:
        proposal.wish.update(followers_of(digest, tx.lost_with(repository, digest)))
    proposal.wish.update(dict.fromkeys(tags, digest))
    return proposal
