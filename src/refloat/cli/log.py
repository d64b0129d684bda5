"""`refloat log`: changes, newest first."""

from collections.abc import Sequence
from itertools import islice

import click

from refloat.cli import completing
from refloat.cli.changes import LOG, limited, undo_state, what, who
from refloat.cli.following import follow
from refloat.cli.missing import explained
from refloat.cli.printing import Column, Entry, Printer
from refloat.cli.problems import Exit, usage
from refloat.cli.reference import Reference
from refloat.cli.session import Session
from refloat.cli.verb import Verb
from refloat.cli.wording import TIMES, beginning
from refloat.client.errors import Refused
from refloat.client.refloat import Refloat, name_path
from refloat.core.kinds import KINDS
from refloat.language import say

PAGE = 100
FROM = Column("FROM", "address")
WHY = Column("WHY", "reason")
LINES = (
    Column("ID", "id"),
    Column("WHEN", "at"),
    Column("BY", who),
    FROM,
    Column("WITH", "client"),
    Column("DID", "kind"),
    Column("WHAT", what),
    Column("UNDO", undo_state),
    WHY,
)
INSTANT = Column("WHEN", lambda entry: f"{str(entry['at'])[:19]}Z")
"""An age would be wrong as soon as the next line follows."""


@click.command(cls=Verb)
@click.option(
    "--repo", metavar="REPO", help="Only what touched this repository.", shell_complete=completing.repositories
)
@click.option("--by", metavar="WHO", help="Only what this account, address or program did.")
@click.option("--since", metavar="TIME", help=f"Only what was done since: {TIMES}. A date is its first instant, UTC.")
@click.option(
    "--kind", metavar="KIND[,KIND]", help=f"Only these: {', '.join(KINDS)}.", shell_complete=completing.kinds
)
@click.option("-f", "--follow", "following", is_flag=True, help="Go on printing what is done, oldest first.")
@click.option("--jsonl", is_flag=True, help="Print one JSON document a line.")
@limited(50)
def log(session: Session, *, following: bool, limit: int, repo: str | None, **only: str | None) -> Exit:
    """List changes, newest first: who did what, with which program and why, and until when it can be undone."""
    printer, server = session.printer, session.server()
    if following and printer.form == "json":
        hint = session.command("log", "--follow", "--jsonl")
        raise usage(say("--json is one document, and what is followed has no end"), hint)
    since = beginning(only["since"], printer.now) if only["since"] is not None else None
    query = {"repository": repo, "by": only["by"], "kind": only["kind"], "since": since}
    if not following:
        pages = server.pages("changes", "changes", "before", **query, n=min(limit, PAGE))
        found: list[Entry] = list(islice(pages, limit))
        if not found:
            _refuse_unknown(session, server, repo)
        print_changes(printer, "log", found, LINES if printer.form == "lines" else _columns(found))
        return Exit.OK
    follow(printer, server, query, limit, _growing if printer.form == "people" else lambda _: LINES)
    return Exit.OK


def _columns(entries: Sequence[Entry]) -> tuple[Column, ...]:
    """Return what people are shown: whence somebody came where that is not who it was, and why where it was said."""
    came = (FROM,) if any(entry["actor"] for entry in entries) else ()
    why = (WHY,) if any(entry["reason"] for entry in entries) else ()
    return (*LOG[:3], *came, *LOG[3:], *why)


def _growing(entries: Sequence[Entry]) -> tuple[Column, ...]:
    """The same of a table that goes on: a reason may come with the next change."""
    columns = _columns(entries)
    return (columns[0], INSTANT, *columns[2:], *(() if columns[-1] is WHY else (WHY,)))


def list_changes(
    session: Session, path: str, repository: str | None, limit: int, columns: tuple[Column, ...]
) -> list[Entry]:
    """Print changes from a list of the server; return them. Raises Problem where the repository never was."""
    server = session.server()
    pages = server.pages(path, "changes", "before", repository=repository, n=min(limit, PAGE))
    found: list[Entry] = list(islice(pages, limit))
    if not found:
        _refuse_unknown(session, server, repository)
    print_changes(session.printer, path, found, columns)
    return found


def _refuse_unknown(session: Session, server: Refloat, repository: str | None) -> None:
    """Raise Problem where a repository never was: it has no changes, and never had any."""
    if repository is None:
        return
    try:
        server.get(name_path(repository, "history"), n=1)
    except Refused as error:
        raise explained(session, server, Reference(None, repository), error) from None


def print_changes(printer: Printer, name: str, found: list[Entry], columns: tuple[Column, ...]) -> None:
    """Print changes in the form that was asked for."""
    if printer.form == "json":
        printer.document(name, changes=found)
    elif printer.form == "jsonl":
        printer.documents(found)
    elif printer.form == "quiet":
        for entry in found:
            printer.line(str(entry["id"]))
    else:
        printer.table(columns, found)
