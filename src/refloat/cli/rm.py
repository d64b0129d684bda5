"""`refloat rm`: to the trash."""

from collections.abc import Iterable, Iterator, Mapping
from typing import cast

import click

from refloat.cli import completing, doing, moves
from refloat.cli.changes import forecast_text, moves_of
from refloat.cli.missing import explained
from refloat.cli.problems import Exit, Problem, problem_of, usage
from refloat.cli.progress import waiting
from refloat.cli.reference import Reference, parse_present, parse_repositories, parse_wild
from refloat.cli.session import Session
from refloat.cli.verb import Verb
from refloat.cli.wording import age
from refloat.client.errors import NotRefloat, Refused
from refloat.client.refloat import Document, Refloat
from refloat.core.patterns import is_pattern
from refloat.language import say, say_counted

FEW = 5  # images of a repository that are named one by one
PATIENCE = 3600.0  # seconds: very much takes its time
Named = tuple[str | None, str, str]  # a server, which list of the request it goes to, and what it is


@click.command(cls=Verb)
@click.argument("references", nargs=-1, required=True, metavar="REF...", shell_complete=completing.references)
@click.option("--tag-only", is_flag=True, help="Take the tag alone; its image stays, pullable by digest.")
@click.option("--untagged", is_flag=True, help="Take the images without a tag; each REF is a repository.")
@click.option("--older-than", metavar="AGE", help="Of what a pattern matches, what nobody pushed or moved for so long.")
@doing.save
@click.option("--keep", metavar="AGE", help="How long it is kept by a registry that is not a refloat.  [default: 30d]")
@doing.reason
@doing.dry_run
def rm(session: Session, references: tuple[str, ...], *, untagged: bool, **options: object) -> Exit:
    """Move images to the trash.

    A tag goes; if it was the last one on its image, the image goes too, with the parts of an index that only
    it holds, and the signatures and SBOMs that refer to it. REPO@DIGEST takes the image and every tag on it.
    'team/api:v1.*' and 'team/**:pr-*' take every tag that matches; * stays between two slashes, ** does not.
    REPO/ takes a repository with all it has. All goes in one change, or nothing does. Nothing is asked: the command
    that takes it back is printed, and works until the date it names. Whoever may push here can bring it back too: only
    purge takes something away for good.

    On a registry that is not a refloat every image is kept in a trash beside it before it is deleted: in the repository
    refloat-trash/REPO there (REFLOAT_TRASH names another than refloat-trash), or by --save in a directory.
    """
    options["untagged"] = untagged
    if options["save"] is not None:
        return _outside(session, references, options)
    try:
        return _rm(session, references, options)
    except NotRefloat:
        return _outside(session, references, options)


def _rm(session: Session, references: tuple[str, ...], options: Mapping[str, object]) -> Exit:
    untagged = options["untagged"]
    if untagged and options["tag_only"]:
        raise usage(say("--untagged takes images without a tag, --tag-only tags without their image; say one"))
    named = [_untagged(text) if untagged else _named(text) for text in references]
    server = session.one_server({host for host, _, _ in named})
    _refuse_keep(server, options)
    try:
        with waiting(session.printer, say("removing")):
            answer = server.post("remove", _request(named, options), PATIENCE)
    except Refused as error:
        problem = _problem(session, server, error)
        if len(named) > 1:
            problem.facts = (*problem.facts, say("nothing was removed"))
        raise problem from None
    if session.printer.form == "json":
        if answer["change"] is not None:
            session.memory(server).keep(str(answer["change"]))
        session.printer.document("rm", **{name: value for name, value in answer.items() if name != "schema"})
    else:
        doing.finish(session, server, answer, _lines(answer))
    return Exit.OK


def _refuse_keep(server: Refloat, options: Mapping[str, object]) -> None:
    if options["keep"] is not None and server.is_one():
        raise usage(say("--keep is for registries that are not a refloat: here the server's window says how long"))


def _outside(session: Session, references: tuple[str, ...], options: Mapping[str, object]) -> Exit:
    from refloat.cli.outside.rm import rm as rm_outside

    return rm_outside(session, references, options)


def _request(named: Iterable[Named], options: Mapping[str, object]) -> Document:
    lists: dict[str, list[str]] = {}
    for _, title, what in named:
        lists.setdefault(title, []).append(what)
    older = options["older_than"]
    if older is not None:
        _refuse_named(lists)
    return {
        **{title: list(dict.fromkeys(texts)) for title, texts in lists.items()},
        "older_than_seconds": age(str(older)) if older is not None else None,
        "scope": "tag" if options["tag_only"] else "image",
        "reason": options["reason"],
        "dry_run": options["dry_run"],
    }


def _refuse_named(lists: Mapping[str, list[str]]) -> None:
    """Who names an image means it, however old it is. Raises Problem."""
    named = [*lists.get("repositories", ()), *(text for text in lists.get("images", ()) if not is_pattern(text))]
    if named:
        raise usage(
            say("--older-than narrows patterns of tags and --untagged; {name} goes whole, however old", name=named[0]),
            say("'REPO:*' matches every tag of a repository"),
        )


def _named(text: str) -> Named:
    if text.endswith("/"):
        host, repositories = parse_repositories(text)
        return host, "repositories", repositories
    host, image = parse_wild(text) if is_pattern(text) else _image(text)
    return host, "images", image


def _untagged(text: str) -> Named:
    host, repositories = parse_repositories(text)
    return host, "untagged", repositories


def _image(text: str) -> tuple[str | None, str]:
    """Return the server and the image that a reference names. Raises Problem."""
    reference = parse_present(text)
    at = "@" if reference.digest else ":"
    return reference.host, f"{reference.repository}{at}{reference.value}"


def _lines(answer: Document) -> Iterator[str]:
    images = cast("list[dict[str, str]]", answer["images"])
    if not int(str(answer["moves_total"])):
        yield say("Nothing to do: nothing is there that would go")
        return
    if _is_whole(answer, "moves") and _is_whole(answer, "images") and not answer["whole"]:
        for repository in dict.fromkeys(image["repository"] for image in images):
            yield from _of_one(answer, repository)
    else:
        yield from moves.tallied(answer)
        if left := int(str(answer["left_total"])):
            yield say_counted(
                "  {count:,} stays: something live needs it", "  {count:,} stay: something live needs them", left
            )
    if told := forecast_text(answer):
        yield f"  {told}"
    yield doing.until(answer)


def _of_one(answer: Document, repository: str) -> Iterator[str]:
    images, left = cast("list[dict[str, str]]", answer["images"]), cast("list[dict[str, str]]", answer["left"])
    references = [image["reference"] for image in images if image["repository"] == repository]
    own = [move for move in moves_of(answer) if move["repository"] == repository]
    staying = [entry["digest"] for entry in left if entry["repository"] == repository]
    told = moves.removed if len(references) <= FEW else moves.removed_many
    return told(repository, references, own, staying, moves.telling(answer))


def _is_whole(answer: Document, title: str) -> bool:
    """Does an answer list all there is, and not only the first of it?"""
    return len(cast("list[object]", answer[title])) == answer[f"{title}_total"]


def _problem(session: Session, server: Refloat, error: Refused) -> Problem:
    """Say of which image a refusal is; nothing was removed."""
    repository = error.detail.get("repository") or error.detail.get("name")
    if isinstance(repository, str) and not is_pattern(repository):
        return explained(session, server, Reference(None, repository), error)
    return problem_of(error)
