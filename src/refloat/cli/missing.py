"""What to say when something named does not exist, or is in the way: who moved it, when, and what helps."""

from collections.abc import Sequence
from typing import Literal, cast

from refloat.cli.changes import who
from refloat.cli.moves import named
from refloat.cli.problems import Exit, Problem, problem_of
from refloat.cli.reference import Reference
from refloat.cli.session import Session
from refloat.cli.wording import day, moment, relative, short
from refloat.client.errors import ClientError, Refused
from refloat.client.refloat import Refloat


def explained(session: Session, server: Refloat, reference: Reference, error: Refused) -> Problem:
    """Return how a refusal about one reference is told."""
    if error.code == "MANIFEST_UNKNOWN":
        return _unknown(session, server, reference, error)
    if error.code == "NAME_UNKNOWN":
        return Problem(
            f"there is no repository {reference.repository} at {server.origin.netloc}",
            Exit.NOT_FOUND,
            hint=f"{session.command('ls')}   lists them",
            code=error.code,
            detail=error.detail,
        )
    if error.code == "CHANGE_CONFLICT":
        return conflict(session, error, "is in use")
    return problem_of(error)


def _unknown(session: Session, server: Refloat, reference: Reference, error: Refused) -> Problem:
    if "reference" not in error.detail:  # it exists, and the past that was asked for does not
        return problem_of(error)
    name = named(reference.repository, error.detail["reference"])
    change = error.detail.get("deleted_by")
    if change is None:
        hint = f"{session.command('history', name)}   shows what it was" if ":" in name else ""
        return Problem(f"{name} does not exist", Exit.NOT_FOUND, hint=hint, code=error.code, detail=error.detail)
    when = relative(moment(str(error.detail["deleted_at"])), session.printer.now)
    return Problem(
        f"{name} does not exist",
        Exit.NOT_FOUND,
        (
            f"it was deleted {when}{_by(server, str(change))}",
            f"it can be brought back until {day(str(error.detail['held_until']))}",
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
    return f" by {name}" if name else ""


HINTS = {
    "has moved since": "--as NAME restores it beside the present one; "
    "--replace moves it back (undoable); --skip leaves it",
    "is in use": "--as another name, or --replace moves it (undoable)",
}


def conflict(session: Session, error: Refused, standing: Literal["has moved since", "is in use"]) -> Problem:
    """Return how references in the way are told, each with who moved it, when, and both digests."""
    conflicts = cast("Sequence[dict[str, object]]", error.detail.get("conflicts", ()))
    if not conflicts:
        return problem_of(error)
    names = [named(entry["repository"], entry["reference"]) for entry in conflicts]
    message = f"{names[0]} {standing}" if len(names) == 1 else f"{len(names)} references have moved since"
    facts = []
    for name, entry in zip(names, conflicts, strict=True):
        if len(names) > 1:
            facts.append(name)
        facts.append(f"now     {_value(entry['now'])}{_moved(session, entry)}")
        facts.append(f"wanted  {_value(entry['wanted'])}")
    if error.detail.get("would_move"):
        facts.append(f"nothing was changed; {error.detail['would_move']} other references could move")
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
    by = f" by {entry['moved_by']}" if entry.get("moved_by") else ""
    return f"  moved {relative(moment(str(entry['moved_at'])), session.printer.now)}{by} ({entry['change']})"
