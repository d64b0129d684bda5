"""`refloat restore` on a registry that is not a refloat: put everything back, read it, and only then say so."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import cast

from refloat.cli import doing
from refloat.cli.outside.entries import document
from refloat.cli.outside.place import Place, told
from refloat.cli.outside.rm import whole
from refloat.cli.problems import Exit, Problem, usage
from refloat.cli.progress import waiting
from refloat.cli.reference import parse_present
from refloat.cli.session import Session
from refloat.cli.wording import counted, short
from refloat.core.names import RepositoryName, Tag
from refloat.language import say
from refloat.portable.facts import Facts
from refloat.portable.restoring import Comeback, bring_back, find, prepare, refuse_taken, replace
from refloat.portable.shelf import Entry

Options = Mapping[str, object]


def restore(session: Session, what: str, options: Options) -> Exit:
    """Bring one image back. `what` is a reference as it was deleted, or the id of an entry. Raises Problem."""
    with told():
        place, entry = _found(session, what, options)
        name = cast("str | None", options["as"])
        comeback = prepare(place.registry, entry, None if name is None else Tag.parse(name))
        if options["on_conflict"] != "replace":
            refuse_taken(comeback)
        displaced = [] if options["dry_run"] else _bring_back(place, comeback, options)
    _tell(place, comeback, displaced, options)
    return Exit.OK


def _found(session: Session, what: str, options: Options) -> tuple[Place, Entry]:
    directory = cast("Path | None", options["save"])
    if directory is not None and not (directory / "index.json").is_file():
        raise Problem(say("{place} holds no trash", place=directory), Exit.NOT_FOUND, code="NOT_THERE")
    if not set(":/@") & set(what):
        place = Place.named(session, None, directory)
        return place, entry_named(place, what, None)
    reference = parse_present(what)
    place = Place.named(session, reference.host, directory)
    repository = RepositoryName(reference.repository)
    meant = whole(reference) if reference.digest else Tag(str(reference.tag))
    return place, find(place.registry, place.shelf(repository), repository, meant)


def entry_named(place: Place, identity: str, repository: str | None) -> Entry:
    """Return the entry with this id, or with one that begins so. Raises Problem."""
    found = [entry for entry in entries_of(place, repository, []) if entry.facts.id.startswith(identity)]
    if len(found) == 1:
        return found[0]
    if found:
        raise usage(say("{id} is the beginning of several ids", id=identity))
    raise Problem(
        say("nothing in the trash of {server} has the id {id}", server=place.registry.origin.netloc, id=identity),
        Exit.NOT_FOUND,
        hint=say("{command}   lists it", command=place.command("trash", "--host", place.registry.origin.netloc)),
        code="NOT_THERE",
    )


def entries_of(place: Place, repository: str | None, damaged: list[str]) -> Iterator[Entry]:
    """Return what is in the trash of one repository, or of all. What cannot be read is added to `damaged`."""
    for name in place.repositories(repository):
        shelf = place.shelf(name)
        yield from shelf.entries()
        damaged += shelf.damaged


def _bring_back(place: Place, comeback: Comeback, options: Options) -> list[Facts]:
    facts = comeback.entry.facts
    shelf = place.shelf(facts.repository)
    with waiting(place.session.printer, say("bringing back {image}", image=facts.names[0])):
        if not comeback.taken:
            bring_back(place.registry, shelf, comeback)
            return []
        asked = [place.asked(None, cast("str | None", options["reason"])) for _ in comeback.taken]
        return replace(place.registry, shelf, comeback, asked)


def _tell(place: Place, comeback: Comeback, displaced: list[Facts], options: Options) -> None:
    printer, facts = place.session.printer, comeback.entry.facts
    if printer.form == "json":
        printer.document(
            "outside.restore",
            dry_run=options["dry_run"],
            restored=document(facts, comeback.entry.state if options["dry_run"] else "restored"),
            tags=dict(comeback.tags),
            displaced=[document(each, "deleted") for each in displaced],
        )
        return
    names = [f"{facts.repository}:{tag}" for tag, digest in comeback.tags.items() if digest == facts.image]
    names = names or [f"{facts.repository}@{facts.image}"]
    if printer.form == "quiet":
        for name in names:
            printer.line(name)
        return
    done = say("Would restore: {image}  ({digest})") if options["dry_run"] else say("Restored: {image}  ({digest})")
    printer.line(done.format(image=", ".join(names), digest=short(facts.image)))
    if options["dry_run"]:
        printer.line(doing.UNCHANGED)
        return
    printer.line(
        say(
            "  {manifests} and {blobs} put and read again",
            manifests=counted(len(facts.manifests), "manifest"),
            blobs=counted(len(facts.blobs), "blob"),
        )
    )
    for each in displaced:
        reference = place.name(f"{each.repository}@{each.image}")
        printer.line(say("  what was there is kept:  {command}", command=place.command("restore", reference)))
