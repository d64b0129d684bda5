"""`refloat gc`: a round of the collector, now."""

from collections.abc import Iterator
from typing import cast

import click

from refloat.cli import doing, progress
from refloat.cli.printing import Entry
from refloat.cli.problems import Exit
from refloat.cli.session import Session
from refloat.cli.verb import Verb
from refloat.cli.wording import counted, ending, moment, relative, size
from refloat.client.refloat import Document
from refloat.language import say, say_counted

PATIENCE = 3600.0  # seconds: a round over very much takes as long as removing the files does


@click.command(cls=Verb)
@doing.dry_run
def gc(session: Session, *, dry_run: bool) -> Exit:
    """Collect now what is due, while everybody goes on working.

    A server does this by itself every minute. What is in the trash is never collected before its window ends.
    """
    with progress.waiting(session.printer, say("collecting")):
        done = session.server().post("collect", {"dry_run": dry_run}, PATIENCE)
    printer = session.printer
    if printer.form == "json":
        printer.document("gc", round=done)
    elif printer.form == "quiet":
        printer.line(str(done["reaped_bytes"]))
    else:
        for line in _lines(session, done):
            printer.line(line)
        if dry_run:
            printer.line(
                say(
                    "{unchanged}  {command}  would free {size}.",
                    unchanged=doing.UNCHANGED,
                    command=session.command("gc"),
                    size=size(_number(done, "reaped_bytes")),
                )
            )
    return Exit.OK


def _lines(session: Session, done: Document) -> Iterator[str]:
    waiting = cast("Entry", done["waiting"])
    names = ("pruned", "swept", "expired_uploads", "condemned", "reaped")
    pruned, swept, expired, condemned, reaped = (_number(done, name) for name in names)
    blobs, freed, held = _number(waiting, "blobs"), size(_number(done, "reaped_bytes")), size(_number(waiting, "size"))
    until = _until(session, waiting, done)
    for title, count, what in (
        (say("pruned"), pruned, say_counted("change whose window has ended", "changes whose window has ended", pruned)),
        (
            say("swept"),
            swept,
            say_counted("manifest that nothing holds any more", "manifests that nothing holds any more", swept),
        ),
        (
            say("expired"),
            expired,
            say_counted("upload that was never finished", "uploads that were never finished", expired),
        ),
        (
            say("condemned"),
            condemned,
            say_counted("blob that nothing uses any more", "blobs that nothing uses any more", condemned),
        ),
        (say("reaped"), reaped, say_counted("blob, {size} freed", "blobs, {size} freed", reaped, size=freed)),
        (
            say("waiting"),
            blobs,
            say_counted("blob, {size}{until}", "blobs, {size}{until}", blobs, size=held, until=until),
        ),
    ):
        yield f"  {title:<10}{count:>6,}  {what}"
    if behind := _number(done, "behind_seconds"):
        yield say(
            "  the collector's clock is {time} behind, and waits that much longer", time=counted(behind, "second")
        )


def _until(session: Session, waiting: Entry, done: Document) -> str:
    held = cast("list[Entry]", done["held"])
    if not held or waiting["by"] is None:
        return ""
    first = str(held[0]["until"])
    if session.printer.form == "people":
        return say(
            ", the next until {first} ({when}), all gone by {last}",
            first=first[:19] + "Z",
            when=relative(moment(first), session.printer.now),
            last=ending(str(waiting["by"]), session.printer.now),
        )
    return say(", until {first}, all gone by {last}", first=first[:19] + "Z", last=f"{waiting['by']}"[:19] + "Z")


def _number(entry: Entry, name: str) -> int:
    return int(str(entry[name]))
