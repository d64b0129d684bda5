"""`refloat history`: every value a tag has had."""

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import dropwhile, islice
from pathlib import Path

import click

from refloat.cli import completing
from refloat.cli.changes import limited, via, who
from refloat.cli.differences import COLUMNS, all_compared, has_hidden, how_to_see, lines
from refloat.cli.missing import explained, never_was
from refloat.cli.printing import Column, Entry
from refloat.cli.problems import Exit, Problem, usage
from refloat.cli.reference import Reference, parse
from refloat.cli.session import Session
from refloat.cli.verb import Verb
from refloat.cli.wording import TIMES, beginning, counted, ending, meant_day, short, which_past
from refloat.client.errors import Refused
from refloat.client.refloat import Refloat, name_path
from refloat.language import say

PAGE = 100
PEOPLE = (
    Column("REV", "rev"),
    Column("WHEN", "at", "when"),
    Column("WHO", lambda entry: entry["actor"] or via(entry) or entry["address"]),
    Column("CHANGE", "change_text"),
    Column("ID", "change"),
    Column("STATE OF THE NEW VALUE", "state_text"),
)
LINES = (
    Column("REV", "rev"),
    Column("WHEN", "at"),
    Column("REFERENCE", "reference"),
    Column("OLD", "old"),
    Column("NEW", "new"),
    Column("KIND", "kind"),
    Column("WHO", who),
    Column("ID", "change"),
    Column("STATE", "state"),
)


@click.command(cls=Verb)
@click.argument("reference", metavar="REPO[:TAG|@DIGEST][@{PAST}]", shell_complete=completing.references)
@click.option("--since", metavar="TIME", help=f"Only changes made since: {TIMES}. A date is its first instant, UTC.")
@click.option("--diff", is_flag=True, help="Say what each change changed: size, platforms, layers, config.")
@click.option("--root", type=click.Path(path_type=Path, file_okay=False), help="The server's directory, for --diff.")
@limited(50)
def history(session: Session, reference: str, *, since: str | None, diff: bool, root: Path | None, limit: int) -> Exit:
    """Show every value a tag has had, or those of all tags of a repository, newest first.

    @{0} is the present value, @{1} the one before the last change:  refloat restore REPO:TAG@{1}

    REPO:TAG@{2} begins two changes ago, REPO:TAG@{2026-11-20} with the value of the end of that day.

    Of what is deleted --diff tells values of the config only with the server's admin token, which is in its directory:
    --root names that, or REFLOAT_ADMIN_TOKEN_FILE the file.
    """
    asked, printer = parse(reference), session.printer
    server = session.server(asked.host)
    try:
        told = _told(session, server, asked, since=since, limit=limit)
        found = list(islice(_from(session, asked, told), limit))
        if diff and printer.form != "quiet":
            found = all_compared(session, server, asked.repository, found, root)
    except Refused as error:
        raise explained(session, server, asked, error) from None
    if not found:
        _refuse_nothing(session, asked, since)
    if printer.form == "json":
        printer.document("history", repository=asked.repository, reference=asked.value, history=found)
    elif printer.form == "quiet":
        for entry in found:
            printer.line(str(entry["change"]))
    elif printer.form == "lines":
        printer.table((*LINES, *COLUMNS) if diff else LINES, found)
    else:
        _tell(session, asked, found, diff=diff)
    return Exit.OK


def _tell(session: Session, asked: Reference, found: Sequence[Entry], *, diff: bool) -> None:
    """Show moves to a person."""
    printer = session.printer
    printer.line(f"{asked} · {counted(len(found), 'change')}")
    tag = (Column("TAG", "reference"),) if asked.value is None else ()
    printer.table((*tag, *PEOPLE), found, under=lines if diff else None)
    if diff and any(map(has_hidden, found)):
        printer.note(how_to_see(session, str(asked)))


def _refuse_nothing(session: Session, asked: Reference, since: str | None) -> None:
    """Raise Problem where nothing is an answer to no question: of a past that was not, of what never was."""
    if asked.past is not None:
        shown = say("{command}   shows what there was", command=session.command("history", _present(asked)))
        raise Problem(
            say("there is no {reference}", reference=asked),
            Exit.NOT_FOUND,
            hint=meant_day(asked.past) or shown,
            code="MANIFEST_UNKNOWN",
        )
    if asked.value is not None and since is None:
        raise never_was(session, asked)


def _present(asked: Reference) -> str:
    return str(replace(asked, past=None))


def _from(session: Session, asked: Reference, told: Iterator[Entry]) -> Iterator[Entry]:
    """Begin with the value that was there in the past that was asked for."""
    if asked.past is None:
        return told
    revision, instant = which_past(asked.past, session.printer.now)
    if revision is None:
        return dropwhile(lambda entry: str(entry["at"]) > str(instant), told)
    if asked.value is None:
        raise usage(say("{reference}: changes are counted of one tag, not of a repository", reference=asked))
    return islice(told, min(revision, sys.maxsize), None)


def _told(session: Session, server: Refloat, asked: Reference, *, since: str | None, limit: int) -> Iterator[Entry]:
    """Yield the moves of each reference with their numbers, and what became of each value."""
    instant = None if since is None else beginning(since, session.printer.now)
    page = PAGE if asked.past is not None else min(limit, PAGE)
    path = name_path(asked.repository, "history")
    entries = server.pages(path, "history", "before", reference=asked.value, since=instant, n=page)
    revisions: Counter[str] = Counter()
    followed: dict[str, Entry] = {}
    for entry in entries:
        reference = str(entry["reference"])
        yield {
            **entry,
            "rev": f"@{{{revisions[reference]}}}",
            "change_text": _change(entry),
            "state_text": _state(session, entry, followed.get(reference)),
        }
        revisions[reference] += 1
        followed[reference] = entry


def _change(entry: Entry) -> str:
    old, new = short(str(entry["old"])), short(str(entry["new"]))
    if entry["new"] is None:
        return say("deleted {old}", old=old)
    kind = str(entry["kind"])
    if entry["old"] is None:
        verb = {"undo": say("brought back"), "restore": say("restored")}.get(kind, say("created"))
        return f"{verb} {new}"
    verb = {"undo": say("moved back"), "restore": say("restored")}.get(kind, say("moved"))
    return f"{verb} {old} → {new}"


def _state(session: Session, entry: Entry, followed: Entry | None) -> str:
    """Say what became of the value a move gave; `followed` is the next move of its reference."""
    state = entry["state"]
    if state is None:
        return _deletion(session, entry, followed)
    if state == "held" and followed is not None:
        return say("in trash until {when}", when=ending(str(followed["held_until"]), session.printer.now))
    return {"live": say("live"), "held": say("in trash"), "gone": say("gone"), "purged": say("purged")}[str(state)]


def _deletion(session: Session, entry: Entry, followed: Entry | None) -> str:
    """Give the command that takes a deletion back, or say what became of that."""
    if entry["kind"] == "purge":
        return say("for good")
    if followed is None:
        return session.command("undo", str(entry["change"])) if entry["undoable"] else say("no longer undoable")
    if entry["undone_by"] is None:
        return say("another image since {change}", change=followed["change"])
    if followed["kind"] == "undo":
        return say("undone by {change}", change=entry["undone_by"])
    return say("brought back by {change}", change=entry["undone_by"])
