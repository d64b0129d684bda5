"""Deletes an image from a registry that stays what it is, once everything it needs is kept.

Spec: OCI Distribution 1.1 "Deleting manifests", "Deleting tags".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from refloat.client.errors import Refused
from refloat.client.registry import Registry
from refloat.core.names import Digest, RepositoryName, Tag
from refloat.language import say
from refloat.portable.facts import Facts, KeptBlob, KeptManifest
from refloat.portable.looking import Image, Repository
from refloat.portable.plan import Plan
from refloat.portable.reading import readable
from refloat.portable.refusals import DeletesDisabled, MovedSince, OtherTags, not_whole
from refloat.portable.shelf import Shelf

DISABLED = frozenset({405, 501})
BY_DIGEST_ONLY = frozenset({400, 404, 405, 501})  # what a registry says to the delete of a tag that it does not know of


@dataclass(frozen=True, slots=True)
class Asked:
    """Who deletes, when and why, until when it is kept, and the id the entry gets."""

    id: str
    at: datetime
    until: datetime
    who: str
    reason: str | None


def refuse_disabled(registry: Registry, repository: RepositoryName, probe: Digest) -> None:
    """Ask for the delete of a manifest nobody has. Raises DeletesDisabled, NotAllowed: before anything was done."""
    try:
        registry.delete(repository, probe)
    except Refused as refused:
        if refused.status in DISABLED:
            raise DeletesDisabled(
                say("{server} deletes nothing: deletes are disabled there", server=registry.origin.netloc),
                (say("it answers {status}; nothing was changed", status=refused.status),),
                say("registry:2 deletes with  storage.delete.enabled: true  in its config.yml"),
            ) from None
        if refused.status not in BY_DIGEST_ONLY:
            raise


def refuse_other_tags(registry: Registry, plan: Plan, probe: Tag) -> None:
    """Where only some tags of an image go, see that the registry can delete a tag alone. Raises OtherTags."""
    try:
        registry.delete(plan.repository, probe)
    except Refused as refused:
        if refused.status not in BY_DIGEST_ONLY:
            raise
        others = ", ".join(plan.others)
        image = f"{registry.origin.netloc}/{plan.repository}@{plan.image}"
        raise OtherTags(
            say("{others} would go too: it is the same image", others=others)
            if others
            else say("the image would go with its last tag"),
            (say("{server} deletes images, not tags", server=registry.origin.netloc), say("nothing was changed")),
            say("refloat rm {image}   takes the image with all its tags", image=image),
        ) from None


def facts_of(plan: Plan, image: Image, sizes: Mapping[Digest, int], asked: Asked) -> Facts:
    """Return what is to be written down about a plan."""
    return Facts(
        asked.id, plan.repository, plan.image, plan.extent, asked.at, asked.until, asked.who, asked.reason,
        tuple(
            KeptManifest(
                digest, image.parts[digest].media_type, len(image.parts[digest].body), digest in plan.takes,
                plan.tags.get(digest, ()),
            )
            for digest in plan.order
        ),
        tuple(KeptBlob(digest, size) for digest, size in sorted(sizes.items())),
        tuple(sorted(image.absent - sizes.keys())),
    )  # fmt: skip


def sizes_of(repository: Repository, image: Image) -> dict[Digest, int]:
    """Return the blobs an image has, with their sizes. Raises NotWhole where one that it needs cannot be read."""
    found = {digest: readable(repository.registry, repository.name, digest) for digest in image.blobs}
    missing = tuple(digest for digest, size in found.items() if size is None and not image.blobs[digest])
    if missing:
        raise not_whole(
            f"{repository.name}@{image.root}",
            missing,
            say("it could not be brought back, so it was not deleted; any client's delete takes it all the same"),
        )
    return {digest: size for digest, size in found.items() if size is not None}


def keep(shelf: Shelf, image: Image, facts: Facts) -> None:
    """Keep everything the facts name, and write them down as begun. Raises NotWhole."""
    for blob in facts.blobs:
        shelf.keep(blob.digest, blob.size)
    for digest, held in image.parts.items():
        shelf.keep_bytes(held.body, digest)
    shelf.mark(facts, "begun")
    check_kept(shelf, facts)


def check_kept(shelf: Shelf, facts: Facts) -> None:
    """See that everything that is kept can be read. Raises NotWhole."""
    missing = tuple(digest for digest, size in facts.sizes.items() if shelf.size(digest) != size)
    if missing:
        raise not_whole(say("what is kept in {place}", place=shelf.place), missing)


def delete(registry: Registry, shelf: Shelf, facts: Facts, since: Repository) -> None:
    """Delete what the facts say, see that it is gone and what was kept is whole, and write that down.

    May be run again after a crash anywhere in it: a tag that somebody moved stays, and so does what got one since.
    `since` is the repository as it was seen last. Raises NotWhole, MovedSince.
    """
    for tag, digest in facts.tags.items():
        if facts.extent != "image" and tag in since.tags and since.tags[tag].digest == digest:
            registry.delete(facts.repository, tag)
    for digest in facts.takes:
        if all(facts.tags.get(tag) == digest for tag in since.tags_of(digest)):
            registry.delete(facts.repository, digest)
    _see_gone(registry, facts)
    check_kept(shelf, facts)
    shelf.mark(facts, "deleted")


def refuse_moved(facts: Facts, since: Repository) -> None:
    """See that the tags are those that were written down. Raises MovedSince."""
    now = {tag: digest for digest in {facts.image, *facts.takes} for tag in since.tags_of(digest)}
    if facts.extent != "image":
        now = {tag: digest for tag, digest in now.items() if tag in facts.tags}
    moved = sorted(tag for tag in now.keys() | facts.tags if now.get(tag) != facts.tags.get(tag))
    if moved:
        raise MovedSince(
            say("{repository}:{tag} moved while it was looked at", repository=facts.repository, tag=moved[0]),
            (say("nothing was deleted"),),
            say("run it again"),
        )


def _see_gone(registry: Registry, facts: Facts) -> None:
    left = [tag for tag, digest in facts.tags.items() if points(registry, facts.repository, tag) == digest]
    if not left and (facts.extent != "image" or registry.resolve(facts.repository, facts.image) is None):
        return
    name = f"{facts.repository}:{left[0]}" if left else f"{facts.repository}@{facts.image}"
    raise MovedSince(
        say("{name} is still there", name=name),
        (say("somebody pushed it again, or {server} answers from its memory", server=registry.origin.netloc),),
        say("run it again; refloat trash   shows what is kept"),
    )


def points(registry: Registry, repository: RepositoryName, reference: Tag | Digest) -> Digest | None:
    """Return what a reference points to now; None where there is nothing."""
    there = registry.resolve(repository, reference)
    return None if there is None else there.digest


def took_nothing(registry: Registry, facts: Facts) -> bool:
    """Is everything that a delete was to take where it was?"""
    return all(points(registry, facts.repository, digest) == digest for digest in facts.takes) and all(
        points(registry, facts.repository, tag) == digest for tag, digest in facts.tags.items()
    )


def begun(registry: Registry, shelf: Shelf, facts: Facts) -> Facts:
    """Return what an earlier run wrote down about the very same delete, else these facts.

    What an earlier run kept for another delete and never began to delete is let go of.
    """
    for entry in shelf.entries():
        if entry.state == "begun" and entry.facts.image == facts.image:
            if entry.facts.means_the_same(facts):
                return entry.facts
            if took_nothing(registry, entry.facts):
                shelf.drop(entry)
    return facts
