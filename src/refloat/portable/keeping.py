"""Keeps an image on a shelf, and sees that it is there."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from refloat.core.names import Digest
from refloat.language import say
from refloat.portable.facts import Facts, KeptBlob, KeptManifest
from refloat.portable.looking import Image, Repository
from refloat.portable.plan import Plan
from refloat.portable.reading import readable
from refloat.portable.refusals import NOT_DELETED, not_whole
from refloat.portable.shelf import Shelf


@dataclass(frozen=True, slots=True)
class Asked:
    """Who deletes, when and why, until when it is kept, and the id the entry gets."""

    id: str
    at: datetime
    until: datetime
    who: str
    reason: str | None


def facts_of(host: str, decided: tuple[Plan, Image], sizes: Mapping[Digest, int], asked: Asked) -> Facts:
    """Return what is to be written down about a plan."""
    plan, image = decided
    return Facts(
        asked.id, host, plan.repository, plan.image, plan.extent, asked.at, asked.until, asked.who, asked.reason,
        tuple(
            KeptManifest(
                digest, image.parts[digest].media_type, len(image.parts[digest].body), digest in plan.takes,
                plan.tags.get(digest, ()),
            )
            for digest in plan.order
        ),
        tuple(KeptBlob(digest, size) for digest, size in sorted(sizes.items())),
        tuple(sorted(image.absent - sizes.keys())),
        plan.others,
    )  # fmt: skip


def sizes_of(repository: Repository, image: Image) -> dict[Digest, int]:
    """Return the blobs an image has, with their sizes. Raises NotWhole where one that it needs cannot be read."""
    found = {digest: readable(repository.registry, repository.name, digest) for digest in image.blobs}
    missing = tuple(digest for digest, size in found.items() if size is None and not image.blobs[digest])
    if missing:
        raise not_whole(
            f"{repository.name}@{image.root}",
            missing,
            NOT_DELETED,
        )
    return {digest: size for digest, size in found.items() if size is not None}


def keep(shelf: Shelf, image: Image, facts: Facts) -> None:
    """Keep everything the facts name, and write them down as begun. Raises NotWhole.

    What was uploaded may be collected before the artifact names it; the second time the artifact does.
    """
    _put_away(shelf, image, facts)
    if not is_kept(shelf, facts):
        _put_away(shelf, image, facts)
        check_kept(shelf, facts)


def _put_away(shelf: Shelf, image: Image, facts: Facts) -> None:
    for blob in facts.blobs:
        shelf.keep(blob.digest, blob.size)
    for digest, held in image.parts.items():
        shelf.keep_bytes(held.body, digest)
    shelf.mark(facts, "begun")


def is_kept(shelf: Shelf, facts: Facts) -> bool:
    """Can everything that is kept be read, and what was written down about it?"""
    return not _missing(shelf, facts)


def check_kept(shelf: Shelf, facts: Facts) -> None:
    """See that all that is kept can be read, and what was written down about it. Raises NotWhole."""
    if missing := _missing(shelf, facts):
        raise not_whole(say("what is kept in {place}", place=shelf.place), missing)


def _missing(shelf: Shelf, facts: Facts) -> tuple[str, ...]:
    lost = tuple(digest for digest, size in facts.sizes.items() if shelf.size(digest) != size)
    return lost if shelf.holds(facts, "begun") else (*lost, facts.id)


def begun(shelf: Shelf, facts: Facts) -> Facts:
    """Return what an earlier run wrote down about the very same delete, else these facts.

    What was begun and differs is left alone until its date: it may be another program's that is about to delete.
    """
    for entry in shelf.entries():
        if entry.state == "begun" and entry.facts.means_the_same(facts):
            return entry.facts
    return facts
