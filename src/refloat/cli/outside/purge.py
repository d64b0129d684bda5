"""`refloat purge` on a registry that is not a refloat: the image goes, and what the trash has of it."""

import sys
from collections.abc import Iterator, Mapping

import click

from refloat.cli import doing
from refloat.cli.outside.entries import entry_document
from refloat.cli.outside.place import Place, told
from refloat.cli.outside.rm import whole
from refloat.cli.problems import Exit, Problem, usage
from refloat.cli.reference import Reference
from refloat.cli.session import Session
from refloat.cli.wording import counted, short
from refloat.core.names import Digest, RepositoryName, Tag
from refloat.language import say
from refloat.portable import ending
from refloat.portable.deleting import Wanted
from refloat.portable.ending import Ending

Options = Mapping[str, object]


def purge(session: Session, reference: Reference, options: Options) -> Exit:
    """End an image, live and in the trash; ask before. Raises Problem."""
    place = Place.named(session, reference.host, None)
    repository = RepositoryName(reference.repository)
    tags = (Tag(reference.tag),) if reference.tag else ()
    wanted = Wanted(repository, tags, whole(reference) if reference.digest else None)
    probe = Digest.of(place.asked(None, None).id.encode())
    with told():
        shelf = place.shelf(repository)
        found = ending.prepare(place.registry, shelf, wanted, probe)
    if options["dry_run"]:
        return _tell(place, reference, found, doing.UNCHANGED, options)
    if not options["yes"]:
        _confirm(place, reference, found)
    with told():
        ending.refuse_changed(found, ending.prepare(place.registry, shelf, wanted, probe))
        ending.carry_out(place.registry, shelf, repository, found)
    last = say("the bytes leave with the next garbage collection of {server}", server=place.registry.origin.netloc)
    return _tell(place, reference, found, last, options)


def _lines(reference: Reference, found: Ending) -> Iterator[str]:
    yield say("{image} ends for good", image=reference)
    if found.plan is not None:
        tags = [str(tag) for tags in found.plan.tags.values() for tag in tags]
        yield say(
            "  {digest} with tags {tags} and {manifests}",
            digest=short(found.plan.image),
            tags=", ".join(tags) or "-",
            manifests=counted(len(found.order), "manifest"),
        )
    if found.entries:
        entries = counted(len(found.entries), "entry", "entries")
        yield say("  {entries} of the trash: nothing brings it back", entries=entries)


def _confirm(place: Place, reference: Reference, found: Ending) -> None:
    if not sys.stdin.isatty() or place.session.printer.form == "json":
        raise Problem(
            say("purge needs a confirmation and there is no terminal"),
            Exit.NOT_CONFIRMED,
            hint=say("--yes ends it for good"),
            code="NOT_CONFIRMED",
        )
    for line in _lines(reference, found):
        place.session.printer.note(line)
    if not click.confirm(say("This cannot be undone. Purge?"), default=False, err=True):
        raise Problem(say("nothing was purged"), Exit.NOT_CONFIRMED, code="NOT_CONFIRMED")


def _tell(place: Place, reference: Reference, found: Ending, last: str, options: Options) -> Exit:
    printer = place.session.printer
    if printer.form == "json":
        plan = found.plan
        printer.document(
            "outside.purge",
            dry_run=options["dry_run"],
            image=str(reference),
            deleted=list(found.order),
            tags=[str(tag) for tags in plan.tags.values() for tag in tags] if plan else [],
            entries=[entry_document(entry) for entry in found.entries],
        )
        return Exit.OK
    if printer.form == "quiet":
        printer.line(str(reference))
        return Exit.OK
    for line in _lines(reference, found):
        printer.line(line)
    printer.line(last)
    return Exit.OK


def refuse_rest(options: Mapping[str, object]) -> None:
    """Refuse what only a refloat can do. Raises Problem."""
    named = next((name for name in ("everywhere", "no_block", "lists", "unblock") if options.get(name)), None)
    if named is not None:
        flag = "--list" if named == "lists" else "--" + named.replace("_", "-")
        raise usage(say("{flag} needs a refloat: another registry cannot do it", flag=flag))
