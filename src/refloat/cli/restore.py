"""`refloat restore`: bring back a deleted image, or an earlier value of a tag."""

from collections.abc import Mapping

import click

from refloat.cli import completing, doing
from refloat.cli.missing import explained
from refloat.cli.problems import Exit, usage
from refloat.cli.reference import Reference, parse_image
from refloat.cli.session import Session
from refloat.cli.undo import take_back, tell_undone
from refloat.cli.verb import Verb
from refloat.cli.wording import TIMES, past, which_past
from refloat.client.errors import NotRefloat, Refused
from refloat.client.refloat import name_path
from refloat.language import say

PATHS = frozenset(":/@")


@click.command(cls=Verb)
@click.argument("what", metavar="ID|REF[@{N}|@{TIME}]", shell_complete=completing.restorable)
@click.option("--at", metavar="TIME", help=f"The value it had then: {TIMES}. A date is its last instant, UTC.")
@click.option("--rev", type=click.IntRange(0), help="The value it had so many changes ago; the same as @{N}.")
@click.option("--as", "as", metavar="TAG", help="Restore it under another name.")
@doing.replace(help="Move that name, if it is in use (undoable).")
@doing.save
@doing.reason
@doing.dry_run
def restore(session: Session, what: str, *, at: str | None, rev: int | None, **body: object) -> Exit:
    """Bring back a deleted image, or an earlier value of a tag.

    An ID is that of a change, and restoring it is undoing it. A reference that was deleted comes back as it
    last was; REF@{2} is its value two changes ago, REF@{2026-11-20} what it was at the end of that day.

    On a registry that is not a refloat it comes back from the trash beside it, or from the directory --save names.
    """
    directory = body.pop("save")
    outside = {**body, "save": directory, "past": at or rev}
    if directory is not None:
        return _outside(session, what, outside)
    try:
        return _restore(session, what, at, rev, body)
    except NotRefloat:
        return _outside(session, what, outside)


def _outside(session: Session, what: str, options: Mapping[str, object]) -> Exit:
    from refloat.cli.outside.restore import restore as restore_outside

    if options["past"] is not None:
        raise usage(say("only a refloat knows what an image was in the past"))
    return restore_outside(session, what, options)


def _restore(session: Session, what: str, at: str | None, rev: int | None, body: dict[str, object]) -> Exit:
    if not PATHS & set(what):
        if at is not None or rev is not None:
            raise usage(say("{what} is taken for the id of a change, and a change has no earlier values", what=what))
        server = session.server()
        answer = take_back(session, server, what, body)
    else:
        reference = parse_image(what)
        server = session.server(reference.host)
        revision, instant = _past(session, reference, at, rev)
        body |= {"reference": reference.value, "revision": revision, "at": instant}
        try:
            answer = server.post(name_path(reference.repository, "restore"), body)
        except Refused as error:
            raise explained(session, server, reference, error) from None
    tell_undone(session, server, answer)
    return Exit.OK


def _past(session: Session, reference: Reference, at: str | None, rev: int | None) -> tuple[int | None, str | None]:
    """Return which past is meant: a number of changes, or an instant; neither where none was given."""
    given = [text for text in (reference.past, at, None if rev is None else str(rev)) if text is not None]
    if len(given) > 1:
        raise usage(say("say one past: @{…}, --at or --rev"))
    if not given:
        return None, None
    if at is not None:
        return None, past(at, session.printer.now)
    return which_past(given[0], session.printer.now)
