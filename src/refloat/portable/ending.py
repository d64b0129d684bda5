"""What is kept is let go of: when its time is over, or for good because somebody says so."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from refloat.client.registry import Registry
from refloat.core.names import Digest, RepositoryName, Tag
from refloat.language import say
from refloat.portable import guarding
from refloat.portable.deleting import Wanted
from refloat.portable.looking import Repository, look
from refloat.portable.plan import Plan, decide
from refloat.portable.refusals import MovedSince, NotThere
from refloat.portable.restoring import find
from refloat.portable.shelf import Entry, Shelf


@dataclass(frozen=True, slots=True)
class Ending:
    """What ends for good: a live image, and every entry of the trash that has it."""

    plan: Plan | None
    order: tuple[Digest, ...]
    entries: tuple[Entry, ...]


def due(shelf: Shelf, at: datetime) -> list[Entry]:
    """Return what need not be kept any longer. Raises TrashLost."""
    return [entry for entry in shelf.entries() if entry.facts.until <= at]


def prepare(registry: Registry, shelf: Shelf, wanted: Wanted, probe: Digest) -> Ending:
    """Find every copy of an image: live, and in the trash. A tag means what is on it, else what was on it last.

    Raises NotThere, Needed, DeletesDisabled.
    """
    repository = Repository.seen(registry, wanted.repository, wanted.tags)
    root = wanted.digest
    for tag in wanted.tags:
        pointer = repository.tags.get(tag)
        root = find(registry, shelf, wanted.repository, tag).facts.image if pointer is None else pointer.digest
    assert root is not None
    entries = tuple(entry for entry in shelf.entries() if entry.facts.image == root)
    plan = None
    if registry.resolve(wanted.repository, root) is not None:
        plan = decide(repository, look(repository, root), [tag for tag in wanted.tags if tag in repository.tags])
    if plan is None and not entries:
        raise NotThere(say("{repository} has no such image, deleted or not", repository=wanted.repository))
    guarding.refuse_disabled(registry, wanted.repository, probe)
    if plan is not None and plan.extent != "image":
        guarding.refuse_other_tags(registry, plan, Tag(f"refloat-{probe[-10:]}"), "purge")
    order = tuple(digest for digest in reversed(plan.order) if digest in plan.takes) if plan else ()
    return Ending(plan, order, entries)


def refuse_changed(shown: Ending, now: Ending) -> None:
    """See that what ends is what was shown. Raises MovedSince."""
    if (shown.plan, shown.order, shown.entries) != (now.plan, now.order, now.entries):
        raise MovedSince(say("it changed while it was shown"), (say("nothing was purged"),), say("run it again"))


def carry_out(registry: Registry, shelf: Shelf, repository: RepositoryName, ending: Ending) -> None:
    """Delete the image, then let go of what the trash has of it. May be run again after a crash."""
    if ending.plan is not None and ending.plan.extent != "image":
        for tag in ending.plan.tags[ending.plan.image]:
            registry.delete(repository, tag)
    for digest in ending.order:
        registry.delete(repository, digest)
    drop(shelf, ending.entries)


def drop(shelf: Shelf, entries: Sequence[Entry]) -> None:
    """Let go of entries, the oldest first."""
    for entry in entries:
        shelf.drop(entry)
