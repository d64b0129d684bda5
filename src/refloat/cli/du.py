"""`refloat du`: where the space goes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import click

from refloat.cli import completing
from refloat.cli.missing import explained
from refloat.cli.printing import Column, Entry
from refloat.cli.problems import Exit, usage
from refloat.cli.progress import waiting
from refloat.cli.reference import Reference, parse
from refloat.cli.session import Session
from refloat.cli.verb import Verb
from refloat.cli.wording import size
from refloat.client.errors import Refused
from refloat.client.refloat import Refloat, name_path
from refloat.language import say

NOTICED = 8 << 20  # bytes
PATIENCE = 3600.0  # seconds: every file of a large store is looked at
CLASSES = (Column("CLASS", "class"), Column("SIZE", "size", "size"))
REPOSITORIES = (
    Column("REPOSITORY", "name"),
    Column("LIVE", "live", "size"),
    Column("ALONE", "alone", "size"),
    Column("TRASH", "trash", "size"),
)
TAGS = (Column("TAG", "tag"), Column("SIZE", "size", "size"), Column("ALONE", "alone", "size"))
LAYERS = (
    Column("DIGEST", "digest", "digest"),
    Column("SIZE", "size", "size"),
    Column("MANIFESTS", "manifests", "count"),
    Column("REPOSITORIES", "repositories", "count"),
)


@click.command(cls=Verb)
@click.argument("repository", required=False, metavar="[REPO]", shell_complete=completing.repositories)
@click.option("--by", type=click.Choice(["repo", "tag", "layer"]), help="Show what takes most.")
@click.option("--top", type=click.IntRange(1, 1000), default=20, show_default=True, help="Show so many.")
def du(session: Session, repository: str | None, *, by: str | None, top: int) -> Exit:
    """Show where the space goes.

    Without more it is every file of the store by class, and the classes add up: what tags keep, what is untagged, in
    the trash, only leased by a push, uploads under way, waiting for removal, in quarantine, and known to nobody; and
    beside them the database, with the pages of it that are free.
    --by repo, tag (of REPO) or layer shows what takes most; ALONE is what nothing else uses.
    """
    reference = parse(repository) if repository else None
    if reference is not None and (reference.value or reference.past):
        raise usage(say("{reference} is an image; say a repository", reference=reference))
    by = by or ("tag" if reference else "class")
    if (by == "tag") != (reference is not None) and by != "layer":
        raise usage(say("--by tag is about one repository, --by repo about all"), say("refloat du --by tag REPO"))
    server = session.server(reference.host if reference else None)
    try:
        with waiting(session.printer, say("looking at what is stored")):
            found = _found(server, by, reference, top)
    except Refused as error:
        raise explained(session, server, reference or Reference(None, ""), error) from None
    _print(session, found)
    return Exit.OK


@dataclass(frozen=True, slots=True)
class _Found:
    """What takes space, under the name of its list; `database` beside the classes, where the server tells of it."""

    title: str
    columns: tuple[Column, ...]
    entries: Sequence[Entry]
    database: Mapping[str, int] | None = None


def _found(server: Refloat, by: str, reference: Reference | None, top: int) -> _Found:
    name = reference.repository if reference else None
    if by == "class":
        answer = server.get("usage", patience=PATIENCE)
        classes = cast("dict[str, int]", answer["classes"])
        entries = [{"class": title, "size": count} for title, count in classes.items()]
        return _Found("classes", CLASSES, entries, cast("dict[str, int] | None", answer.get("database")))
    if by == "repo":
        return _Found("repositories", REPOSITORIES, _list(server, "usage/repositories", "repositories", top))
    if by == "tag" and name is not None:
        return _Found("tags", TAGS, _list(server, name_path(name, "usage"), "tags", top))
    return _Found("layers", LAYERS, _list(server, "usage/layers", "layers", top, name))


def _list(server: Refloat, path: str, title: str, top: int, repository: str | None = None) -> Sequence[Entry]:
    answer = server.get(path, patience=PATIENCE, n=top, repository=repository)
    return cast("Sequence[Entry]", answer[title])


def _print(session: Session, found: _Found) -> None:
    printer = session.printer
    if printer.form == "json":
        more = {"total": _total(found.entries), "database": found.database} if found.title == "classes" else {}
        printer.document("du", **{found.title: found.entries}, **more)
    elif printer.form == "quiet":
        for entry in found.entries:
            printer.line(str(found.columns[0].of(entry)))
    else:
        printer.table(found.columns, found.entries)
        if printer.form == "people" and found.title == "classes":
            printer.line(say("{size} in all", size=size(_total(found.entries))))
            if found.database is not None:
                printer.line(_told(found.database))


def _told(database: Mapping[str, int]) -> str:
    """Say what the database takes, and what gives much that is free in it back where the collector does not."""
    pages = say("{free} of it free pages", free=size(database["free"]))
    if database["free"] > NOTICED and not database["shrinks"]:
        pages = say("{pages} that `refloat compact` gives back", pages=pages)
    return say(
        "the database: {total}, {pages}; its log: {log}; {whole} in all",
        total=size(database["size"]),
        pages=pages,
        log=size(database["log"]),
        whole=size(database["size"] + database["log"]),
    )


def _total(classes: Sequence[Entry]) -> int:
    return sum(int(str(entry["size"])) for entry in classes)
