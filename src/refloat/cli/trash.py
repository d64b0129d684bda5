"""`refloat trash`: what can be brought back."""

from typing import Literal

import click

from refloat.cli import completing, doing
from refloat.cli.changes import TRASH, frees, limited, one_change
from refloat.cli.log import list_changes
from refloat.cli.problems import Exit, problem_of, usage
from refloat.cli.session import Session
from refloat.cli.verb import Verb
from refloat.cli.wording import counted, size
from refloat.client.errors import NotRefloat, Refused
from refloat.language import say

PAGE = 1000


@click.command(cls=Verb)
@click.argument(
    "verb",
    required=False,
    default="ls",
    type=click.Choice(["ls", "show", "expire"]),
    metavar="[ls|show|expire]",
)
@click.argument("change", required=False, metavar="[ID]", shell_complete=completing.deletions)
@click.option(
    "--repo", metavar="REPO", help="Only what touched this repository.", shell_complete=completing.repositories
)
@limited(200)
@doing.dry_run
def trash(session: Session, verb: str, change: str | None, *, repo: str | None, limit: int, dry_run: bool) -> Exit:
    """List what can be brought back, or show one change of it with all its references.

    The trash is a list of changes that displaced something:  refloat undo ID  takes one back.

    On a registry that is not a refloat it lists what  refloat rm  kept there before it deleted, and  refloat restore
    brings it back; `trash expire` lets go of what was kept for its time, and is meant for cron.
    """
    if (verb == "show") != (change is not None) or (dry_run and verb != "expire"):
        raise usage(say("say  refloat trash,  refloat trash show ID  or  refloat trash expire [-n]"))
    if verb == "expire":
        return _expire(session, repo, "plans" if dry_run else "acts")
    try:
        return _inside(session, change, repo, limit)
    except NotRefloat:
        from refloat.cli.outside import trash as outside

        return outside.trash(session, repo, limit) if change is None else outside.show(session, change, repo)


def _expire(session: Session, repo: str | None, act: Literal["plans", "acts"]) -> Exit:
    if session.server().is_one():
        raise usage(say("a refloat lets go by itself of what its window no longer holds"))
    from refloat.cli.outside import trash as outside

    return outside.expire(session, repo, act)


def _inside(session: Session, change: str | None, repo: str | None, limit: int) -> Exit:
    if change is not None:
        _show(session, change)
        return Exit.OK
    found = list_changes(session, "trash", repo, limit, TRASH)
    if session.printer.form == "people" and not found:
        session.printer.line(say("Nothing is in the trash."))
    elif session.printer.form == "people":
        session.printer.line(
            say(
                "{changes} · {size} freed when they expire · {command}   takes one back",
                changes=counted(len(found), "change"),
                size=size(sum(int(str(frees(entry))) for entry in found)),
                command=session.command("undo", "ID"),
            )
        )
    return Exit.OK


def _show(session: Session, change: str) -> None:
    server = session.server()
    try:
        entry = server.get(f"changes/{change}")
    except Refused as error:
        raise problem_of(error) from None
    printer = session.printer
    if printer.form == "json":
        printer.document("change", change=entry)
    elif printer.form == "quiet":
        printer.line(str(entry["id"]))
    else:
        one_change(printer, entry, server.pages(f"changes/{entry['id']}/moves", "moves", "after", n=PAGE))
