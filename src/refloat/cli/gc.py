"""`refloat gc`: a round of the collector, now."""

from collections.abc import Iterator
from typing import cast

import click

from refloat.cli import doing
from refloat.cli.printing import Entry
from refloat.cli.problems import Exit
from refloat.cli.session import Session
from refloat.cli.verb import Verb
from refloat.cli.wording import counted, moment, relative, size
from refloat.client.refloat import Document
from refloat.language import say

PATIENCE = 3600.0  # seconds: a round over very much takes as long as removing the files does


@click.command(cls=Verb)
@doing.dry_run
def gc(session: Session, *, dry_run: bool) -> Exit:
    """Collect now what is due, while everybody goes on working.

    A server does this by itself every minute. What is in the trash is never collected before its window ends.
    """
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
    held = cast("list[Entry]", done["held"])
    for title, count, what in (
        (say("pruned"), _number(done, "pruned"), say("changes whose window has ended")),
        (say("swept"), _number(done, "swept"), say("manifests that nothing holds any more")),
        (say("expired"), _number(done, "expired_uploads"), say("uploads that were never finished")),
        (say("condemned"), _number(done, "condemned"), say("blobs that nothing uses any more")),
        (say("reaped"), _number(done, "reaped"), say("blobs, {size} freed", size=size(_number(done, "reaped_bytes")))),
        (
            say("held"),
            len(held),
            say(
                "blobs, {size}{until}",
                size=size(sum(_number(entry, "size") for entry in held)),
                until=_until(session, held),
            ),
        ),
    ):
        yield f"  {title:<10}{count:>6,}  {what}"
    if behind := _number(done, "behind_seconds"):
        yield say(
            "  the collector's clock is {time} behind, and waits that much longer", time=counted(behind, "second")
        )


def _until(session: Session, held: list[Entry]) -> str:
    if not held:
        return ""
    ends = sorted(str(entry["until"]) for entry in held)
    first, last = ends[0][:19] + "Z", ends[-1][:19] + "Z"
    if session.printer.form == "people":
        return say(
            ", the next until {first} ({when}), the last until {last}",
            first=first,
            when=relative(moment(ends[0]), session.printer.now),
            last=last,
        )
    return say(", until {first} to {last}", first=first, last=last)


def _number(entry: Entry, name: str) -> int:
    return int(str(entry[name]))
