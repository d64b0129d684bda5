"""Repositories in memory, as small as hypothesis likes them or as long as anybody may push, that count what they are
asked."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from refloat.core.names import Digest, Reference, Tag


def number(n: int) -> Digest:
    return Digest.of(b"%d" % n)


@dataclass
class World:
    """What is live (`tips`), what each index names, what refers to what, and what history holds of tags."""

    tips: Mapping[Reference, Digest]
    named: Mapping[Digest, tuple[Digest, ...]] = field(default_factory=dict)
    subjects: Mapping[Digest, Digest] = field(default_factory=dict)
    past: Mapping[Tag, tuple[Digest, ...]] = field(default_factory=dict)
    asked: int = 0

    def __post_init__(self) -> None:
        self._tags: dict[Digest, list[Tag]] = {}
        self._parents: dict[Digest, list[Digest]] = {}
        self._referrers: dict[Digest, list[Digest]] = {}
        self._past_tags: dict[Digest, list[Tag]] = {}
        for reference, digest in self.tips.items():
            if isinstance(reference, Tag):
                self._tags.setdefault(digest, []).append(reference)
        for parent, children in self.named.items():
            for child in children:
                self._parents.setdefault(child, []).append(parent)
        for referrer, subject in self.subjects.items():
            self._referrers.setdefault(subject, []).append(referrer)
        for tag, values in self.past.items():
            for value in values:
                self._past_tags.setdefault(value, []).append(tag)

    # core.moves.View

    def value(self, reference: Reference) -> Digest | None:
        self.asked += 1
        return self.tips.get(reference)

    def tags_on(self, digest: Digest) -> Iterable[Tag]:
        self.asked += 1
        return self._tags.get(digest, [])

    def children(self, digest: Digest) -> Iterable[Digest]:
        self.asked += 1
        return self.named.get(digest, ())

    def live_parents(self, digest: Digest) -> Iterable[Digest]:
        self.asked += 1
        return [parent for parent in self._parents.get(digest, []) if parent in self.tips]

    def live_referrers(self, digest: Digest) -> Iterable[Digest]:
        self.asked += 1
        return [referrer for referrer in self._referrers.get(digest, []) if referrer in self.tips]

    # core.purge.Remains

    def has(self, digest: Digest) -> bool:
        self.asked += 1
        return True

    def users(self, digest: Digest) -> Iterable[Digest]:
        self.asked += 1
        return self._parents.get(digest, [])

    def referrers(self, digest: Digest) -> Iterable[Digest]:
        self.asked += 1
        return self._referrers.get(digest, [])

    def past_values(self, tag: Tag) -> Iterable[Digest]:
        self.asked += 1
        return self.past.get(tag, ())

    def past_tags(self, digest: Digest) -> Iterable[Tag]:
        self.asked += 1
        return self._past_tags.get(digest, [])


def referrers_in_a_row(count: int) -> World:
    """An image with a tag, a referrer to it, a referrer to that, and so on; each a tip, the last with a tag too."""
    digests = [number(n) for n in range(count)]
    tips: dict[Reference, Digest] = {digest: digest for digest in digests}
    tips |= {Tag("first"): digests[0], Tag("last"): digests[-1]}
    return World(tips, subjects={digests[n]: digests[n - 1] for n in range(1, count)})


def indexes_in_a_row(count: int) -> World:
    """An image in an index in an index, and so on; each a tip, and a tag on the outermost."""
    digests = [number(n) for n in range(count)]
    tips: dict[Reference, Digest] = {digest: digest for digest in digests}
    tips[Tag("first")] = digests[0]
    return World(tips, named={digests[n]: (digests[n + 1],) for n in range(count - 1)})


def attached_in_a_row(count: int) -> World:
    """An image with a signature by its tag's name, a signature of that, and so on."""
    digests = [number(n) for n in range(count)]
    tips: dict[Reference, Digest] = {digest: digest for digest in digests}
    tips |= {digests[n].fallback_tags[n % 4]: digests[n + 1] for n in range(count - 1)}
    tips[Tag("first")] = digests[0]
    return World(tips)


def freed_one_by_one(count: int) -> World:
    """Images of which each is a part of an index that refers to the image before: a tag on each image.

    Each is needed until the one before it is known to go.
    """
    images, indexes = [number(2 * n) for n in range(count)], [number(2 * n + 1) for n in range(count)]
    tips: dict[Reference, Digest] = {digest: digest for digest in (*images, *indexes)}
    tips |= {Tag(f"t{n}"): images[n] for n in range(count)}
    named = {indexes[n]: (images[n + 1],) for n in range(count - 1)}
    return World(tips, named, {indexes[n]: images[n] for n in range(count)})
