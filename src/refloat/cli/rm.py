"""`refloat rm`: to the trash."""

from collections.abc import Iterator
from typing import cast

import click

from refloat.cli import doing, moves
from refloat.cli.changes import moves_of
from refloat.cli.missing import explained
from refloat.cli.problems import Exit, Problem, problem_of, usage
from refloat.cli.reference import Reference, parse_image, parse_wild
from refloat.cli.session import Session
from refloat.cli.verb import Verb
from refloat.client.errors import Refused
from refloat.client.refloat import Document, Refloat
from refloat.core.patterns import is_pattern
from refloat.language import say

FEW = 5  # images of a repository that are named one by one


@click.command(cls=Verb)
@click.argument("references", nargs=-1, required=True, metavar="REF...")
@click.option("--tag-only", is_flag=True, help="Take the tag alone; its image stays, pullable by digest.")
@doing.reason
@doing.dry_run
def rm(session: Session, references: tuple[str, ...], *, tag_only: bool, reason: str | None, dry_run: bool) -> Exit:
    """Move images to the trash.

    A tag goes; if it was the last one on its image, the image goes too, with the parts of an index that only
    it holds, and the signatures and SBOMs that refer to it. REPO@DIGEST takes the image and every tag on it.
    'team/api:v1.*' and 'team/**:pr-*' take every tag that matches; * stays between two slashes, ** does not.
    All goes in one change, or nothing does. Nothing is asked: the command that takes it back is printed, and
    works until the date it names. Whoever may push here can bring it back too.
    """
    named = [parse_wild(text) if is_pattern(text) else _image(text) for text in references]
    server = session.one_server({host for host, _ in named})
    try:
        answer = server.post(
            "remove",
            {
                "images": list(dict.fromkeys(image for _, image in named)),
                "scope": "tag" if tag_only else "image",
                "reason": reason,
                "dry_run": dry_run,
            },
        )
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


def _image(text: str) -> tuple[str | None, str]:
    """Return the server and the image that a reference names. Raises Problem."""
    reference = parse_image(text)
    if reference.tag and reference.digest:
        raise usage(
            say("{reference} names a tag and a digest; say which is meant", reference=reference),
            say(
                "{repository}:{tag} takes the tag, {repository}@… the image and its tags",
                repository=reference.repository,
                tag=reference.tag,
            ),
        )
    if reference.past is not None:
        raise usage(say("{reference} is in the past; only what is there can be removed", reference=reference))
    at = "@" if reference.digest else ":"
    return reference.host, f"{reference.repository}{at}{reference.value}"


def _lines(answer: Document) -> Iterator[str]:
    images = cast("list[dict[str, str]]", answer["images"])
    for repository in dict.fromkeys(image["repository"] for image in images):
        references = [image["reference"] for image in images if image["repository"] == repository]
        own = [move for move in moves_of(answer) if move["repository"] == repository]
        left = cast("list[dict[str, str]]", answer["left"])
        staying = [entry["digest"] for entry in left if entry["repository"] == repository]
        told = moves.removed if len(references) <= FEW else moves.removed_many
        yield from told(repository, references, own, staying)
    if answer["change"] is not None or answer["dry_run"]:
        yield doing.until(answer)


def _problem(session: Session, server: Refloat, error: Refused) -> Problem:
    """Say of which image a refusal is; nothing was removed."""
    repository = error.detail.get("repository") or error.detail.get("name")
    if isinstance(repository, str):
        return explained(session, server, Reference(None, repository), error)
    return problem_of(error)
