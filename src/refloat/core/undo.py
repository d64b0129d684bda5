"""Taking a change back: what moves, what is already so, and what stands in the way."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from refloat.core.moves import Move, Proposal, View
from refloat.core.names import Digest, Reference
from refloat.core.removal import propose_children, propose_removal

OnConflict = Literal["refuse", "skip", "replace"]
Hindrance = Literal["moved", "protected", "gone"]


@dataclass(frozen=True, slots=True)
class Conflict:
    """A reference that stays at `now`, while the undo would want it at `wanted`.

    Somebody `moved` it since, or it is `protected`, or history let go of the manifest: it is `gone`.
    """

    reference: Reference
    now: Digest | None
    wanted: Digest | None
    why: Hindrance = "moved"


@dataclass(frozen=True, slots=True)
class Undo:
    """How one repository's part of a change would be taken back. Deciding is all this does."""

    proposal: Proposal
    satisfied: tuple[Reference, ...]
    conflicts: tuple[Conflict, ...]


def plan_undo(view: View, moves: Iterable[Move], on_conflict: OnConflict) -> Undo:
    """Plan to take `moves` back.

    A reference at the value the change left moves back; one already at the wanted value is satisfied;
    anything else is a conflict, which `replace` moves all the same and the others leave alone.
    """
    proposal, satisfied, conflicts = Proposal(), list[Reference](), list[Conflict]()
    for move in moves:
        now = view.value(move.reference)
        if now == move.old:
            satisfied.append(move.reference)
            continue
        if now != move.new:
            conflicts.append(Conflict(move.reference, now, move.old))
            if on_conflict != "replace":
                continue
        proposal.wish[move.reference] = move.old
    return Undo(proposal, tuple(satisfied), tuple(conflicts))


def pass_over(view: View, plan: Undo, references: Iterable[Reference], why: Hindrance) -> Undo:
    """Return the plan without `references`, which cannot move and are listed as in the way."""
    conflicts = list(plan.conflicts)
    for reference in references:
        wanted = plan.proposal.wish.pop(reference)
        conflicts.append(Conflict(reference, view.value(reference), wanted, why))
    return Undo(plan.proposal, plan.satisfied, tuple(conflicts))


def take_along(view: View, plan: Undo, first_pushed: Iterable[Digest]) -> None:
    """Let the undo of a first push take what `rm` would: children only the manifest holds, and referrers.

    Any other change, a saved manifest put back among them, is taken back by exactly its own moves: a child
    that was there before has to stay.
    """
    for digest in first_pushed:
        if digest in plan.proposal.wish and plan.proposal.wish[digest] is None:
            propose_removal(view, plan.proposal, digest)
            propose_children(view, plan.proposal, digest)


def plan_values(view: View, values: Mapping[Reference, Digest | None], on_conflict: OnConflict) -> Undo:
    """Plan to give references the values they had at some past, as `restore` does.

    Only a tag that has moved on to another digest can be in the way of a restore to a name of its own.
    """
    moves = (Move(reference, value, view.value(reference)) for reference, value in values.items())
    return plan_undo(view, moves, on_conflict)


def plan_as(view: View, name: Reference, value: Digest, on_conflict: OnConflict) -> Undo:
    """Plan to bring `value` back under another name. A name in use is a conflict."""
    now = view.value(name)
    if now is None or now == value:
        return plan_values(view, {name: value}, on_conflict)
    conflict = Conflict(name, now, value)
    proposal = Proposal({name: value}) if on_conflict == "replace" else Proposal()
    return Undo(proposal, (), (conflict,))
