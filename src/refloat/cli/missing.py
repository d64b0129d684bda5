"""What to say when something named does not exist, or is in the way: who moved it, when, and what helps."""

from collections.abc import Mapping, Sequence
from typing import Literal, cast

from refloat.cli.changes import who
from refloat.cli.moves import named
from refloat.cli.problems import Exit, Problem, problem_of
from refloat.cli.reference import Reference
from refloat.cli.session import Session
from refloat.cli.wording import counted, day, ending, meant_day, moment, relative, short
from refloat.client.errors import ClientError, Refused
from refloat.client.refloat import Refloat, name_path
from refloat.language import say

Standing = Literal["moved", "used"]
"""What is in the way of a reference: it moved since, or the name it should get is used."""


def explained(session: Session, server: Refloat, reference: Reference, error: Refused) -> Problem:
    """Return how a refusal about one reference is told."""
    if error.code == "MANIFEST_UNKNOWN":
        return _unknown(session, server, reference, error)
    if error.code == "NAME_UNKNOWN":
        return Problem(
            say(
                "there is no repository {repository} at {server}",
                repository=reference.repository,
                server=server.origin.netloc,
            ),
            Exit.NOT_FOUND,
            hint=say("{command}   lists them", command=session.command("ls")),
            code=error.code,
            detail=error.detail,
        )
    if error.code == "CHANGE_CONFLICT":
        return conflict(session, error, "used")
    if error.code == "CHANGE_GONE" and "repository" in error.detail:
        name = named(error.detail["repository"], error.detail["reference"])
        return gone(error, say("{name} can no longer be brought back", name=name))
    return problem_of(error)


def gone(error: Refused, message: str) -> Problem:
    """Return how it is told that history let go of what is needed, with when the window ended and what helps."""
    problem = problem_of(error)
    ended, digests = error.detail.get("held_until"), error.detail.get("digests")
    problem.message = message
    if ended:
        problem.message = say("{message}: its window ended on {when}", message=message, when=day(str(ended)))
    if isinstance(digests, list):
        problem.facts = tuple(say("gone  {digest}", digest=digest) for digest in digests)
    problem.hint = say("the image may still exist elsewhere; pushing it again brings it back")
    return problem


def never_was(session: Session, reference: Reference) -> Problem:
    """Return how it is told that a reference is not there, and that history knows nothing of it."""
    return Problem(
        say("{reference} does not exist, and history knows nothing of it", reference=reference),
        Exit.NOT_FOUND,
        hint=say("{command}   lists its tags", command=session.command("ls", reference.repository)),
        code="MANIFEST_UNKNOWN",
    )


def _unheld(session: Session, server: Refloat, repository: str, error: Refused) -> Problem:
    """Tell of what is not there and cannot be brought back: its history is shown where it has one."""
    reference = str(error.detail["reference"])
    name = named(repository, reference)
    try:
        past = server.get(name_path(repository, "history"), reference=reference, n=1)["history"]
    except ClientError:
        past = None
    hint = say("{command}   lists its tags", command=session.command("ls", repository))
    if past:
        hint = say("{command}   shows what it was", command=session.command("history", name))
    return Problem(
        say("{name} does not exist", name=name), Exit.NOT_FOUND, hint=hint, code=error.code, detail=error.detail
    )


def _unknown(session: Session, server: Refloat, reference: Reference, error: Refused) -> Problem:
    if "reference" not in error.detail:  # it exists, and the past that was asked for does not
        problem = problem_of(error)
        shown = say("{command}   shows what there was", command=session.command("history", reference.repository))
        problem.hint = meant_day(reference.past) or shown
        return problem
    name = named(reference.repository, error.detail["reference"])
    change, purge = error.detail.get("deleted_by"), error.detail.get("purged_by")
    if purge is not None:
        when = relative(moment(str(error.detail["purged_at"])), session.printer.now)
        fact = say("it was purged {when}{by}; nothing brings it back", when=when, by=_by(server, str(purge)))
        return Problem(
            say("{name} does not exist", name=name), Exit.NOT_FOUND, (fact,), code=error.code, detail=error.detail
        )
    if change is None:
        return _unheld(session, server, reference.repository, error)
    when = relative(moment(str(error.detail["deleted_at"])), session.printer.now)
    return Problem(
        say("{name} does not exist", name=name),
        Exit.NOT_FOUND,
        (
            say("it was deleted {when}{by}", when=when, by=_by(server, str(change))),
            say(
                "it can be brought back until {when}",
                when=ending(str(error.detail["held_until"]), session.printer.now),
            ),
        ),
        session.command("restore", name),
        error.code,
        error.detail,
    )


def _by(server: Refloat, change: str) -> str:
    try:
        name = who(server.get(f"changes/{change}"))
    except ClientError:
        return ""
    return say(" by {who}", who=name) if name else ""


STANDING: Mapping[Standing, str] = {
    "moved": say("{name} has moved since"),
    "used": say("{name} is in use"),
}
HINTS: Mapping[Standing, str] = {
    "moved": say("--as NAME restores it beside the present one; --replace moves it back (undoable); --skip leaves it"),
    "used": say("--as another name, or --replace moves it (undoable)"),
}


def conflict(session: Session, error: Refused, standing: Standing) -> Problem:
    """Return how references in the way are told, each with who moved it, when, and both digests."""
    conflicts = cast("Sequence[dict[str, object]]", error.detail.get("conflicts", ()))
    if not conflicts:
        return problem_of(error)
    names = [named(entry["repository"], entry["reference"]) for entry in conflicts]
    total, gone = int(str(error.detail["conflicts_total"])), int(str(error.detail["gone_total"]))
    message = say("{count} references have moved since", count=f"{total:,}")
    if total == 1:
        message = STANDING[standing].format(name=names[0])
    facts = []
    for name, entry in zip(names, conflicts, strict=True):
        if len(names) > 1:
            facts.append(name)
        facts.append(say("now     {digest}{moved}", digest=_value(entry["now"]), moved=_moved(session, entry)))
        facts.append(say("wanted  {digest}", digest=_value(entry["wanted"])))
    if total > len(names):
        facts.append(say("and {count} more", count=f"{total - len(names):,}"))
    if gone:
        facts.append(say("{references} gone for good", references=counted(gone, "reference is", "references are")))
    if would_move := int(str(error.detail["would_move"])):
        others = counted(would_move, "other reference", "other references")
        facts.append(say("nothing was changed; {others} could move", others=others))
    return Problem(
        message,
        Exit.CONFLICT,
        tuple(facts),
        HINTS[standing],
        error.code,
        error.detail,
    )


def _value(digest: object) -> str:
    return short(str(digest)) if digest else "(nothing)"


def _moved(session: Session, entry: dict[str, object]) -> str:
    if not entry.get("moved_at"):
        return ""
    by = say(" by {who}", who=entry["moved_by"]) if entry.get("moved_by") else ""
    return say(
        "  moved {when}{by} ({change})",
        when=relative(moment(str(entry["moved_at"])), session.printer.now),
        by=by,
        change=entry["change"],
    )
