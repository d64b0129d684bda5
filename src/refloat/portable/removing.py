"""Deletes an image from a registry that stays what it is, once everything it needs is kept.

Spec: OCI Distribution 1.1 "Deleting manifests", "Deleting tags".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from refloat.client.errors import Refused
from refloat.client.registry import Registry
from refloat.core.media import INDEXES
from refloat.core.names import Digest, RepositoryName, Tag
from refloat.language import say
from refloat.portable.facts import Facts, KeptBlob, KeptManifest
from refloat.portable.looking import Image, Repository, indexed
from refloat.portable.plan import Plan
from refloat.portable.reading import readable
from refloat.portable.refusals import DeletesDisabled, MovedSince, OtherTags, not_whole
from refloat.portable.shelf import Shelf

DISABLED = frozenset({405, 501})
BY_DIGEST_ONLY = frozenset({400, 405, 501})  # what a registry that does not delete tags says to the delete of one
NOT_DELETED = say("it could not be brought back, so it was not deleted; any client's delete takes it all the same")


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
        raise by_digest_only(registry, plan) from None


def by_digest_only(registry: Registry, plan: Plan) -> OtherTags:
    """Return the refusal of a tag that would not go alone."""
    others = ", ".join(plan.others)
    image = f"{registry.origin.netloc}/{plan.repository}@{plan.image}"
    sentence = say("{others} would go too: it is the same image", others=others)
    return OtherTags(
        sentence if others else say("the image would go with its last tag"),
        (say("{server} deletes images, not tags", server=registry.origin.netloc), say("nothing was changed")),
        say("refloat rm {image}   takes the image with all its tags", image=image),
    )


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


def refuse_hollow(registry: Registry, repository: RepositoryName, image: Image) -> None:
    """See that an index with a missing part could be put again, by putting it. Raises NotWhole where it could not."""
    for digest, held in image.parts.items():
        missing = tuple(need.digest for need in image.needs[digest] if need.digest in image.absent)
        if missing and held.media_type in INDEXES:
            try:
                registry.put(repository, digest, held.media_type, held.body)
            except Refused:
                raise not_whole(f"{repository}@{digest}", missing, NOT_DELETED) from None


def keep(shelf: Shelf, image: Image, facts: Facts) -> None:
    """Keep everything the facts name, and write them down as begun. Raises NotWhole."""
    for blob in facts.blobs:
        shelf.keep(blob.digest, blob.size)
    for digest, held in image.parts.items():
        shelf.keep_bytes(held.body, digest)
    shelf.mark(facts, "begun")
    check_kept(shelf, facts)


def is_kept(shelf: Shelf, facts: Facts) -> bool:
    """Can everything that is kept be read, and what was written down about it?"""
    return not _missing(shelf, facts)


def check_kept(shelf: Shelf, facts: Facts) -> None:
    """Do the same. Raises NotWhole."""
    if missing := _missing(shelf, facts):
        raise not_whole(say("what is kept in {place}", place=shelf.place), missing)


def _missing(shelf: Shelf, facts: Facts) -> tuple[str, ...]:
    lost = tuple(digest for digest, size in facts.sizes.items() if shelf.size(digest) != size)
    return lost if shelf.holds(facts, "begun") else (*lost, facts.id)


def delete(registry: Registry, facts: Facts, since: Repository) -> None:
    """Delete what the facts say. May be run again after a crash anywhere in it.

    `since` is the repository as it was seen last: a tag that somebody moved stays, and so does what got one, or is part
    of an index that did. Raises MovedSince where the image itself is somebody's again.
    """
    if facts.extent != "image":
        for tag, digest in facts.tags.items():
            if tag in since.tags and since.tags[tag].digest == digest:
                registry.delete(facts.repository, tag)
        return
    needed = indexed(since, facts.takes, facts.tags)
    for digest in facts.takes:
        again = [tag for tag in since.tags_of(digest) if facts.tags.get(tag) != digest]
        if digest == facts.image and (again or digest in needed):
            raise _pushed_again(facts, min(again or needed[digest]))
        if not again and digest not in needed:
            _take(registry, facts, digest)


def _take(registry: Registry, facts: Facts, digest: Digest) -> None:
    """Delete one manifest. A part that the registry does not give away stays, for it is kept anyway."""
    if digest != facts.image and points(registry, facts.repository, facts.image) is not None and _comes_first(facts):
        raise _pushed_again(facts, facts.image)
    try:
        registry.delete(facts.repository, digest)
    except Refused as refused:
        if not 400 <= refused.status < 500 or (digest == facts.image and refused.status in DISABLED):
            raise
        if digest == facts.image:
            for tag in (tag for tag, value in facts.tags.items() if value == digest):
                registry.delete(facts.repository, tag)
            registry.delete(facts.repository, digest)


def _comes_first(facts: Facts) -> bool:
    """Is the image deleted before its parts? Not one that another part of it names."""
    return facts.takes[0] == facts.image


def _pushed_again(facts: Facts, name: str) -> MovedSince:
    image = f"{facts.repository}@{facts.image}"
    return MovedSince(
        say("{image} was pushed again: {name}", image=image, name=name),
        (say("nothing more was deleted"),),
        say("refloat restore   brings back what of it is gone"),
    )


def close(registry: Registry, shelf: Shelf, facts: Facts) -> None:
    """See that what was to go is gone and what was kept is whole, and write that down. Raises NotWhole, MovedSince."""
    _see_gone(registry, facts)
    check_kept(shelf, facts)
    shelf.mark(facts, "deleted")


def refuse_moved(facts: Facts, since: Repository) -> None:
    """See that the tags are those that were written down. Raises MovedSince."""
    now = {tag: digest for digest in {facts.image, *facts.takes} for tag in since.tags_of(digest)}
    if facts.extent != "image":
        now = {tag: digest for tag, digest in now.items() if tag in facts.tags}
    moved = sorted(tag for tag in now.keys() | facts.tags if now.get(tag) != facts.tags.get(tag))
    moved += sorted(set().union(*indexed(since, facts.takes, facts.tags).values()))
    if moved:
        raise MovedSince(
            say("{repository}:{tag} moved while it was looked at", repository=facts.repository, tag=moved[0]),
            (say("nothing was deleted"),),
            say("run it again"),
        )


def _see_gone(registry: Registry, facts: Facts) -> None:
    left = [tag for tag, digest in facts.tags.items() if points(registry, facts.repository, tag) == digest]
    there = points(registry, facts.repository, facts.image) is not None
    if left or (there and facts.extent == "image"):
        name = f"{facts.repository}:{left[0]}" if left else f"{facts.repository}@{facts.image}"
        raise MovedSince(
            say("{name} is still there", name=name),
            (say("somebody pushed it again, or {server} answers from its memory", server=registry.origin.netloc),),
            say("refloat trash   shows what is kept; refloat restore   brings it back"),
        )
    lost = [tag for tag in facts.others if points(registry, facts.repository, tag) is None]
    if lost or (not there and facts.extent != "image"):
        raise OtherTags(
            say("{server} deleted the image with its tag", server=registry.origin.netloc),
            tuple(say("gone too: {tag}", tag=tag) for tag in lost),
            say("refloat restore   brings it back with every tag"),
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


def begun(shelf: Shelf, facts: Facts) -> Facts:
    """Return what an earlier run wrote down about the very same delete, else these facts.

    What was begun and differs is left alone until its date: it may be another program's that is about to delete.
    """
    for entry in shelf.entries():
        if entry.state == "begun" and entry.facts.means_the_same(facts):
            return entry.facts
    return facts
