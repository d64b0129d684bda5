"""Deletes from a registry what is kept, and sees that it is gone.

Spec: OCI Distribution 1.1 "Deleting manifests", "Deleting tags".
"""

from refloat.client.errors import Refused
from refloat.client.registry import Registry
from refloat.core.names import Digest
from refloat.language import say
from refloat.portable.facts import Facts
from refloat.portable.keeping import check_kept
from refloat.portable.looking import Repository, indexed
from refloat.portable.reading import points
from refloat.portable.refusals import MovedSince, OtherTags
from refloat.portable.shelf import Shelf

STILL_TAGGED = frozenset({400, 409, 412})  # what registries say that delete by digest only what has no tag

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
        if digest == facts.image and refused.status in STILL_TAGGED:
            _untie(registry, facts)
            registry.delete(facts.repository, digest)
        elif digest == facts.image or not 400 <= refused.status < 500 or refused.status == 429:
            raise


def _untie(registry: Registry, facts: Facts) -> None:
    """Delete the image's tags one by one, but for those that somebody moved to another image."""
    for tag, digest in facts.tags.items():
        if digest == facts.image and points(registry, facts.repository, tag) == digest:
            registry.delete(facts.repository, tag)


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
