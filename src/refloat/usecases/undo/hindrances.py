"""What keeps references from coming back: passed over where that was asked for, else a refusal that names them."""

from collections.abc import Iterable, Mapping

from refloat.core.counting import counted
from refloat.core.errors import ChangeConflict, ChangeGone, Purged
from refloat.core.names import Digest, Reference, RepositoryName, Tag
from refloat.core.protection import protected_in
from refloat.core.records import Cause
from refloat.core.undo import Conflict, OnConflict, Undo, pass_over
from refloat.ports import Transaction

MOST_TOLD = 100  # references that a refusal lists; it counts them all
MOST_LOOKED_THROUGH = 1000  # moves of a reference, for the one that displaced a value


def hindered(plans: Mapping[RepositoryName, Undo]) -> list[tuple[RepositoryName, Conflict]]:
    """Return what stays as it is, of all plans."""
    return [(repository, conflict) for repository, plan in plans.items() for conflict in plan.conflicts]


def passed_over(tx: Transaction, repository: RepositoryName, plan: Undo, cause: Cause) -> Undo:
    """Return a plan without what cannot come back: what history let go of, and tags that are protected."""
    view = tx.view(repository)
    plan = pass_over(view, plan, _without_repeating(plan, _gone(tx, repository, plan)), "gone")
    protected = protected_in(cause.rules.protected, repository, view, plan.proposal.wish)
    return pass_over(view, plan, protected, "protected")


def _without_repeating(plan: Undo, gone: list[Reference]) -> list[Reference]:
    """Take gone manifests that a gone tag names from the plan: they are listed with that tag."""
    tagged = {plan.proposal.wish[reference] for reference in gone if isinstance(reference, Tag)}
    for reference in gone:
        if reference in tagged:
            del plan.proposal.wish[reference]
    return [reference for reference in gone if reference not in tagged]


def refuse_gone_alone(tx: Transaction, plans: Mapping[RepositoryName, Undo]) -> None:
    """Raise ChangeGone or Purged where nothing is left to bring back once all that is gone is passed over."""
    gone = [conflict for _, conflict in hindered(plans) if conflict.why == "gone"]
    if gone and not any(plan.proposal.wish or plan.satisfied for plan in plans.values()):
        raise _all_gone(tx, (conflict.wanted for conflict in gone), 0)


def _gone(tx: Transaction, repository: RepositoryName, plan: Undo) -> list[Reference]:
    """Return the references whose wanted manifest history let go of."""
    return [
        reference
        for reference, value in plan.proposal.wish.items()
        if value is not None and not tx.has_manifest(repository, value)
    ]


def refuse_hindered(tx: Transaction, plans: Mapping[RepositoryName, Undo], on_conflict: OnConflict) -> None:
    """Raise ChangeConflict where somebody moved a reference since, else ChangeGone or Purged where a manifest is."""
    conflicts = hindered(plans)
    gone = [(name, reference) for name, plan in plans.items() for reference in _gone(tx, name, plan)]
    if conflicts and on_conflict == "refuse":  # guard: an-undo-overwrites-nobody
        raise _refusal(tx, conflicts, gone, plans)
    if gone:
        raise _all_gone(tx, (plans[name].proposal.wish[reference] for name, reference in gone), _free(plans, gone))


def _free(plans: Mapping[RepositoryName, Undo], gone: list[tuple[RepositoryName, Reference]]) -> int:
    """Return how many references could move, were it not for the others."""
    return sum(len(plan.proposal.wish) for plan in plans.values()) - len(gone)


def _all_gone(tx: Transaction, wanted: Iterable[Digest | None], free: int) -> ChangeGone | Purged:
    digests = sorted({digest for digest in wanted if digest is not None})
    purged = [digest for digest in digests if tx.read.purged_by(digest) is not None]
    if purged:
        were = counted(
            len(purged),
            "manifest that is needed was purged, and nothing brings it back",
            "manifests that are needed were purged, and nothing brings them back",
        )
        return Purged(were, {**_listed(purged), "would_move": free, "purge": tx.read.purged_by(purged[0])})
    needed = counted(len(digests), "manifest that is needed", "manifests that are needed")
    return ChangeGone(f"history let go of {needed}", {**_listed(digests), "would_move": free})


def ended(
    tx: Transaction, repository: RepositoryName, reference: Reference, value: Digest, gone: ChangeGone
) -> ChangeGone:
    """Return why a reference cannot have `value` again: with the move that displaced it, and when its window ended."""
    past = tx.listing.history(repository, reference, None, MOST_LOOKED_THROUGH)
    last = next((entry for entry in past if entry.old == value), None)
    known = gone.detail if isinstance(gone.detail, dict) else {}
    about: dict[str, object] = {"repository": repository, "reference": reference}
    if last is not None:
        about |= {"change": last.change, "held_until": last.held_until}
    return ChangeGone(gone.message, {**known, **about})


def _listed(digests: list[Digest]) -> dict[str, object]:
    return {"digests": digests[:MOST_TOLD], "digests_total": len(digests)}


def _refusal(
    tx: Transaction,
    conflicts: list[tuple[RepositoryName, Conflict]],
    gone: list[tuple[RepositoryName, Reference]],
    plans: Mapping[RepositoryName, Undo],
) -> ChangeConflict:
    """Say, for each reference in the way, who moved it, when, and both digests; and what is gone."""
    detail: dict[str, object] = {
        "conflicts": [_in_the_way(tx, repository, conflict) for repository, conflict in conflicts[:MOST_TOLD]],
        "conflicts_total": len(conflicts),
        "gone": [{"repository": repository, "reference": reference} for repository, reference in gone[:MOST_TOLD]],
        "gone_total": len(gone),
        "would_move": _free(plans, gone),
        "satisfied": sum(len(plan.satisfied) for plan in plans.values()),
    }
    also = f", {counted(len(gone), 'is', 'are')} gone" if gone else ""
    moved = counted(len(conflicts), "reference moved", "references moved")
    return ChangeConflict(f"{moved} since{also}; nothing was changed", detail)


def _in_the_way(tx: Transaction, repository: RepositoryName, conflict: Conflict) -> dict[str, object]:
    last = tx.listing.history(repository, conflict.reference, None, 1)
    return {
        "repository": repository,
        "reference": conflict.reference,
        "now": conflict.now,
        "wanted": conflict.wanted,
        "moved_by": (last[0].actor or last[0].client) if last else None,
        "moved_at": last[0].at if last else None,
        "change": last[0].change if last else None,
    }
