"""What keeps references from coming back: passed over where that was asked for, else a refusal that names them."""

from collections.abc import Iterable, Mapping

from refloat.core.errors import ChangeConflict, ChangeGone, Purged
from refloat.core.names import Digest, Reference, RepositoryName, Tag
from refloat.core.protection import protected_in
from refloat.core.records import Cause
from refloat.core.undo import Conflict, OnConflict, Undo, pass_over
from refloat.ports import Transaction

MOST_TOLD = 100  # references that a refusal lists; it counts them all


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
        raise _all_gone(tx, (conflict.wanted for conflict in gone))


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
        raise _all_gone(tx, (plans[name].proposal.wish[reference] for name, reference in gone))


def _all_gone(tx: Transaction, wanted: Iterable[Digest | None]) -> ChangeGone | Purged:
    digests = sorted({digest for digest in wanted if digest is not None})
    purged = [digest for digest in digests if tx.read.purged_by(digest) is not None]
    if purged:
        return Purged(
            f"{len(purged)} manifests that are needed were purged, and nothing brings them back",
            {"digests": purged[:MOST_TOLD], "digests_total": len(purged), "purge": tx.read.purged_by(purged[0])},
        )
    return ChangeGone(
        f"history let go of {len(digests)} manifests that are needed",
        {"digests": digests[:MOST_TOLD], "digests_total": len(digests)},
    )


def _refusal(
    tx: Transaction,
    conflicts: list[tuple[RepositoryName, Conflict]],
    gone: list[tuple[RepositoryName, Reference]],
    plans: Mapping[RepositoryName, Undo],
) -> ChangeConflict:
    """Say, for each reference in the way, who moved it, when, and both digests; and what is gone."""
    free = sum(len(plan.proposal.wish) for plan in plans.values()) - len(gone)
    detail: dict[str, object] = {
        "conflicts": [_in_the_way(tx, repository, conflict) for repository, conflict in conflicts[:MOST_TOLD]],
        "conflicts_total": len(conflicts),
        "gone": [{"repository": repository, "reference": reference} for repository, reference in gone[:MOST_TOLD]],
        "gone_total": len(gone),
        "would_move": free,
        "satisfied": sum(len(plan.satisfied) for plan in plans.values()),
    }
    also = f", {len(gone)} are gone" if gone else ""
    return ChangeConflict(f"{len(conflicts)} references moved since{also}; nothing was changed", detail)


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
