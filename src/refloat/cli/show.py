"""`refloat show`: one image."""

from collections.abc import Iterator
from typing import cast

import click

from refloat.cli import completing
from refloat.cli.missing import explained
from refloat.cli.printing import Column, Entry
from refloat.cli.problems import Exit, usage
from refloat.cli.reference import parse_image
from refloat.cli.session import Session
from refloat.cli.verb import Verb
from refloat.cli.wording import listed, moment, relative, short, size
from refloat.client.errors import Refused
from refloat.client.refloat import Document, name_path
from refloat.language import say

PARTS = (
    Column("PART", "part"),
    Column("DIGEST", "digest", "digest"),
    Column("SIZE", "size", "size"),
    Column("TYPE", "type"),
    Column("ABOUT", "about"),
)


@click.command(cls=Verb)
@click.argument("reference", metavar="REF", shell_complete=completing.images)
def show(session: Session, reference: str) -> Exit:
    """Show one image: its platforms, layers and config, its tags, and what refers to it."""
    named = parse_image(reference)
    if named.past is not None:
        history = session.command("history", str(named))
        raise usage(say("{reference} is in the past; only what is there can be shown", reference=named), history)
    server = session.server(named.host)
    try:
        image = server.get(name_path(named.repository, "image"), reference=named.value)
    except Refused as error:
        raise explained(session, server, named, error) from None
    printer = session.printer
    if printer.form == "json":
        printer.document("show", image=image)
    elif printer.form == "quiet":
        printer.line(f"{image['repository']}@{image['digest']}")
    else:
        if printer.form == "people":
            for line in _head(session, image):
                printer.line(line)
        printer.table(PARTS, list(_parts(image)))
    return Exit.OK


def _head(session: Session, image: Document) -> Iterator[str]:
    since = image["since"]
    by = say(" by {who}", who=image["by"]) if image["by"] else ""
    when = relative(moment(str(since)), session.printer.now) + by if since else None
    yield f"{image['repository']}@{image['digest']}"
    for title, value in (
        (say("type"), image["media_type"]),
        (say("platforms"), " ".join(cast("list[str]", image["platforms"]))),
        (say("size"), size(int(str(image["size"])))),
        (say("tags"), listed(cast("list[str]", image["tags"]))),
        (say("here since"), when),
    ):
        if value:
            yield f"  {title:<10}  {value}"


def _parts(image: Document) -> Iterator[Entry]:
    if image["config"] is not None:
        yield _part("config", cast("Entry", image["config"]))
    for kind, name in (("children", "image"), ("layers", "layer"), ("other", "blob")):
        for part in cast("list[Entry]", image[kind]):
            yield _part(name, part)
    for referrer in cast("list[Entry]", image["referrers"]):
        yield {
            "part": "referrer",
            "digest": referrer["digest"],
            "size": referrer["body_size"],
            "type": referrer["artifact_type"] or referrer["media_type"],
            "about": say("refers to {digest}", digest=short(str(image["digest"]))),
        }


def _part(name: str, part: Entry) -> Entry:
    about = part["platform"] or ("" if part["present"] else say("not in this repository"))
    return {
        "part": name, "digest": part["digest"], "size": part["size"], "type": part["media_type"], "about": about,
    }  # fmt: skip
