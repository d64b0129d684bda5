"""`refloat purge`: for good. The only verb that asks."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import cast

import click

from refloat.cli import completing, doing
from refloat.cli.admin import admit
from refloat.cli.missing import explained
from refloat.cli.moves import named
from refloat.cli.printing import Column, Entry
from refloat.cli.problems import Exit, Problem, problem_of, usage
from refloat.cli.progress import waiting
from refloat.cli.reference import Reference, parse, parse_present
from refloat.cli.session import Session
from refloat.cli.verb import Verb
from refloat.cli.wording import counted, listed, short, size
from refloat.client.errors import Refused, Unreachable
from refloat.client.refloat import Document, Refloat
from refloat.core.names import ALGORITHMS
from refloat.language import say, say_counted

PATIENCE = 3600.0  # seconds: a large blob is read once, to know all of its digests
PURGES = (
    Column("WHEN", "at", "when"),
    Column("ID", "id"),
    Column("WHAT", "kind"),
    Column("IMAGE", lambda entry: entry.get("image") or cast("Sequence[str]", entry["digests"])[0]),
    Column("SIZE", "size", "size"),
    Column("BLOCKED", "blocks", "count"),
    Column("REASON", "reason"),
)


@click.command(cls=Verb)
@click.argument("reference", required=False, metavar="REF", shell_complete=completing.held_images)
@click.option("--everywhere", is_flag=True, help="End it in every repository that has it.")
@click.option("--no-block", is_flag=True, help="Let it be pushed again.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--unblock", metavar="REF", help="Let what was purged be pushed again: REPO@DIGEST, or a digest.")
@click.option("--list", "lists", is_flag=True, help="List what was purged and what is blocked.")
@click.option("--root", type=click.Path(path_type=Path, file_okay=False), help="The server's directory.")
@doing.reason
@doing.dry_run
def purge(session: Session, reference: str | None, *, root: Path | None, **said: object) -> Exit:
    """End an image or a layer for good: nothing brings it back.

    REF is an image, live or in the trash, or REPO@DIGEST of a layer. It ends in every state, and with it every index
    and image that needs it, its signatures, and the parts that only it has: no undo, no backup of the server and no
    push brings it back, until --unblock. What will end is shown and asked about first; --yes does not ask.
    What other repositories have stays theirs: without --everywhere nothing is purged then.

    The server asks for its admin token, which is in its directory: --root names that, or REFLOAT_ADMIN_TOKEN_FILE
    the file.
    """
    chosen = [name for name in ("unblock", "lists") if said[name]] + (["reference"] if reference else [])
    if len(chosen) != 1:
        raise usage(say("say one: what to purge, --unblock or --list"))
    if said["lists"]:
        return _list(session, root)
    if said["unblock"]:
        return _unblock(session, root, said)
    return _purge(session, root, parse_present(str(reference)), said)


def _purge(session: Session, root: Path | None, reference: Reference, said: Document) -> Exit:
    server = session.server(reference.host)
    if not _may_be_refloat(server):
        from refloat.cli.outside import purge as outside

        outside.refuse_rest(said)
        return outside.purge(session, reference, said)
    admit(session, server, root)
    body = {
        "image": f"{reference.repository}{'@' if reference.digest else ':'}{reference.value}",
        "scope": "everywhere" if said["everywhere"] else "repository",
        "block": not said["no_block"],
        "reason": said["reason"],
    }
    plan = _ask(session, server, reference, {**body, "dry_run": True})
    if said["dry_run"]:
        return _tell(session, plan, [*_lines(plan), doing.UNCHANGED])
    if not said["yes"]:
        _confirm(session, plan)
    done = _ask(session, server, reference, {**body, "seen": plan["plan"]})
    if done["change"] is not None:
        session.memory(server).keep(str(done["change"]))
    return _tell(session, done, [*(_lines(done) if said["yes"] else ()), *_done(session, done)])


def _may_be_refloat(server: Refloat) -> bool:
    """Ask before the admin token is shown to it. Where nothing answers, what is missing here is told first."""
    try:
        return server.is_one()
    except Unreachable:
        return True


def _admit(session: Session, server: Refloat, root: Path | None) -> None:
    if not _may_be_refloat(server):
        raise usage(say("{server} is not a refloat: only a refloat keeps purges", server=server.origin.netloc))
    admit(session, server, root)


def _ask(session: Session, server: Refloat, reference: Reference, body: Document) -> Document:
    try:
        with waiting(session.printer, say("looking for every copy")):
            return server.post("purge", body, PATIENCE)
    except Refused as error:
        problem = explained(session, server, reference, error)
        if error.code == "MANIFEST_UNKNOWN" and _is_short(reference) and not problem.facts:
            problem.hint = say(
                "a layer is named by its whole digest; {command}   has those of an image",
                command=session.command("show", f"{reference.repository}:TAG", "--json"),
            )
        others = error.detail.get("repositories")
        if isinstance(others, list):
            problem.facts = (say("also in  {repositories}", repositories=listed(others)),)
        raise problem from None


def _is_short(reference: Reference) -> bool:
    algorithm, _, digits = (reference.digest or "").partition(":")
    return len(digits) < ALGORITHMS.get(algorithm, 0)


def _confirm(session: Session, plan: Document) -> None:
    """Show what will end and ask. Raises Problem where nobody says yes."""
    if not sys.stdin.isatty() or session.printer.form == "json":
        raise Problem(
            say("purge needs a confirmation and there is no terminal"),
            Exit.NOT_CONFIRMED,
            hint=say("--yes ends it, {size}, for good", size=size(int(str(plan["size"])))),
            code="NOT_CONFIRMED",
        )
    for line in _lines(plan):
        session.printer.note(line)
    try:
        agreed = click.confirm(say("This cannot be undone. Purge?"), default=False, err=True)
    except click.Abort:
        session.printer.note("")
        agreed = False
    if not agreed:
        raise Problem(say("nothing was purged"), Exit.NOT_CONFIRMED, code="NOT_CONFIRMED")


def _lines(answer: Document) -> Iterator[str]:
    """Say what ends: repository by repository, then the bytes, then what comes after."""
    image, digest = str(answer["image"]), str(answer["digest"])
    shown = "" if "@" in image else f" ({short(digest)})"
    yield say("{image}{digest} ends for good", image=image, digest=shown)
    for part in cast("list[Entry]", answer["repositories"]):
        moves = cast("list[dict[str, str]]", part["moves"])
        tags = [move["reference"] for move in moves if ":" not in move["reference"]]
        manifests = counted(len(cast("list[str]", part["manifests"])), "manifest")
        where = say("no tag")
        if tags:
            where = say_counted("tag {tags}", "tags {tags}", len(tags), tags=", ".join(tags))
        yield say(
            "  {repository}   {where} · {manifests}", repository=part["repository"], where=where, manifests=manifests
        )
        if past := cast("list[str]", part["past"]):
            yield say("    and earlier values of {tags}", tags=listed(past))
        for digest in cast("list[str]", part["left"]):
            yield say("    {name} stays: something live needs it", name=named(part["repository"], digest))
    shared = len(cast("list[str]", answer["shared"]))
    yield say(
        "  {size} in {blobs}{stays}",
        size=size(int(str(answer["size"]))),
        blobs=counted(len(cast("list[str]", answer["blobs"])), "blob"),
        stays=say_counted(
            "; {count:,} blob stays, others have it", "; {count:,} blobs stay, others have them", shared
        )
        if shared
        else "",
    )
    if answer["blocked"]:
        yield say("  pushing it again is refused from then on")


def _done(session: Session, done: Document) -> Iterator[str]:
    yield say("Purged {id}. {size} freed.", id=done["id"], size=size(int(str(done["size"]))))
    for beyond in cast("list[str]", done["beyond"]):
        yield say("  not reached: {what}", what=beyond)
    if done["blocked"]:
        command = session.command("purge", "--unblock", str(done["digest"]))
        yield say("Push again:  {command}", command=command)


def _tell(session: Session, answer: Document, lines: Sequence[str]) -> Exit:
    printer = session.printer
    if printer.form == "json":
        printer.document("purge", **{name: value for name, value in answer.items() if name != "schema"})
    elif printer.form == "quiet":
        printer.line(str(answer["id"] or answer["digest"]))
    else:
        for line in lines:
            printer.line(line)
    return Exit.OK


def _unblock(session: Session, root: Path | None, said: Document) -> Exit:
    text = str(said["unblock"])
    host, digest = (None, text) if "@" not in text else (parse(text).host, parse(text).digest)
    server = session.server(host)
    _admit(session, server, root)
    try:
        done = server.post("unblock", {"digest": digest, "reason": said["reason"]})
    except Refused as error:
        raise problem_of(error) from None
    if session.printer.form == "json":
        session.printer.document("unblocked", **{name: value for name, value in done.items() if name != "schema"})
        return Exit.OK
    for each in cast("list[str]", done["digests"]):
        session.printer.line(
            each if session.printer.form == "quiet" else say("{digest} may be pushed again", digest=each)
        )
    return Exit.OK


def _list(session: Session, root: Path | None) -> Exit:
    server = session.server()
    _admit(session, server, root)
    purges: list[Entry] = [
        {**entry, "blocks": len(cast("list[str]", entry["blocks"])) or None, "blocked_now": entry["blocks"]}
        for entry in server.pages("purges", "purges", "before")
    ]
    printer = session.printer
    if printer.form == "json":
        printer.document("purges", purges=[{**entry, "blocks": entry["blocked_now"]} for entry in purges])
    elif printer.form == "quiet":
        for entry in purges:
            printer.line(str(entry["id"]))
    elif printer.form == "people" and not purges:
        printer.line(say("Nothing was purged."))
    else:
        printer.table(PURGES, purges)
    return Exit.OK
