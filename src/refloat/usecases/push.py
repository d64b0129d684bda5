"""Accepting a manifest. A saved one that is put back is a restore: it may use whatever its repository holds."""

from contextlib import suppress
from dataclasses import dataclass, field

from refloat.core.blocks import refuse_blocked
from refloat.core.closing import close
from refloat.core.errors import DigestInvalid, ManifestBlobUnknown, ManifestInvalid, RefloatError
from refloat.core.followers import followers_of
from refloat.core.manifest import MOST_NAMED, Manifest, parse
from refloat.core.moves import Proposal
from refloat.core.names import Digest, Reference, RepositoryName, Tag
from refloat.core.preconditions import ANY_VALUE, Precondition
from refloat.core.records import Cause
from refloat.ports import Listing, Transaction


@dataclass(frozen=True, slots=True)
class ManifestPush:
    """A manifest as it came: `declared` is its Content-Type, `tags` those of `?tag=`."""

    reference: Reference
    body: bytes
    declared: str
    tags: tuple[Tag, ...] = ()
    condition: Precondition = ANY_VALUE
    _read: dict[str | None, Manifest] = field(default_factory=dict, compare=False, repr=False)

    def read(self, stored: str | None) -> Manifest:
        """Return what it says, where its digest is stored as a type or None; read once. Raises ManifestInvalid."""
        if stored not in self._read:
            self._read[stored] = parse(self.body, self.declared, stored)
        return self._read[stored]


@dataclass(frozen=True, slots=True)
class Pushed:
    """What a push came to; `change` is None when everything already was as pushed."""

    digest: Digest
    subject: Digest | None
    change: str | None


def read_ahead(listing: Listing, repository: RepositoryName, push: ManifestPush) -> None:
    """Read a large manifest before its transaction, while others write. What is wrong with it is told in that."""
    with suppress(RefloatError):
        stored = listing.stored(repository, _digest(push))
        push.read(None if stored is None else stored.media_type)


def push_manifest(tx: Transaction, repository: RepositoryName, push: ManifestPush, cause: Cause) -> Pushed:
    """Store a manifest, make it and its children live, and move its tags.

    Raises DigestInvalid, ManifestInvalid, also where it names more than MOST_NAMED digests, ManifestBlobUnknown with
    exactly the missing ones, PreconditionFailed, Blocked. Spec: "Pushing Manifests".
    """
    digest = _digest(push)
    tx.lock([repository])
    refuse_blocked(tx.read.block_on(digest))  # guard: a-blocked-manifest-is-refused
    push.condition.refuse(push.reference, tx.view(repository).value(push.reference))
    manifest = push.read(tx.media_type(repository, digest))
    _store(tx, repository, digest, push.body, manifest, cause.at)
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
    tx: Transaction, repository: RepositoryName, digest: Digest, body: bytes, manifest: Manifest, at: int
) -> None:
    if tx.has_manifest(repository, digest):
        tx.heal_manifest(repository, digest, body)
        return
    _refuse_vast(manifest)
    missing = tx.missing(repository, manifest.needs)
    if missing:
        detail = [{"digest": digest} for digest in missing]
        raise ManifestBlobUnknown(f"{repository} does not hold {len(missing)} blobs this manifest needs", detail)
    tx.put_manifest(repository, digest, body, manifest, at)


def _refuse_vast(manifest: Manifest) -> None:
    """What is stored already is put back whatever it names."""
    named = len(manifest.needs)
    if named > MOST_NAMED:
        raise ManifestInvalid(
            f"the manifest names {named} different digests; one manifest may name {MOST_NAMED}",
            {"named": named, "limit": MOST_NAMED},
        )


def _proposal(tx: Transaction, repository: RepositoryName, push: ManifestPush, digest: Digest) -> Proposal:
    tags = (push.reference, *push.tags) if isinstance(push.reference, Tag) else push.tags
    proposal = Proposal({digest: digest})
    if tx.view(repository).value(digest) is None:
        proposal.wish.update(followers_of(digest, tx.lost_with(repository, digest)))
    proposal.wish.update(dict.fromkeys(tags, digest))
    return proposal
