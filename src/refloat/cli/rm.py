"""`refloat rm`: to the trash."""

from collections.abc import Iterator, Sequence
from typing import cast

import click

from refloat.cli import doing, moves
from refloat.cli.changes import moves_of
from refloat.cli.missing import explained
from refloat.cli.printing import Entry
from refloat.cli.problems import Exit, Problem, problem_of, usage
from refloat.cli.reference import Reference, parse_image
from refloat.cli.session import Session
from refloat.cli.verb import Verb, tell
from refloat.client.errors import ClientError, Refused
from refloat.client.refloat import Document, Refloat, name_path


@click.command(cls=Verb)
@click.argument("references", nargs=-1, required=True, metavar="REF...")
@click.option("--tag-only", is_flag=True, help="Take the tag alone; its image stays, pullable by digest.")
@doing.reason
@doing.dry_run
def rm(session: Session, references: tuple[str, ...], *, tag_only: bool, reason: str | None, dry_run: bool) -> Exit:
    """Move images to the trash.

    A tag goes; if it was the last one on its image, the image goes too, with the parts of an index that only
    it holds, and the signatures and SBOMs that refer to it. REPO@DIGEST takes the image and every tag on it.
    Nothing is asked: each removal prints the command that takes it back, and can be taken back until the
    date it names. Whoever may push here can bring it back too.
    """
    named = [_image(text) for text in references]
    server = session.one_server({reference.host for reference in named})
    wanted: dict[str, list[Reference]] = {}
    for reference in named:
        wanted.setdefault(reference.repository, []).append(reference)
    answers, problems = [], []
    for repository, group in wanted.items():
        try:
            answers.append(
                server.post(
                    name_path(repository, "remove"),
                    {
                        "references": list(dict.fromkeys(reference.value for reference in group)),
                        "scope": "tag" if tag_only else "image",
                        "reason": reason,
                        "dry_run": dry_run,
                    },
                )
            )
        except ClientError as error:
            problems.append(_problem(session, server, group, error))
            continue
        if session.printer.form != "json":
            doing.finish(session, server, answers[-1], _lines(repository, group, answers[-1]))
    return _end(session, server, answers, problems)


def _image(text: str) -> Reference:
    reference = parse_image(text)
    if reference.tag and reference.digest:
        raise usage(
            f"{reference} names a tag and a digest; say which is meant",
            f"{reference.repository}:{reference.tag} takes the tag, {reference.repository}@… the image and its tags",
        )
    if reference.past is not None:
        raise usage(f"{reference} is in the past; only what is there can be removed")
    return reference


def _lines(repository: str, group: Sequence[Reference], answer: Document) -> Iterator[str]:
    references = cast("list[str]", answer["references"])
    left = cast("list[object]", answer["left"])
    yield from moves.removed(repository, references, moves_of(answer), left)
    if answer["change"] is not None or answer["dry_run"]:
        yield doing.until(answer)


def _problem(session: Session, server: Refloat, group: Sequence[Reference], error: ClientError) -> Problem:
    return explained(session, server, group[0], error) if isinstance(error, Refused) else problem_of(error)


def _end(session: Session, server: Refloat, answers: Sequence[Entry], problems: Sequence[Problem]) -> Exit:
    if session.printer.form == "json":
        for answer in answers:
            if answer["change"] is not None:
                session.memory(server).keep(str(answer["change"]))
        session.printer.document("rm", removed=answers)
    for problem in problems:
        tell(session.printer, problem)
    if not problems:
        return Exit.OK
    return Exit.PARTLY if answers else problems[0].exit
