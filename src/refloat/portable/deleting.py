"""The delete of one image as a whole: looked at and decided, shown, then carried out."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from refloat.client.registry import Registry
from refloat.core.names import Digest, RepositoryName, Tag
from refloat.language import say
from refloat.portable import guarding, keeping, removing
from refloat.portable.facts import Facts
from refloat.portable.keeping import Asked
from refloat.portable.looking import Image, Repository, look
from refloat.portable.plan import Plan, decide, leaving
from refloat.portable.reading import took_nothing
from refloat.portable.refusals import MovedSince, NotThere, NotWhole, OtherTags
from refloat.portable.shelf import Entry, Shelf


@dataclass(frozen=True, slots=True)
class Wanted:
    """One image to delete: by tags that are on it, or by its digest, which takes it with every tag."""

    repository: RepositoryName
    tags: Collection[Tag]
    digest: Digest | None
    extent: Literal["image", "tag"] = "image"  # tag: the image stays though its last tag goes


@dataclass(frozen=True, slots=True)
class Prepared:
    """A delete that was decided. Nothing was done yet."""

    repository: Repository
    image: Image
    plan: Plan
    facts: Facts


def prepare(registry: Registry, shelf: Shelf, wanted: Wanted, asked: Asked) -> Prepared | Entry:
    """Look at an image and decide what goes; or find its delete that an earlier run began and did not finish.

    Raises DeletesDisabled, NotThere, OtherTags, Needed, NotWhole, and what client.errors names. Nothing is changed.
    """
    repository = Repository.seen(registry, wanted.repository, wanted.tags)
    root = wanted.digest or _pointed(repository, wanted.tags)
    if root is None or registry.resolve(wanted.repository, root) is None:
        return _unfinished(registry, shelf, wanted)
    guarding.refuse_disabled(registry, wanted.repository, Digest.of(asked.id.encode()))
    with _mended_by(registry, shelf, f"{wanted.repository}@{root}", root):
        image = look(repository, root)
        sizes = keeping.sizes_of(repository, image)
    plan = _plan(repository, image, wanted)
    if plan.extent != "image":
        guarding.refuse_other_tags(registry, plan, Tag(f"refloat-{asked.id}"), "rm")
    return Prepared(repository, image, plan, keeping.facts_of(registry.origin.netloc, (plan, image), sizes, asked))


@contextmanager
def _mended_by(registry: Registry, shelf: Shelf, name: str, image: Digest) -> Iterator[None]:
    """Say of an image that is not whole that the trash has it, where it does."""
    try:
        yield
    except NotWhole as refusal:
        if any(entry.facts.image == image for entry in shelf.entries()):
            refusal.hint = say("refloat restore {image}   mends it", image=f"{registry.origin.netloc}/{name}")
        raise


def carry_out(registry: Registry, shelf: Shelf, prepared: Prepared) -> Facts:
    """Keep the image, delete it, check both. Return what was written down.

    Raises MovedSince, OtherTags: before the first delete what was kept is let go of. Raises NotWhole: what cannot be
    read whole stays marked as begun until its date.
    """
    guarding.refuse_hollow(registry, prepared.plan.repository, prepared.image)
    facts = keeping.begun(shelf, prepared.facts)
    keeping.keep(shelf, prepared.image, facts)
    since = Repository.seen(registry, facts.repository, facts.tags)
    try:
        if facts.extent == "tag" and not shelf.unties(facts):
            raise guarding.by_digest_only(registry, prepared.plan, "rm")
        guarding.refuse_moved(facts, since)
    except (MovedSince, OtherTags):
        if facts is prepared.facts and (took_nothing(registry, facts) or _is_kept_elsewhere(shelf, facts)):
            _let_go(shelf, facts)
        raise
    removing.delete(registry, facts, since)
    if not keeping.is_kept(shelf, facts):  # somebody let go of it; what was deleted can still be mounted
        keeping.keep(shelf, prepared.image, facts)
    removing.close(registry, shelf, facts)
    return facts


def finish(registry: Registry, shelf: Shelf, entry: Entry) -> Facts:
    """Do what is left of a delete that was begun. Raises NotWhole, MovedSince."""
    facts = entry.facts
    keeping.check_kept(shelf, facts)
    removing.delete(registry, facts, Repository.seen(registry, facts.repository, facts.tags))
    removing.close(registry, shelf, facts)
    return facts


def _plan(repository: Repository, image: Image, wanted: Wanted) -> Plan:
    if wanted.extent == "tag":
        return leaving(repository, image, tuple(sorted(wanted.tags)), "tag")
    return decide(repository, image, () if wanted.digest else wanted.tags)


def _pointed(repository: Repository, tags: Collection[Tag]) -> Digest | None:
    found = {repository.tags[tag].digest for tag in tags if tag in repository.tags}
    return found.pop() if len(found) == 1 else None


def _unfinished(registry: Registry, shelf: Shelf, wanted: Wanted) -> Entry:
    """Return the delete of what is not there that was begun and not finished. Raises NotThere."""
    entries = [entry for entry in shelf.entries() if _means(entry.facts, wanted)]
    for entry in reversed(entries):
        if entry.state == "begun":
            return entry
    reference = f"@{wanted.digest}" if wanted.digest else f":{min(wanted.tags)}"
    name = f"{registry.origin.netloc}/{wanted.repository}{reference}"
    kept = [entry for entry in entries if entry.state == "deleted"]
    hint = say("refloat restore {name}   brings back what was deleted", name=name) if kept else ""
    raise NotThere(say("{name} does not exist", name=name), hint=hint)


def _means(facts: Facts, wanted: Wanted) -> bool:
    return facts.image == wanted.digest or any(facts.tags.get(tag) == facts.image for tag in wanted.tags)


def _is_kept_elsewhere(shelf: Shelf, facts: Facts) -> bool:
    """Has another program deleted the very same meanwhile, and kept it?"""
    return any(entry.state == "deleted" and entry.facts.means_the_same(facts) for entry in shelf.entries())


def _let_go(shelf: Shelf, facts: Facts) -> None:
    for entry in shelf.entries():
        if entry.facts.id == facts.id and entry.state == "begun":
            shelf.drop(entry)
