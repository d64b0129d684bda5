"""Accepting a manifest. A saved one that is put back is a restore: it may use whatever its repository holds.

What is stored once is taken again whatever is asked of the first of its kind, and keeps its type while a tip points to
it. Where none does, a push may say another: what history holds of the digest has that type from then on.
"""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

from refloat.core.blocks import refuse_blocked
from refloat.core.closing import close
from refloat.core.counting import counted
from refloat.core.errors import DigestInvalid, ManifestBlobUnknown, ManifestInvalid, RefloatError
from refloat.core.followers import coming_back
from refloat.core.manifest import MOST_NAMED, Manifest, Need, parse
from refloat.core.media import is_generic, is_same
from refloat.core.moves import Proposal
from refloat.core.names import Digest, Reference, RepositoryName, Tag, printable
from refloat.core.preconditions import ANY_VALUE, Precondition
from refloat.core.records import Cause
from refloat.ports import BlobStore, Listing, Reader, Transaction


@dataclass(frozen=True, slots=True)
class ManifestPush:
    """A manifest as it came: `declared` is its Content-Type, `tags` those of `?tag=`, `hollow` what `hollow_in` saw."""

    reference: Reference
    body: bytes
    declared: str
    tags: tuple[Tag, ...] = ()
    condition: Precondition = ANY_VALUE
    hollow: frozenset[str] = frozenset()
    _read: dict[str | None, Manifest] = field(default_factory=dict, compare=False, repr=False)

    def read_as(self, stored: str | None) -> Manifest:
        """Return what it says, to be read as a stored type or, with None, as a first push; read once.

        Raises ManifestInvalid.
        """
        if stored not in self._read:
            self._read[stored] = parse(self.body, self.declared, stored)
        return self._read[stored]

    def says(self, stored: str | None) -> str | None:
        """Return the type a digest is stored under, where this push says the same or nothing."""
        is_told = stored is not None and (is_generic(self.declared) or is_same(self.declared, stored))
        return stored if is_told else None


@dataclass(frozen=True, slots=True)
class Pushed:
    """What a push came to; `change` is None when everything already was as pushed.

    `before` is the type the digest was stored under until now, where this push gave it another.
    """

    digest: Digest
    subject: Digest | None
    change: str | None
    media_type: str
    before: str | None


def hollow_in(read: Reader, blobs: BlobStore, digests: Sequence[Digest]) -> frozenset[str]:
    """Return the live keys of `digests` whose bytes are not there whole, or were found damaged.

    Looks at the disk, so it runs before the transaction; the push asks again whether a key is still the live one.
    Raises Unavailable.
    """
    live = read.live_keys(digests) if digests else []
    return frozenset(key.key for key in live if key.damaged or blobs.size(key.key) != key.size)


def read_ahead(listing: Listing, repository: RepositoryName, push: ManifestPush) -> None:
    """Read a large manifest before its transaction, while others write. What is wrong with it is told in that."""
    with suppress(RefloatError):
        stored = listing.stored(repository, _digest(push))
        push.read_as(push.says(None if stored is None else stored.media_type))


def push_manifest(tx: Transaction, repository: RepositoryName, push: ManifestPush, cause: Cause) -> Pushed:
    """Store a manifest, make it and its children live, and move its tags.

    Raises DigestInvalid, ManifestInvalid, also where it names more than MOST_NAMED digests, ManifestBlobUnknown with
    exactly the missing ones, PreconditionFailed, Blocked. Spec: "Pushing Manifests".
    """
    digest = _digest(push)
    tx.lock([repository])
    refuse_blocked(tx.read.block_on(digest))  # guard: a-blocked-manifest-is-refused
    push.condition.refuse(push.reference, tx.view(repository).value(push.reference))
    stored = tx.media_type(repository, digest)
    manifest = _read(tx, repository, push, digest, stored)
    _store(tx, repository, digest, push, manifest, cause.at)
    proposal = _proposal(tx, repository, push, digest)
    moves = close(tx.view(repository), repository, proposal, cause.rules).moves
    change = tx.record("push", cause, {repository: moves}, None)
    tx.used(repository, digest)
    before = stored if stored != manifest.media_type else None
    return Pushed(digest, manifest.subject, change, manifest.media_type, before)


def _read(
    tx: Transaction, repository: RepositoryName, push: ManifestPush, digest: Digest, stored: str | None
) -> Manifest:
    """Return what was pushed as it is to be read: as what is stored, or as a first push, which may be refused."""
    if (same := push.says(stored)) is not None:
        return push.read_as(same)
    manifest = push.read_as(None)
    view = tx.view(repository)
    if stored is not None and view.value(digest) is not None:  # guard: what-is-live-keeps-its-type
        indexes = sorted(view.live_parents(digest))
        raise ManifestInvalid(_keeps_its_type(repository, digest, stored, indexes))
    if manifest.refusal is not None:
        raise ManifestInvalid(manifest.refusal)
    return manifest


def _keeps_its_type(repository: RepositoryName, digest: Digest, stored: str, indexes: Sequence[Digest]) -> str:
    """Say what has to be done first: of a part, its index has to go."""
    goes, also = (indexes[0], f" with its index {indexes[0]}") if indexes else (digest, "")
    return (
        f"{digest} is stored here as {printable(stored)}, and its type does not change while it can be pulled: delete"
        f" it{also}, by its digest or with  refloat rm {repository}@{goes}  and push it again"
    )


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
    stored = tx.media_type(repository, digest)
    if stored != manifest.media_type:
        _refuse_vast(manifest)
    missing = [] if stored == manifest.media_type else tx.missing(repository, manifest.needs)
    missing += _hollow(tx, push, manifest.needs)  # guard: a-manifest-needs-its-bytes
    if missing:
        detail = [{"digest": digest} for digest in dict.fromkeys(missing)]
        blobs = counted(len(detail), "blob", "blobs")
        raise ManifestBlobUnknown(f"{repository} does not hold {blobs} this manifest needs", detail)
    if stored is None:
        tx.put_manifest(repository, digest, push.body, manifest, at)
        return
    tx.heal_manifest(repository, digest, push.body)
    if stored != manifest.media_type:
        tx.retype_manifest(repository, digest, manifest)


def _hollow(tx: Transaction, push: ManifestPush, needs: Iterable[Need]) -> list[Digest]:
    """Return what is required and was seen hollow, unless other bytes came since."""
    required = [need.digest for need in needs if need.required] if push.hollow else []
    return [
        digest for digest in required if (live := tx.read.live_key(digest)) is not None and live.key in push.hollow
    ]


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
    proposal.wish.update(coming_back(tx.view(repository), digest, partial(tx.lost_with, repository)))
    proposal.wish.update(dict.fromkeys(tags, digest))
    return proposal
