"""`refloat ls`: repositories, or the images of one."""

from fnmatch import fnmatchcase

import click

from refloat.cli import completing
from refloat.cli.missing import explained
from refloat.cli.printing import Column, Entry
from refloat.cli.problems import Exit, usage
from refloat.cli.reference import Reference, parse_pattern
from refloat.cli.session import Session
from refloat.cli.verb import Verb
from refloat.cli.wording import counted, size
from refloat.client.errors import Refused
from refloat.client.refloat import Refloat, name_path
from refloat.language import say

PAGE = 1000
REPOSITORIES = (
    Column("REPOSITORY", "name"),
    Column("TAGS", "tags", "count"),
    Column("MANIFESTS", "manifests", "count"),
    Column("SIZE", "size", "size"),
    Column("LAST PUSH", "pushed_at", "when"),
)
IMAGES = (
    Column("TAG", "tag"),
    Column("DIGEST", "digest", "digest"),
    Column("PLATFORMS", "platforms", "list"),
    Column("SIZE", "size", "size"),
    Column("PUSHED", "pushed_at", "when"),
)


@click.command(cls=Verb)
@click.argument("what", required=False, default="", metavar="[REPO[:GLOB]]", shell_complete=completing.references)
@click.option("--untagged", is_flag=True, help="List images that no tag and no index names.")
@click.option("--all", "everything", is_flag=True, help="Show also the tags that attach signatures and SBOMs.")
@click.option("--sort", type=click.Choice(["name", "pushed", "size"]), default="name", show_default=True)
def ls(session: Session, what: str, *, untagged: bool, everything: bool, sort: str) -> Exit:
    """List repositories, or the images of one.

    In a pipe the columns are separated by tabs, digests are whole, sizes are bytes and times are RFC 3339.
    """
    host, repository, glob = parse_pattern(what) if what else (None, "", None)
    server = session.server(host)
    if not repository:
        if untagged:
            raise usage(say("--untagged is about one repository"), say("refloat ls --untagged REPO"))
        entries = _sorted(list(server.pages("repositories", "repositories", "last", n=PAGE)), sort)
        _print(session, entries, REPOSITORIES, "repositories", "name")
        return Exit.OK
    if untagged and glob is not None:
        raise usage(say("--untagged images have no tag that a pattern could match"))
    images = _images(session, server, repository, "untagged" if untagged else "tagged")
    chosen = [entry for entry in images if _is_wanted(entry, glob, everything=everything)]
    _print(session, _sorted(chosen, sort), IMAGES, "images", "tag", repository)
    return Exit.OK


def _images(session: Session, server: Refloat, repository: str, which: str) -> list[Entry]:
    try:
        return list(server.pages(name_path(repository, "images"), "images", "last", which=which, n=PAGE))
    except Refused as error:
        raise explained(session, server, Reference(None, repository), error) from None


def _is_wanted(entry: Entry, glob: str | None, *, everything: bool) -> bool:
    if glob is not None and not fnmatchcase(str(entry["tag"]), glob):
        return False
    return everything or not entry["follows"]


def _sorted(entries: list[Entry], sort: str) -> list[Entry]:
    if sort == "pushed":
        return sorted(entries, key=lambda entry: str(entry["pushed_at"] or ""), reverse=True)
    if sort == "size":
        return sorted(entries, key=lambda entry: int(str(entry["size"])), reverse=True)
    return entries


def _print(
    session: Session, entries: list[Entry], columns: tuple[Column, ...], field: str, key: str, repository: str = ""
) -> None:
    printer = session.printer
    if printer.form == "json":
        about = {"repository": repository} if repository else {}
        printer.document("ls", **about, **{field: entries})
    elif printer.form == "quiet":
        for entry in entries:
            printer.line(_reference(repository, entry) if repository else str(entry[key]))
    else:
        printer.table(columns, entries)
        if printer.form == "people":
            total = size(sum(int(str(entry["size"])) for entry in entries))
            many = counted(len(entries), "image") if repository else counted(len(entries), "repository", "repositories")
            printer.line(say("{many} · {total} as pulled", many=many, total=total))


def _reference(repository: str, entry: Entry) -> str:
    return f"{repository}:{entry['tag']}" if entry["tag"] else f"{repository}@{entry['digest']}"
