"""Around every verb that changes something: where its answer goes, and the command that takes it back."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

import click

from refloat.cli.printing import Entry, now
from refloat.cli.session import Session
from refloat.cli.wording import ending
from refloat.client.refloat import Refloat
from refloat.language import say

F = TypeVar("F", bound=Callable[..., object])
UNCHANGED = say("Dry run: nothing was changed.")


def dry_run(function: F) -> F:
    """Add `-n/--dry-run`."""
    return click.option("-n", "--dry-run", is_flag=True, help="Say what would be done, and do nothing.")(function)


def reason(function: F) -> F:
    """Add `--reason`."""
    return click.option("--reason", metavar="TEXT", help="Why; kept in the history.")(function)


def save(function: F) -> F:
    """Add `--save`."""
    return click.option(
        "--save",
        metavar="DIR",
        type=click.Path(path_type=Path, file_okay=False),
        help="The trash is this directory, an OCI layout; for any registry.",
    )(function)


def replace(help: str) -> Callable[[F], F]:
    """Add `--replace`, described by `help`."""
    return click.option("--replace", "on_conflict", flag_value="replace", default="refuse", help=help)


def skip(function: F) -> F:
    """Add `--skip`."""
    return click.option(
        "--skip", "on_conflict", flag_value="skip", help="Leave what moved since, bring back the rest."
    )(function)


def finish(session: Session, server: Refloat, answer: Entry, lines: Iterable[str]) -> None:
    """Tell what an answer says, remember its change, and print the command that takes it back."""
    change = answer.get("change")
    if change is not None:
        session.memory(server).keep(str(change))
    if session.printer.form == "quiet":
        if change is not None:
            session.printer.line(str(change))
        return
    for line in lines:
        session.printer.line(line)
    if answer["dry_run"]:
        session.printer.line(UNCHANGED)
    elif change is not None:
        session.printer.line(say("Undo:  {command}", command=session.command("undo", str(change))))


def until(answer: Entry) -> str:
    """Say until when a change can be taken back."""
    when = ending(str(answer["held_until"]), now())
    if answer["dry_run"]:
        return say("  could be brought back until {when}", when=when)
    return say("  can be brought back until {when}", when=when)
