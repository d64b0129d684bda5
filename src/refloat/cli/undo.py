"""`refloat undo`: take a change back."""

import re
from collections.abc import Iterator, Sequence
from typing import cast

import click

from refloat.cli import completing, doing, moves
from refloat.cli.changes import LOG, moves_of, what
from refloat.cli.missing import conflict, gone
from refloat.cli.printing import Entry
from refloat.cli.problems import Exit, Problem, problem_of, usage
from refloat.cli.progress import waiting
from refloat.cli.reference import parse_present
from refloat.cli.session import Session
from refloat.cli.verb import Verb
from refloat.cli.wording import counted, moment, relative, short
from refloat.client.errors import Refused
from refloat.client.refloat import Document, Refloat
from refloat.language import say, say_counted

HINDERED = {
    "moved": say("it has moved since"),
    "used": say("it is in use"),
    "protected": say("it is protected"),
    "gone": say("its image is gone for good"),
}
BARE = re.compile(r"(?:sha256|sha512):[0-9a-f]{7,}|[^:/@]+")  # a digest or a tag of whichever repository
PATIENCE = 3600.0  # seconds: very much takes its time
CHOICES = 20  # changes listed where none was named


class _Undo(Verb):
    """Two ways to treat a conflict exclude each other: the last one named must not win unseen."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if {"--skip", "--replace"} <= set(args):
            raise click.UsageError(say("--skip and --replace exclude each other"), ctx)
        return super().parse_args(ctx, args)


@click.command(cls=_Undo)
@click.argument("change", required=False, metavar="[ID]", shell_complete=completing.changes)
@doing.skip
@doing.replace(help="Move back also what moved since (undoable).")
@click.option("--as", "as", metavar="TAG", help="Restore one reference of the change under another name.")
@click.option("--reference", metavar="REF", help="With --as: which one, as REPO:TAG, where the change moved several.")
@doing.reason
@doing.dry_run
def undo(session: Session, change: str | None, **body: object) -> Exit:
    """Take a change back, whole or not at all.

    Without an ID it is the last change this command line made at that server. An undo is a change too:
    undoing it, by its ID, does the change again. Where a reference moved since, nothing is done, unless --skip leaves
    it, --replace moves it back as well, or --as restores beside it.
    """
    host = _name_one(body)
    server = session.server(host)
    if change is None:
        change = _last(session, server)
    tell_undone(session, server, take_back(session, server, change, body), _beside(body))
    return Exit.OK


def _name_one(body: dict[str, object]) -> str | None:
    """Write `--reference` as the server lists references. Returns the server that it names. Raises Problem."""
    text = body["reference"]
    if text is None:
        return None
    if body["as"] is None:
        raise usage(say("--reference says what comes back under another name: --as TAG"))
    if BARE.fullmatch(str(text)):
        return None
    named = parse_present(str(text))
    body["reference"] = f"{named.repository}{'@' if named.digest else ':'}{named.value}"
    return named.host


def take_back(session: Session, server: Refloat, change: str, body: Document) -> Document:
    """Ask a server to take a change back. Raises Problem."""
    try:
        with waiting(session.printer, say("taking back")):
            return server.post(f"changes/{_id(change)}/undo", body, PATIENCE)
    except Refused as error:
        raise _refusal(session, change, body, error) from None


def tell_undone(session: Session, server: Refloat, answer: Document, beside: Sequence[str] = ()) -> None:
    """Print what an undo or a restore came to. `beside` are the options that put it under another name."""
    if session.printer.form == "json":
        if answer["change"] is not None:
            session.memory(server).keep(str(answer["change"]))
        session.printer.document("undo", undone=answer)
    else:
        doing.finish(session, server, answer, _lines(session, answer, beside))


def _beside(body: Document) -> Sequence[str]:
    named = [(option, body[option]) for option in ("as", "reference") if body[option] is not None]
    return [word for option, value in named for word in (f"--{option}", str(value))]


def _lines(session: Session, answer: Document, beside: Sequence[str]) -> Iterator[str]:
    listed = moves_of(answer)
    whole = len(listed) == int(str(answer["moves_total"]))
    yield from moves.undone(listed, moves.telling(answer)) if whole else moves.tallied(answer)
    satisfied, skipped = int(str(answer["satisfied_total"])), cast("list[Entry]", answer["skipped"])
    if not answer["moves"]:
        yield _nothing(int(str(answer["skipped_total"])))
    if satisfied and (answer["moves"] or skipped):
        yield say("  {references} already as wanted", references=counted(satisfied, "reference"))
    for entry in skipped:
        name = moves.named(entry["repository"], entry["reference"])
        now = short(str(entry["now"])) if entry["now"] else say("not there")
        why = "used" if beside and entry["why"] == "moved" else str(entry["why"])
        yield say("  {name} stays as it is ({now}): {why}", name=name, now=now, why=HINDERED[why])
    for entry in cast("list[Entry]", answer["left"]):
        yield say("  {digest} stays: something live needs it", digest=moves.named(entry["repository"], entry["digest"]))
    for title in ("skipped", "left"):
        more = int(str(answer[f"{title}_total"])) - len(cast("list[Entry]", answer[title]))
        if more:
            yield say_counted("  and {count:,} more stays", "  and {count:,} more stay", more)
    if not answer["moves"] and any(entry["why"] == "moved" for entry in skipped):
        yield say(
            "  {command}   moves back what has moved since (undoable)",
            command=session.command("undo", str(answer["undoes"]), *beside, "--replace"),
        )


def _nothing(skipped: int) -> str:
    """Say why nothing moved."""
    if not skipped:
        return say("Nothing to do: everything is as it would be")
    stay = counted(skipped, "reference stays as it is", "references stay as they are")
    return say("Nothing left that --skip brings back: {stay}", stay=stay)


def _last(session: Session, server: Refloat) -> str:
    """Return the last change made from here, and say what it is. Raises Problem, having listed the choices."""
    last = session.memory(server).last()
    if last is not None:
        try:
            entry = server.get(f"changes/{last}")
        except Refused:
            last = None
        else:
            _refuse_final(session, entry)
            when = relative(moment(str(entry["at"])), session.printer.now)
            session.printer.note(
                say(
                    "Taking back {id}: {kind} {what}, {when}",
                    id=entry["id"],
                    kind=entry["kind"],
                    what=what(entry),
                    when=when,
                )
            )
            return str(entry["id"])
    message = say("no change was made from here at {server}", server=server.origin.netloc)
    if session.printer.form == "json":
        raise usage(message, say("{command}   lists changes", command=session.command("log")))
    choices = cast("list[Entry]", server.get("changes", n=CHOICES)["changes"])
    session.printer.table(LOG, choices)
    offer = say("{command}   takes back one of these", command=session.command("undo", "ID"))
    raise usage(message, offer if choices else "")


def _refuse_final(session: Session, entry: Entry) -> None:
    """Raise Problem where the last change is no one to take back unasked: a purge, or an undo."""
    last, undone = entry["id"], entry["undoes"]
    if entry["kind"] == "purge":
        raise usage(
            say("the last change from here, {last}, is a purge, and nothing takes that back", last=last),
            say("{command}   lists what can be taken back, by its ID", command=session.command("trash")),
        )
    if entry["kind"] == "undo":
        raise usage(
            say("the last change from here, {last}, took {undone} back already", last=last, undone=undone),
            say("{command}   does {undone} again", command=session.command("undo", str(last)), undone=undone),
        )


def _id(change: str) -> str:
    if not (change.isascii() and change.isalpha() and change.islower()):
        raise usage(
            say("{change!r} is not the id of a change: those are ten small letters", change=change),
            say("refloat log   lists them; refloat restore REF   brings an image back by its name"),
        )
    return change


def _offer(session: Session, change: str, body: Document, problem: Problem) -> None:
    """List what `--reference` may be."""
    references = cast("list[str]", problem.detail["references"])
    if "reference" not in problem.detail:
        problem.message = say("{change} moved several references, and --as brings back one", change=change)
    more = int(str(problem.detail["references_total"])) - len(references)
    problem.facts = (*references, *((say("and {count} more", count=f"{more:,}"),) if more else ()))
    problem.hint = session.command("undo", change, "--as", str(body["as"]), "--reference", "REF")


def _refusal(session: Session, change: str, body: Document, error: Refused) -> Problem:
    if error.code == "CHANGE_CONFLICT":
        return conflict(session, error, "moved" if body.get("as") is None else "used")
    problem = problem_of(error)
    references = error.detail.get("references")
    if isinstance(references, list) and references:
        _offer(session, change, body, problem)
    if error.code == "CHANGE_UNKNOWN":
        problem.hint = say("{command}   lists changes", command=session.command("log"))
    if error.code == "CHANGE_GONE":
        problem = gone(error, say("{change} can no longer be taken back", change=change))
    if int(str(error.detail.get("would_move", 0))) and error.code in ("CHANGE_GONE", "PURGED"):
        skip = session.command("undo", change, "--skip")
        problem.hint = say("{command}   brings back the rest", command=skip)
    return problem
