"""What may leave is the largest set that leaves live closed, whatever is looked at first, at a price that is linear."""

import random
from collections.abc import Iterable

import pytest

from refloat.core.moves import Proposal, Wish, is_needed, settle
from refloat.core.names import Digest, Reference, Tag


class Shelf:
    """A repository in memory that counts what it is asked."""

    def __init__(self, tips: dict[Reference, Digest], children: dict[Digest, tuple[Digest, ...]]) -> None:
        self.asked = 0
        self._tips = tips
        self._children = children
        self._parents: dict[Digest, list[Digest]] = {}
        for parent, named in children.items():
            for child in named:
                self._parents.setdefault(child, []).append(parent)
        self._tags: dict[Digest, list[Tag]] = {}
        for reference, digest in tips.items():
            if isinstance(reference, Tag):
                self._tags.setdefault(digest, []).append(reference)

    def value(self, reference: Reference) -> Digest | None:
        self.asked += 1
        return self._tips.get(reference)

    def tags_on(self, digest: Digest) -> Iterable[Tag]:
        self.asked += 1
        return self._tags.get(digest, [])

    def children(self, digest: Digest) -> Iterable[Digest]:
        self.asked += 1
        return self._children.get(digest, ())

    def live_parents(self, digest: Digest) -> Iterable[Digest]:
        self.asked += 1
        return [parent for parent in self._parents.get(digest, []) if parent in self._tips]

    def live_referrers(self, digest: Digest) -> Iterable[Digest]:
        self.asked += 1
        return []


def number(n: int) -> Digest:
    return Digest.of(b"%d" % n)


def nested(count: int) -> Shelf:
    """Return indexes each in the next, and a tag on the outermost."""
    digests = [number(n) for n in range(count)]
    tips: dict[Reference, Digest] = {digest: digest for digest in digests}
    tips[Tag("t")] = digests[-1]
    return Shelf(tips, {digests[n]: (digests[n - 1],) for n in range(1, count)})


def any_shelf(rng: random.Random) -> Shelf:
    digests = [number(n) for n in range(8)]
    children = {digests[n]: tuple(rng.sample(digests[:n], rng.randint(0, min(n, 2)))) for n in range(1, 8)}
    live = {digest for digest in digests if rng.random() < 0.7}
    for digest in reversed(digests):
        live.update(children.get(digest, ()) if digest in live else ())
    tips: dict[Reference, Digest] = {digest: digest for digest in live}
    tips.update({Tag(f"t{n}"): rng.choice(sorted(live)) for n in range(5) if live})
    return Shelf(tips, children)


def any_leaving(rng: random.Random) -> Proposal:
    names: list[Reference] = [*map(number, range(8)), *(Tag(f"t{n}") for n in range(5))]
    leaving = rng.sample(names, rng.randint(1, len(names)))
    wish: Wish = dict.fromkeys(leaving)
    because = {each: number(rng.randrange(8)) for each in leaving if rng.random() < 0.3}
    return Proposal(wish, because)


def may_leave(shelf: Shelf, proposal: Proposal) -> set[Reference]:
    """The rule as it is said: as long as something may not leave, it stays."""
    wish = dict(proposal.wish)

    def is_there(reference: Reference) -> bool:
        return reference not in wish and shelf.value(reference) is not None

    def has_to_stay(reference: Reference) -> bool:
        reason = proposal.because.get(reference)
        if reason is not None and is_there(reason):
            return True
        return isinstance(reference, Digest) and is_needed(shelf, wish, reference)

    while (staying := next(filter(has_to_stay, wish), None)) is not None:
        del wish[staying]
    return set(wish)


@pytest.mark.parametrize("seed", range(300))
def test_exactly_what_the_rule_lets_go_leaves_in_any_order(seed: int) -> None:
    rng = random.Random(seed)
    shelf, proposal = any_shelf(rng), any_leaving(rng)
    leaving = may_leave(shelf, proposal)
    order = list(proposal.wish)
    for _ in range(5):
        rng.shuffle(order)
        settled = settle(shelf, Proposal(dict.fromkeys(order), proposal.because))
        assert {move.reference for move in settled.moves} == {each for each in leaving if shelf.value(each)}
        assert set(settled.left) == {each for each in proposal.wish if isinstance(each, Digest)} - leaving


@pytest.mark.parametrize("order", [1, -1], ids=["inner first", "outer first"])
def test_ten_times_as_much_that_stays_costs_ten_times_as_much(order: int) -> None:
    costs = []
    for count in (100, 1000):
        shelf = nested(count)
        settled = settle(shelf, Proposal(dict.fromkeys([number(n) for n in range(count)][::order])))
        assert len(settled.left) == count
        costs.append(shelf.asked)
    assert costs[1] <= 11 * costs[0]
