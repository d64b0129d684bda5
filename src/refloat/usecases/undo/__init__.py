"""Taking a change back, and bringing a reference back to a value it had. Both are changes themselves."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from refloat.core.choosing import choose
from refloat.core.closing import close
from refloat.core.errors import ChangeGone, ManifestUnknown, Purged, RequestInvalid
from refloat.core.followers import coming_back
from refloat.core.kinds import ChangeKind
from refloat.core.moves import Move
from refloat.core.names import Digest, Reference, RepositoryName, Tag, image_name
from refloat.core.records import Cause, Change, Moved
from refloat.core.undo import Conflict, OnConflict, Undo, plan_as, plan_undo, plan_values, take_along
from refloat.ports import Transaction
from refloat.usecases.undo.hindrances import ended, hindered, passed_over, refuse_gone_alone, refuse_hindered


@dataclass(frozen=True, slots=True)
class UndoRequest:
    """Which change to take back (an id or its beginning), and how.

    With `name`, one reference of the change comes back under another name: `reference` (`core.choosing`), where the
    change moved several.
    """

    change: str
    on_conflict: OnConflict = "refuse"
    name: Tag | None = None
    reference: str | None = None


@dataclass(frozen=True, slots=True)
class RestoreRequest:
    """Which past of a reference to bring back: `revision` moves ago, or as of an instant (microseconds)."""

    repository: RepositoryName
    reference: Reference
    revision: int | None = None
    at: int | None = None
    name: Tag | None = None
    on_conflict: OnConflict = "refuse"


@dataclass(frozen=True, slots=True)
class Undone:
    """What came of it. `change` is None and `moves` empty when everything already was as wanted."""

    change: str | None
    undoes: str | None
    moves: Mapping[RepositoryName, tuple[Move, ...]]
    satisfied: tuple[tuple[RepositoryName, Reference], ...]
    skipped: tuple[tuple[RepositoryName, Conflict], ...]
    left: tuple[tuple[RepositoryName, Digest], ...]


def undo(tx: Transaction, request: UndoRequest, cause: Cause) -> Undone:
    """Take a change back, whole or not at all.

    Raises ChangeUnknown; RequestInvalid where it is not plain which reference gets another name; ChangeConflict, whose
    detail names every reference in the way; ChangeGone when history let go of a manifest that is needed, Purged when
    somebody ended it.
    """
    if request.reference is not None and request.name is None:
        sentence = "reference goes with as: it says what comes back under another name"
        raise RequestInvalid(sentence, {"field": "reference"})
    change = tx.listing.change(request.change)
    if change.kind == "purge":
        raise Purged(f"{change.id} is a purge, and nothing takes a purge back", {"purge": change.id})
    moved = _by_repository(change)
    tx.lock(moved)
    if request.name is not None:
        chosen = choose(change, request.reference)
        plans = {chosen.repository: _beside(tx, chosen, request.name, request.on_conflict)}
    else:
        plans = {
            repository: plan_undo(tx.view(repository), moves, request.on_conflict)
            for repository, moves in moved.items()
        }
        for repository, plan in plans.items():
            take_along(tx.view(repository), plan, _first_pushed(tx, change, repository))
    return _carry_out(tx, "undo", plans, request.on_conflict, cause, change.id)


def restore(tx: Transaction, request: RestoreRequest, cause: Cause) -> Undone:
    """Give a reference the value it had at a past, under its own name or another.

    Raises ManifestUnknown when it had none then, ChangeConflict when the other name is in use, ChangeGone.
    """
    repository = request.repository
    tx.lock([repository])
    value = _past_value(tx, request)
    view = tx.view(repository)
    if request.name is not None:
        plan = plan_as(view, request.name, value, request.on_conflict)
    else:
        plan = plan_values(view, {request.reference: value}, request.on_conflict)
    _bring_followers(tx, repository, plan, value)
    try:
        return _carry_out(tx, "restore", {repository: plan}, request.on_conflict, cause, None)
    except ChangeGone as gone:
        raise ended(tx, repository, request.reference, value, gone) from None


def _beside(tx: Transaction, chosen: Moved, name: Tag, on_conflict: OnConflict) -> Undo:
    """Plan to bring back under another name what a move displaced."""
    value = chosen.move.old
    assert value is not None, chosen
    plan = plan_as(tx.view(chosen.repository), name, value, on_conflict)
    _bring_followers(tx, chosen.repository, plan, value)
    return plan


def _first_pushed(tx: Transaction, change: Change, repository: RepositoryName) -> list[Digest]:
    """Return the manifests that a push brought to a repository for the first time."""
    if change.kind != "push":
        return []
    return [
        entry.move.reference
        for entry in change.moves
        if entry.repository == repository
        and isinstance(entry.move.reference, Digest)
        and not tx.has_moved_before(repository, entry.move.reference, entry.seq)
    ]


def _bring_followers(tx: Transaction, repository: RepositoryName, plan: Undo, digest: Digest) -> None:
    """A manifest that becomes live again brings back what was lost with it, or with its parts, and follows them."""
    if digest in plan.proposal.wish.values():
        for reference, value in coming_back(tx.view(repository), digest, partial(tx.lost_with, repository)).items():
            plan.proposal.wish.setdefault(reference, value)


def _by_repository(change: Change) -> dict[RepositoryName, list[Move]]:
    moved: dict[RepositoryName, list[Move]] = {}
    for entry in change.moves:
        moved.setdefault(entry.repository, []).append(entry.move)
    return moved


def _past_value(tx: Transaction, request: RestoreRequest) -> Digest:
    if request.at is not None:
        value = tx.value_at(request.repository, request.reference, request.at)
    elif request.revision == 0:
        value = tx.view(request.repository).value(request.reference)
    else:
        value = tx.value_before(request.repository, request.reference, _revision(tx, request))
    if value is None:
        name = image_name(request.repository, request.reference)
        named = request.at is not None or request.revision is not None
        raise ManifestUnknown(
            f"{name} had no value then" if named else f"{name} does not exist, and history knows no value it had"
        )
    return value


def _revision(tx: Transaction, request: RestoreRequest) -> int:
    """Without a past, a deleted reference comes back as it last was."""
    if request.revision is not None:
        return request.revision
    if tx.view(request.repository).value(request.reference) is not None:
        name = image_name(request.repository, request.reference)
        raise RequestInvalid(f"{name} is there; say which past to restore, as @{{1}} or --at")
    return 1


def _carry_out(
    tx: Transaction,
    kind: ChangeKind,
    plans: Mapping[RepositoryName, Undo],
    on_conflict: OnConflict,
    cause: Cause,
    undoes: str | None,
) -> Undone:
    if on_conflict == "skip":
        plans = {name: passed_over(tx, name, plan, cause) for name, plan in plans.items()}
        refuse_gone_alone(tx, plans)
    else:
        refuse_hindered(tx, plans, on_conflict)
    settled = {
        repository: close(tx.view(repository), repository, plan.proposal, cause.rules)
        for repository, plan in plans.items()
    }
    moves = {repository: part.moves for repository, part in settled.items()}
    return Undone(
        change=tx.record(kind, cause, moves, undoes),
        undoes=undoes,
        moves=moves,
        satisfied=tuple((repository, reference) for repository, plan in plans.items() for reference in plan.satisfied),
        skipped=tuple(hindered(plans)) if on_conflict == "skip" else (),
        left=tuple((repository, digest) for repository, part in settled.items() for digest in part.left),
    )
