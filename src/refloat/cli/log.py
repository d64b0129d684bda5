"""`refloat log`: changes, newest first."""

from itertools import islice

import click

from refloat.cli.changes import LOG, limited
from refloat.cli.printing import Column, Entry
from refloat.cli.problems import Exit
from refloat.cli.session import Session
from refloat.cli.verb import Verb

PAGE = 100


@click.command(cls=Verb)
@click.option("--repo", metavar="REPO", help="Only what touched this repository.")
@limited(50)
def log(session: Session, *, repo: str | None, limit: int) -> Exit:
    """List changes, newest first: every push, deletion, undo and restore."""
    list_changes(session, "changes", repo, limit, LOG)
    return Exit.OK


def list_changes(
    session: Session, path: str, repository: str | None, limit: int, columns: tuple[Column, ...]
) -> list[Entry]:
    """Print changes from a list of the server; return them."""
    pages = session.server().pages(path, "changes", "before", repository=repository, n=min(limit, PAGE))
    found: list[Entry] = list(islice(pages, limit))
    printer = session.printer
    if printer.form == "json":
        printer.document("log" if path == "changes" else path, changes=found)
    elif printer.form == "quiet":
        for entry in found:
            printer.line(str(entry["id"]))
    else:
        printer.table(columns, found)
    return found
