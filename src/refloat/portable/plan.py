"""Decides what a delete takes. Pure: from what was seen to what will be done."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

from refloat.core.errors import ManifestInvalid
from refloat.core.names import Digest, RepositoryName, Tag
from refloat.language import say
from refloat.portable.facts import Extent
from refloat.portable.looking import Image, Repository
from refloat.portable.refusals import Needed


@dataclass(frozen=True, slots=True)
class Plan:
    """What goes of one image, and what has to be kept to bring it back."""

    repository: RepositoryName
    image: Digest
    extent: Extent
    order: tuple[Digest, ...]  # every part of the image, what is needed before what needs it, and the image last
    takes: frozenset[Digest]
    tags: Mapping[Digest, tuple[Tag, ...]]  # those that go
    stays: Mapping[Digest, str]  # a part that stays though the image goes -> why
    others: tuple[Tag, ...] = ()  # tags that stay on the image: only the named ones go


def decide(repository: Repository, image: Image, named: Collection[Tag]) -> Plan:
    """Decide what goes when an image is deleted by these tags of it, or by its digest where there are none.

    As on a refloat: with the last tag goes the image, with it the parts that only it has, and what refers to it. Raises
    Needed where an index that stays names the image.
    """
    own = repository.tags_of(image.root)
    others = tuple(tag for tag in own if tag not in named) if named else ()
    if others:
        return leaving(repository, image, tuple(tag for tag in own if tag in named), "tag")
    if image.indexed.get(image.root):
        raise Needed(
            say("{repository}@{digest} is part of an index", repository=repository.name, digest=image.root),
            tuple(f"{repository.name}:{tag}" for tag in sorted(image.indexed[image.root])),
            say("remove the index: it takes its parts along"),
        )
    takes = _takes(repository, image)
    stays = {part: _why(repository, image, part) for part in image.children_of(image.root) if part not in takes}
    tags = {digest: repository.tags_of(digest) for digest in takes}
    return Plan(repository.name, image.root, "image", _order(image), takes, tags, stays)


def leaving(repository: Repository, image: Image, tags: tuple[Tag, ...], extent: Extent) -> Plan:
    """Return the plan by which these tags leave an image, and it stays."""
    others = tuple(tag for tag in repository.tags_of(image.root) if tag not in tags)
    return Plan(repository.name, image.root, extent, _order(image), frozenset(), {image.root: tags}, {}, others)


def _takes(repository: Repository, image: Image) -> frozenset[Digest]:
    """Return the image, and again and again what only what goes has or refers to."""
    takes = {image.root}
    parents = _parents(image)
    while fresh := {part for part in image.parts.keys() - takes if _goes(repository, image, part, takes, parents)}:
        takes |= fresh
    return frozenset(takes)


def _goes(
    repository: Repository, image: Image, part: Digest, takes: set[Digest], parents: Mapping[Digest, set[Digest]]
) -> bool:
    above = parents.get(part, set())
    if image.indexed.get(part) or not above <= takes or not (above or image.subjects.get(part, set()) & takes):
        return False
    attached = {tag for digest in takes for tag in digest.fallback_tags}
    return attached.issuperset(repository.tags_of(part))


def _parents(image: Image) -> dict[Digest, set[Digest]]:
    parents: dict[Digest, set[Digest]] = {}
    for part in image.parts:
        for child in image.children_of(part):
            parents.setdefault(child, set()).add(part)
    return parents


def _why(repository: Repository, image: Image, part: Digest) -> str:
    if tags := repository.tags_of(part):
        return say("{tag} is on it", tag=tags[0])
    if indexes := image.indexed.get(part):
        return say("{tag} needs it", tag=min(indexes))
    return say("something that stays needs it")


def _order(image: Image) -> tuple[Digest, ...]:
    """Return the parts, what is needed before what needs it. The image itself comes last if nothing of it needs it."""
    graph = {part: sorted(image.children_of(part)) for part in sorted(image.parts)}
    try:
        order = list(TopologicalSorter(graph).static_order())
    except CycleError:
        raise ManifestInvalid(f"{image.root} names itself") from None
    if not any(image.root in children for children in graph.values()):
        order.remove(image.root)
        order.append(image.root)
    return tuple(order)
