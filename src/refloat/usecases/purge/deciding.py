"""One transaction: block the digest, take every reference to it, end what needs it, condemn its keys."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from refloat.core.closing import Rules, close
from refloat.core.counting import counted
from refloat.core.ending import ending
from refloat.core.errors import ChangeConflict, Denied, ManifestUnknown
from refloat.core.moves import Move, View
from refloat.core.names import Digest, RepositoryName, Tag
from refloat.core.purge import propose_purge, roots_of
from refloat.core.receipts import Receipt
from refloat.core.records import Cause
from refloat.purge_ports import PurgeMetadata, PurgeTransaction

Scope = Literal["repository", "everywhere"]


@dataclass(frozen=True, slots=True)
class PurgeRequest:
    """What ends: `names` are all digests of the bytes that `image` means in `repository`."""

    image: str
    repository: RepositoryName
    names: tuple[Digest, ...]
    scope: Scope = "repository"
    afterwards: Literal["block", "allow"] = "block"
    seen: str | None = None  # `Whole.mark` of the plan that was shown; None: nobody looked


@dataclass(frozen=True, slots=True)
class Part:
    """What one repository loses: moves of what was live, manifests in any state, and the tags of its past."""

    moves: tuple[Move, ...]
    manifests: tuple[Digest, ...]
    past: tuple[Tag, ...]
    left: tuple[Digest, ...]


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole purge: its receipt, what each repository loses, and the blobs that others have and that stay."""

    receipt: Receipt
    change: str | None
    parts: Mapping[RepositoryName, Part]
    shared: tuple[Digest, ...]

    @property
    def mark(self) -> str:
        """A short text that is another one as soon as anything else would end."""
        ended = (self.receipt.names, self.receipt.blobs, self.receipt.blocked, sorted(self.parts.items()))
        return Digest.of(repr(ended).encode()).partition(":")[2][:16]


def purge(tx: PurgeTransaction, request: PurgeRequest, cause: Cause) -> Whole:
    """End bytes for good, with every image and index that needs them.

    Raises ManifestUnknown where nobody has them; Denied where other repositories do and `scope` does not say
    everywhere; ChangeConflict where something else would end than was shown; what `core.closing.close` raises.
    """
    holders = tx.holders(request.names, cause.at)
    _refuse(tx, request, holders)
    whole = end(tx, request, holders, cause)
    if request.seen not in (None, whole.mark):  # guard: a-purge-ends-what-was-shown
        raise ChangeConflict("what this would end is not what was shown any more; nothing was purged, look again")
    tx.write_down(whole.receipt)
    return whole


def end(tx: PurgeTransaction, request: PurgeRequest, repositories: Sequence[RepositoryName], cause: Cause) -> Whole:
    """End the bytes of a request in `repositories`, whoever else has them."""
    tx.lock(repositories)
    parts = {name: _decide(tx, name, request.names, cause.rules) for name in repositories}
    below = {digest for name in repositories for digest in _below(tx.view(name), request.names)}
    change = tx.record("purge", cause, {name: part.moves for name, part in parts.items()}, None)
    manifests = tuple(dict.fromkeys(digest for part in parts.values() for digest in part.manifests))
    let_go = {digest for name, part in parts.items() for digest in tx.end(name, part.manifests)}
    blobs = {*request.names, *let_go, *manifests}  # the bytes of a manifest may lie there as a blob too
    ended = _condemn(tx, repositories, blobs, cause.at)
    receipt = Receipt(
        id=cause.change,
        at=cause.at,
        repository=request.repository,
        image=request.image,
        digest=request.names[0],
        names=request.names,
        repositories=tuple(repositories),
        manifests=manifests,
        blobs=tuple(ended),
        blocked=_blocked(tx, request, [digest for digest in manifests if digest in below], cause.at),
        size=sum(ended.values()),
        address=cause.address,
        client=cause.client,
        reason=cause.reason,
    )
    shared = tuple(sorted(digest for digest in blobs if tx.read.live_key(digest) is not None))
    return Whole(receipt, change, parts, shared)


def plan(metadata: PurgeMetadata, request: PurgeRequest, cause: Cause) -> Whole:
    """Return what a purge would end: the same work, given back."""

    def planned(tx: PurgeTransaction) -> None:
        raise Planned(purge(tx, request, cause))

    try:
        metadata.purge(planned)
    except Planned as answer:
        return answer.result
    raise AssertionError("a plan always comes out as Planned")


class Planned(Exception):  # not an error: it carries the plan out of the transaction
    """Ends a transaction that was only meant to show what would end."""

    def __init__(self, result: Whole) -> None:
        super().__init__()
        self.result = result


def _refuse(tx: PurgeTransaction, request: PurgeRequest, holders: Sequence[RepositoryName]) -> None:
    digest, elsewhere = request.names[0], [name for name in holders if name != request.repository]
    if not holders and tx.waits(request.names):
        return
    if not holders or (request.repository not in holders and request.scope == "repository"):
        raise ManifestUnknown(
            f"{request.repository} has no {digest}, live or in the trash",
            {"repository": request.repository, "reference": digest},
        )
    if elsewhere and request.scope == "repository":  # guard: a-purge-stays-where-it-was-asked
        others = counted(len(elsewhere), "other repository has", "other repositories have")
        raise Denied(
            f"{others} {digest} too, {elsewhere[0]} among them;  --everywhere  ends it there as well",
            {"digest": digest, "repositories": elsewhere},
        )


def _decide(tx: PurgeTransaction, repository: RepositoryName, names: Sequence[Digest], rules: Rules) -> Part:
    remains = tx.remains(repository)
    roots = roots_of(remains, names)
    settled = close(remains, repository, propose_purge(remains, roots), rules)
    manifests = ending(remains, roots, settled.moves)
    past = {tag for digest in manifests for tag in remains.past_tags(digest)}
    return Part(settled.moves, manifests, tuple(sorted(past)), settled.left)


def _below(view: View, names: Sequence[Digest]) -> Iterator[Digest]:
    """Return what an index consists of: it comes back with it, so it is blocked with it."""
    pending, seen = [*names], set[Digest]()
    while pending:
        for child in view.children(pending.pop()):
            if child not in seen:
                seen.add(child)
                pending.append(child)
                yield child


def _condemn(
    tx: PurgeTransaction, repositories: Sequence[RepositoryName], blobs: set[Digest], at: int
) -> dict[Digest, int]:
    ended: dict[Digest, int] = {}
    for digest in sorted(blobs):
        tx.end_leases(repositories, digest, at)
        size = tx.condemn(digest, at)
        if size is not None:
            ended[digest] = size
    return ended


def _blocked(tx: PurgeTransaction, request: PurgeRequest, children: Sequence[Digest], at: int) -> tuple[Digest, ...]:
    """A child that another repository has is no secret of this image."""
    if request.afterwards == "allow":
        return ()
    return (*request.names, *(digest for digest in children if not tx.holders([digest], at)))
