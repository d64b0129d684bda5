"""`refloat rm` on a registry that is not a refloat: keep the image beside, delete it, check both."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Literal, cast

from refloat.cli import doing
from refloat.cli.outside.entries import document
from refloat.cli.outside.place import Place, told
from refloat.cli.problems import Exit, Problem, usage
from refloat.cli.progress import waiting
from refloat.cli.reference import Reference, parse_present
from refloat.cli.session import Session
from refloat.cli.wording import counted, listed, short, size
from refloat.core.errors import DigestInvalid
from refloat.core.names import Digest, RepositoryName, Tag
from refloat.core.patterns import is_pattern
from refloat.language import say
from refloat.portable.deleting import Prepared, Wanted, carry_out, finish, prepare
from refloat.portable.facts import Facts
from refloat.portable.keeping import Asked
from refloat.portable.shelf import Entry

Options = Mapping[str, object]
DAYS = timedelta(days=2)  # what is kept for less is told with its time


def rm(session: Session, references: Sequence[str], options: Options) -> Exit:
    """Delete images one after the other, each kept before. Raises Problem."""
    named = [_named(text, options) for text in references]
    hosts = {reference.host for reference in named}
    if len(hosts) > 1:
        raise usage(say("these references are on different servers"), say("run the command once for each"))
    place = Place.named(session, hosts.pop(), cast("Path | None", options["save"]))
    with told():
        meant = list(_wanted(place, named, options))
        if len(meant) > 1:
            for wanted in meant:  # what cannot go is found out before anything goes
                prepare(place.registry, place.shelf(wanted.repository), wanted, _asked(place, options))
    _remove_all(place, meant, options)
    return Exit.OK


def _remove_all(place: Place, meant: Sequence[Wanted], options: Options) -> None:
    """Remove one after the other. Raises Problem, which says what was removed before it."""
    done: list[dict[str, object]] = []
    try:
        for wanted in meant:
            with told():
                done.append(_remove(place, wanted, options))
    except Problem as problem:
        if done:
            problem.exit = Exit.PARTLY
            names = [str(name) for each in done for name in cast("list[str]", each["names"])]
            problem.facts = (*problem.facts, say("before it went: {names}", names=listed(names)))
        raise
    finally:
        if place.session.printer.form == "json" and done:
            place.session.printer.document("outside.rm", dry_run=options["dry_run"], removed=done)


def _asked(place: Place, options: Options) -> Asked:
    return place.asked(cast("str | None", options["keep"]), cast("str | None", options["reason"]))


def _named(text: str, options: Options) -> Reference:
    """Read a reference; what only a refloat can do is refused. Raises Problem."""
    alone = [flag for flag in ("untagged", "older_than") if options[flag]]
    if text.endswith("/") or is_pattern(text) or alone:
        raise usage(
            say("on a registry that is not a refloat images are removed one by one"),
            say("name them as REPO:TAG or REPO@DIGEST"),
        )
    return parse_present(text)


def _wanted(place: Place, named: Sequence[Reference], options: Options) -> Iterator[Wanted]:
    """Return which images are meant: tags of one repository that are on the same image go together. Raises Problem."""
    together: dict[tuple[str, Digest | str], set[Tag]] = {}
    images = {(reference.repository, whole(reference)) for reference in named if reference.digest}
    for name, digest in sorted(images):
        yield Wanted(RepositoryName(name), (), digest)
    for reference in named:
        repository = RepositoryName(reference.repository)
        if reference.tag is None:
            continue
        there = place.registry.resolve(repository, reference.tag)
        key = (repository, reference.tag if there is None else there.digest)
        if key in images:
            continue
        together.setdefault(key, set()).add(Tag(reference.tag))
    extent: Literal["image", "tag"] = "tag" if options["tag_only"] else "image"
    for (name, _), tags in together.items():
        yield Wanted(RepositoryName(name), tuple(sorted(tags)), None, extent)


def whole(reference: Reference) -> Digest:
    """Return the digest of a reference that names one. Raises Problem where it is shortened."""
    try:
        return Digest.parse(str(reference.digest))
    except DigestInvalid:
        raise usage(
            say("{reference} names its digest in short", reference=reference),
            say("a registry that is not a refloat has to be told all of it"),
        ) from None


def _remove(place: Place, wanted: Wanted, options: Options) -> dict[str, object]:
    printer = place.session.printer
    shelf = place.shelf(wanted.repository)
    with waiting(printer, say("looking at {repository}", repository=wanted.repository)):
        prepared = prepare(place.registry, shelf, wanted, _asked(place, options))
    if isinstance(prepared, Entry):
        return _finish(place, prepared, options)
    _name_all(place, prepared, wanted)
    others = prepared.plan.others
    if options["dry_run"]:
        _tell(place, prepared.facts, say("Would move to trash: {image}  ({digest})"), doing.UNCHANGED, others)
        return document(prepared.facts, "begun")
    with waiting(printer, say("keeping {image}", image=prepared.facts.names[0])):
        facts = carry_out(place.registry, shelf, prepared)
    _tell(place, facts, say("Moved to trash: {image}  ({digest})"), _undo(place, facts), others)
    return document(facts, "deleted")


def _finish(place: Place, entry: Entry, options: Options) -> dict[str, object]:
    """Go on with what an earlier run began."""
    if options["dry_run"]:
        _tell(place, entry.facts, say("Would finish moving to trash: {image}  ({digest})"), doing.UNCHANGED)
        return document(entry.facts, "begun")
    facts = finish(place.registry, place.shelf(entry.facts.repository), entry)
    _tell(place, facts, say("Finished moving to trash: {image}  ({digest})"), _undo(place, facts))
    return document(facts, "deleted")


def _name_all(place: Place, prepared: Prepared, wanted: Wanted) -> None:
    """Name what goes along before it goes, and what stays."""
    note = place.session.printer.note
    more = [tag for tag in prepared.plan.tags.get(prepared.image.root, ()) if tag not in wanted.tags]
    if more and place.session.printer.form in ("people", "lines"):
        note(say("goes with all its tags: {tags}", tags=", ".join(more)))
    for digest, why in prepared.plan.stays.items():
        note(say("its part {digest} stays: {why}", digest=short(digest), why=why))


def _tell(place: Place, facts: Facts, sentence: str, last: str, others: Sequence[Tag] = ()) -> None:
    printer = place.session.printer
    if printer.form == "json":
        return
    if printer.form == "quiet":
        printer.line(facts.id)
        return
    printer.line(sentence.format(image=", ".join(facts.names), digest=short(facts.image)))
    gone = [kept for kept in facts.manifests if kept.taken and kept.digest != facts.image]
    if others:
        printer.line(say("  the image stays, as {others}", others=listed([str(tag) for tag in others])))
    if gone:
        printer.line(say("  with {manifests} of it", manifests=counted(len(gone), "further manifest")))
    printer.line(
        say(
            "  {size} kept in {place} until {day}",
            size=size(sum(facts.sizes.values())),
            place=place.shelf(facts.repository).place,
            day=facts.until.date() if facts.until - facts.at >= DAYS else facts.until.isoformat(" ", "seconds"),
        )
    )
    printer.line(last)


def _undo(place: Place, facts: Facts) -> str:
    return say("Undo:  {command}", command=place.command("restore", place.name(facts.names[0])))
