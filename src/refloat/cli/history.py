"""`refloat history`: every value a tag has had."""

from collections import Counter
from collections.abc import Iterable
from itertools import islice

import click

from refloat.cli.changes import limited, via, who
from refloat.cli.missing import explained
from refloat.cli.printing import Column, Entry
from refloat.cli.problems import Exit
from refloat.cli.reference import parse
from refloat.cli.session import Session
from refloat.cli.verb import Verb
from refloat.cli.wording import counted, day, short
from refloat.client.errors import Refused
from refloat.client.refloat import name_path
from refloat.language import say

PAGE = 100
PEOPLE = (
    Column("REV", "rev"),
    Column("WHEN", "at", "when"),
    Column("WHO", lambda entry: who(entry) or via(entry)),
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
@click.argument("reference", metavar="REPO[:TAG|@DIGEST]")
@limited(50)
def history(session: Session, reference: str, *, limit: int) -> Exit:
    """Show every value a tag has had, or those of all tags of a repository, newest first.

    @{0} is the present value, @{1} the one before the last change:  refloat restore REPO:TAG@{1}
    """
    asked = parse(reference)
    server = session.server(asked.host)
    entries = server.pages(
        name_path(asked.repository, "history"), "history", "before", reference=asked.value, n=min(limit, PAGE)
    )
    try:
        found = _told(session, asked.repository, islice(entries, limit))
    except Refused as error:
        raise explained(session, server, asked, error) from None
    printer = session.printer
    if printer.form == "json":
        printer.document("history", repository=asked.repository, reference=asked.value, history=found)
    elif printer.form == "quiet":
        for entry in found:
            printer.line(str(entry["change"]))
    else:
        if printer.form == "people":
            printer.line(f"{asked} · {counted(len(found), 'change')}")
        several = asked.value is None and printer.form == "people"
        tag = (Column("TAG", "reference"),) if several else ()
        printer.table((*tag, *PEOPLE) if printer.form == "people" else LINES, found)
    return Exit.OK


def _told(session: Session, repository: str, entries: Iterable[Entry]) -> list[Entry]:
    """Number the moves of each reference, and say what became of each value."""
    revisions: Counter[str] = Counter()
    displaced: dict[str, str] = {}
    told: list[Entry] = []
    for entry in entries:
        reference = str(entry["reference"])
        until = displaced.get(reference)
        told.append(
            {
                **entry,
                "rev": f"@{{{revisions[reference]}}}",
                "change_text": _change(entry),
                "state_text": _state(session, repository, entry, until),
            }
        )
        revisions[reference] += 1
        displaced[reference] = str(entry["held_until"])
    return told


def _change(entry: Entry) -> str:
    old, new = short(str(entry["old"])), short(str(entry["new"]))
    if entry["new"] is None:
        return say("deleted {old}", old=old)
    verb = {"undo": "undid", "restore": "restored"}.get(str(entry["kind"]))
    if entry["old"] is None:
        return f"{verb or 'created'} {new}"
    return f"{verb or 'moved'} {old} → {new}"


def _state(session: Session, repository: str, entry: Entry, until: str | None) -> str:
    state = entry["state"]
    if state is None:
        return session.command("undo", str(entry["change"]))
    if state == "held" and until is not None:
        return say("in trash until {when}", when=day(until))
    return {"live": "live", "held": say("in trash"), "gone": "gone"}[str(state)]
