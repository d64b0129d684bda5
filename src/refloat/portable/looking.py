"""Reads an image from a registry over HTTP as far as a delete of it reaches: parts, referrers, every tag.

Spec: OCI Distribution 1.1 "Pulling manifests", "Listing Tags", "Listing Referrers"; "Referrers Tag Schema" for
registries without the API.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from refloat.client.registry import Held, Pointer, Registry
from refloat.core.descriptors import descriptors_in
from refloat.core.manifest import Need, parse
from refloat.core.media import INDEXES
from refloat.core.names import TAG, Digest, RepositoryName, Tag
from refloat.portable.refusals import not_whole

AT_ONCE = 8  # requests


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository as its tags show it. An untagged index cannot be seen from outside."""

    registry: Registry
    name: RepositoryName
    tags: Mapping[Tag, Pointer]

    @classmethod
    def seen(cls, registry: Registry, name: RepositoryName, named: Iterable[Tag] = ()) -> "Repository":
        """Ask for every tag, and what each points to: several at once, for there may be thousands.

        `named` are asked for though the list of tags may lag behind them. What is no tag at all is passed over.
        """
        tags = list(dict.fromkeys([*named, *(Tag(tag) for tag in registry.tags(name) if TAG.fullmatch(tag))]))
        with ThreadPoolExecutor(AT_ONCE) as threads:
            pointers = threads.map(lambda tag: registry.resolve(name, tag), tags)
            found = dict(zip(tags, pointers, strict=True))
        return cls(registry, name, {tag: pointer for tag, pointer in found.items() if pointer is not None})

    def tags_of(self, digest: Digest) -> tuple[Tag, ...]:
        """Return the tags on a manifest, sorted."""
        return tuple(sorted(tag for tag, pointer in self.tags.items() if pointer.digest == digest))


@dataclass
class Image:
    """An image: its manifests, what each names, and who refers to whom."""

    root: Digest
    parts: dict[Digest, Held] = field(default_factory=dict)
    needs: dict[Digest, tuple[Need, ...]] = field(default_factory=dict)  # manifest -> what its body names
    subjects: dict[Digest, set[Digest]] = field(default_factory=dict)  # referrer -> what it refers to
    absent: set[Digest] = field(default_factory=set)  # children that are named and not there
    indexed: dict[Digest, set[Tag]] = field(default_factory=dict)  # part -> tags of indexes of others that name it

    def children_of(self, digest: Digest) -> tuple[Digest, ...]:
        """Return the parts that a part names."""
        return tuple(need.digest for need in self.needs[digest] if need.digest in self.parts)

    @property
    def blobs(self) -> dict[Digest, bool]:
        """What may be a blob: every config and layer, what is no manifest, and whether the image can do without it."""
        found: dict[Digest, bool] = {}
        for needs in self.needs.values():
            for need in needs:
                if need.kind in ("config", "layer") or need.digest not in self.parts:
                    found[need.digest] = found.get(need.digest, True) and not need.required
        return found


def look(repository: Repository, root: Digest) -> Image:
    """Read the image a digest names. Raises NotWhole where it is not there, ManifestInvalid."""
    image = Image(root)
    pending = [root]
    while pending:
        digest = pending.pop()
        if digest in image.parts or digest in image.absent:
            continue
        held = repository.registry.manifest(repository.name, digest)
        if held is None:
            image.absent.add(digest)
            continue
        image.parts[digest] = held
        image.needs[digest] = parse(held.body, held.media_type).needs
        pending += [need.digest for need in image.needs[digest] if need.kind in ("child", "other")]
        for referrer in _referrers(repository, digest):
            image.subjects.setdefault(referrer, set()).add(digest)
            pending.append(referrer)
    if root not in image.parts:
        raise not_whole(f"{repository.name}@{root}", (root,))
    image.indexed = indexed(repository, image.parts, {})
    return image


def _referrers(repository: Repository, digest: Digest) -> Iterator[Digest]:
    for pointer in repository.registry.referrers(repository.name, digest) or ():
        yield pointer.digest
    for tag in digest.fallback_tags:
        if tag in repository.tags:
            yield repository.tags[tag].digest


def indexed(
    repository: Repository, parts: Collection[Digest], going: Mapping[Tag, Digest]
) -> dict[Digest, set[Tag]]:
    """Return which parts the indexes of others name, by the tags of these.

    Of others is an index that is no part itself, or has a tag that is not `going`.
    """
    indexes: dict[Digest, set[Tag]] = {}
    for tag, pointer in repository.tags.items():
        own = pointer.digest in parts if not going else going.get(tag) == pointer.digest
        if not own and pointer.media_type in INDEXES:
            indexes.setdefault(pointer.digest, set()).add(tag)
    found: dict[Digest, set[Tag]] = {}
    for index, tags in indexes.items():
        for named in _named(repository, index) & set(parts):
            found.setdefault(named, set()).update(tags)
    return found


def _named(repository: Repository, index: Digest) -> set[Digest]:
    """Return every manifest an index names, and what the indexes within it name."""
    named: set[Digest] = set()
    pending = [index]
    while pending:
        held = repository.registry.manifest(repository.name, pending.pop())
        said = {} if held is None else descriptors_in(held.body)
        children = [need.digest for need in parse(held.body, held.media_type).needs] if held else []
        fresh = [child for child in children if child not in named]
        named.update(fresh)
        pending += [child for child in fresh if said[child].get("mediaType") in INDEXES]
    return named
