"""`refloat trash` on a registry that is not a refloat: what can be brought back, and what is due to go."""

from typing import Literal

from refloat.cli import doing
from refloat.cli.outside.entries import COLUMNS, entry_document
from refloat.cli.outside.place import Place, told
from refloat.cli.outside.restore import entries_of, entry_named
from refloat.cli.printing import Entry as Row
from refloat.cli.problems import Exit
from refloat.cli.session import Session
from refloat.cli.wording import counted, size
from refloat.language import say
from refloat.portable import ending
from refloat.portable.shelf import Entry


def trash(session: Session, repository: str | None, limit: int) -> Exit:
    """List every entry, the newest first. Raises Problem."""
    place = Place.named(session, None, None)
    damaged: list[str] = []
    with told():
        found = sorted(entries_of(place, repository, damaged), key=lambda entry: entry.facts.at, reverse=True)[:limit]
    _table(session, found, "trash.outside")
    if session.printer.form == "people":
        command = place.command("restore", place.name("REPO:TAG"))
        session.printer.line(say("{command}   brings one back", command=command) if found else _nothing())
    for each in damaged:
        session.printer.note(say("cannot be read: {entry}", entry=each))
    return Exit.FOUND_PROBLEMS if damaged else Exit.OK


def show(session: Session, identity: str, repository: str | None) -> Exit:
    """Show one entry with all that it keeps. Raises Problem."""
    place = Place.named(session, None, None)
    with told():
        entry = entry_named(place, identity, repository)
    document = entry_document(entry)
    printer = session.printer
    if printer.form == "json":
        printer.document("trash.outside.entry", entry=document)
        return Exit.OK
    if printer.form == "quiet":
        printer.line(entry.facts.id)
        return Exit.OK
    _table(session, [entry], "")
    for tag, digest in entry.facts.tags.items():
        printer.line(say("  tag {tag}  {digest}", tag=tag, digest=digest))
    for kept in entry.facts.manifests:
        went = say("went") if kept.taken else say("stayed")
        printer.line(say("  manifest {digest}  {went}  {type}", digest=kept.digest, went=went, type=kept.media_type))
    for blob in entry.facts.blobs:
        printer.line(say("  blob {digest}  {size}", digest=blob.digest, size=size(blob.size)))
    for absent in entry.facts.absent:
        printer.line(say("  named, and was not there: {digest}", digest=absent))
    return Exit.OK


def expire(session: Session, repository: str | None, act: Literal["plans", "acts"]) -> Exit:
    """Let go of what is due, in the trash of one repository or of all. Raises Problem."""
    dry_run = act == "plans"
    place = Place.named(session, None, None)
    gone: list[Entry] = []
    with told():
        for name in place.repositories(repository):
            shelf = place.shelf(name)
            entries = ending.due(shelf, session.printer.now)
            if not dry_run:
                ending.drop(shelf, entries)
            gone += entries
    printer = session.printer
    if printer.form == "json":
        printer.document("trash.outside.expire", dry_run=dry_run, expired=[entry_document(entry) for entry in gone])
        return Exit.OK
    _table(session, gone, "")
    if printer.form == "people":
        told_of = say("{entries} due") if dry_run else say("let go of {entries}")
        number = counted(len(gone), "entry is", "entries are") if dry_run else counted(len(gone), "entry", "entries")
        server = place.registry.origin.netloc
        printer.line(told_of.format(entries=number))
        printer.line(say("the bytes leave with the next garbage collection of {server}", server=server))
    if dry_run and printer.form == "people":
        printer.line(doing.UNCHANGED)
    return Exit.OK


def _table(session: Session, entries: list[Entry], schema: str) -> None:
    rows: list[Row] = [entry_document(entry) for entry in entries]
    printer = session.printer
    if printer.form == "json":
        printer.document(schema, entries=rows)
    elif printer.form == "quiet":
        for row in rows:
            printer.line(str(row["id"]))
    else:
        printer.table(COLUMNS, rows)


def _nothing() -> str:
    return say("Nothing is in the trash.")
