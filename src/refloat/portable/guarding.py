"""What is asked of a registry before anything is done to it: does it delete, and what exactly."""

from typing import Literal

from refloat.client.errors import Refused
from refloat.client.registry import Registry
from refloat.core.media import INDEXES
from refloat.core.names import Digest, RepositoryName, Tag
from refloat.language import say
from refloat.portable.facts import Facts
from refloat.portable.looking import Image, Repository, indexed
from refloat.portable.plan import Plan
from refloat.portable.refusals import NOT_DELETED, DeletesDisabled, MovedSince, OtherTags, not_whole

DISABLED = frozenset({405, 501})
BY_DIGEST_ONLY = frozenset({400, 405, 501})  # what a registry that does not delete tags says to the delete of one


def refuse_disabled(registry: Registry, repository: RepositoryName, probe: Digest) -> None:
    """Ask for the delete of a manifest nobody has. Raises DeletesDisabled, NotAllowed: before anything was done."""
    try:
        registry.delete(repository, probe)
    except Refused as refused:
        if refused.status in DISABLED:
            raise DeletesDisabled(
                say("{server} deletes nothing: deletes are disabled there", server=registry.origin.netloc),
                (say("it answers {status}; nothing was changed", status=refused.status),),
                say("storage.delete.enabled: true  lets a registry:2 delete, unless it is read-only"),
            ) from None
        if refused.status not in BY_DIGEST_ONLY:
            raise


def refuse_other_tags(registry: Registry, plan: Plan, probe: Tag, verb: Literal["rm", "purge"]) -> None:
    """Where only some tags of an image go, see that the registry can delete a tag alone. Raises OtherTags."""
    try:
        registry.delete(plan.repository, probe)
    except Refused as refused:
        if refused.status not in BY_DIGEST_ONLY:
            raise
        raise by_digest_only(registry, plan, verb) from None


def by_digest_only(registry: Registry, plan: Plan, verb: Literal["rm", "purge"]) -> OtherTags:
    """Return the refusal of a tag that would not go alone."""
    others = ", ".join(plan.others)
    image = f"{registry.origin.netloc}/{plan.repository}@{plan.image}"
    sentence = say("{others} would go too: it is the same image", others=others)
    return OtherTags(
        sentence if others else say("the image would go with its last tag"),
        (say("{server} deletes images, not tags", server=registry.origin.netloc), say("nothing was changed")),
        say("refloat {verb} {image}   takes the image with all its tags", verb=verb, image=image),
    )


def refuse_hollow(registry: Registry, repository: RepositoryName, image: Image) -> None:
    """See that an index with a missing part could be put again, by putting it. Raises NotWhole where it could not."""
    for digest, held in image.parts.items():
        missing = tuple(need.digest for need in image.needs[digest] if need.digest in image.absent)
        if missing and held.media_type in INDEXES:
            try:
                registry.put(repository, digest, held.media_type, held.body)
            except Refused:
                raise not_whole(f"{repository}@{digest}", missing, NOT_DELETED) from None


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
