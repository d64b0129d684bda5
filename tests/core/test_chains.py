"""Chains as long as anybody may push them: no rule recurses over them, and each costs what the chain is long."""

import random
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refloat.core import removal
from refloat.core.closing import Rules, close
from refloat.core.ending import ending
from refloat.core.followers import Lost, followers_of
from refloat.core.moves import Move, Proposal, settle
from refloat.core.names import Digest, Reference, RepositoryName, Tag
from refloat.core.purge import propose_purge, roots_of
from refloat.core.undo import plan_undo, take_along
from tests.core import by_the_book
from tests.core.worlds import (
    World,
    attached_in_a_row,
    freed_one_by_one,
    indexes_in_a_row,
    number,
    referrers_in_a_row,
)

HERE = RepositoryName("team/api")
LONG = 100_000
SHORTER = 20_000
SIZE = 9  # manifests of a small world
TAGS = [Tag(f"t{n}") for n in range(4)]


@st.composite
def small_worlds(draw: st.DrawFn) -> World:
    """Manifests of which each names and refers to earlier ones only, as hashes have it; some live, and live closed."""
    rng = random.Random(draw(st.integers(0, 2**32)))
    digests = [number(n) for n in range(SIZE)]
    named = {digests[n]: tuple(rng.sample(digests[:n], rng.randint(0, min(n, 2)))) for n in range(1, SIZE)}
    subjects = {digests[n]: rng.choice(digests[:n]) for n in range(1, SIZE) if rng.random() < 0.5}
    live = {digest for digest in digests if rng.random() < 0.7} | {digests[-1]}
    for digest in reversed(digests):
        live.update(named.get(digest, ()) if digest in live else ())
    tips: dict[Reference, Digest] = {digest: digest for digest in digests if digest in live}
    tips.update({tag: rng.choice(sorted(live)) for tag in TAGS})
    attached = [rng.choice(each.fallback_tags) for each in rng.sample(digests, 3)]
    tips.update({tag: rng.choice([each for each in sorted(live) if tag not in each.fallback_tags]) for tag in attached})
    past = {tag: tuple(rng.sample(digests, 2)) for tag in (*TAGS[:2], *attached[:1])}
    past = {tag: tuple(each for each in values if tag not in each.fallback_tags) for tag, values in past.items()}
    return World(tips, named, subjects, past)


def moved(world: World, proposal: Proposal) -> tuple[Move, ...]:
    return settle(world, proposal).moves


def any_proposal(world: World, rng: random.Random) -> Proposal:
    """Wishes of any kind, some for their own sake and some because of something else."""
    references: list[Reference] = [*map(number, range(SIZE)), *TAGS]
    proposal = Proposal()
    for each in rng.sample(references, rng.randint(0, 4)):
        stays = isinstance(each, Tag) and rng.random() < 0.3
        proposal.wish[each] = number(rng.randrange(SIZE)) if stays else None
        if isinstance(each, Tag) and not stays and rng.random() < 0.3:
            proposal.because[each] = number(rng.randrange(SIZE))
    return proposal


def both(world: World, rng: random.Random) -> Iterator[tuple[Proposal, Proposal]]:
    """Yield the same proposal twice."""
    first = any_proposal(world, rng)
    yield first, Proposal(dict(first.wish), dict(first.because))


@settings(max_examples=400, deadline=None)
@given(small_worlds(), st.integers(0, 2**32))
def test_what_follows_is_what_recursion_finds_in_its_order(world: World, seed: int) -> None:
    rng = random.Random(seed)
    start = number(rng.randrange(SIZE))
    for name in ("propose_removal", "propose_children"):
        for ours, theirs in both(world, rng):
            getattr(removal, name)(world, ours, start)
            getattr(by_the_book, name)(world, theirs, start)
            assert list(ours.wish.items()) == list(theirs.wish.items())
            assert list(ours.because.items()) == list(theirs.because.items())


@settings(max_examples=400, deadline=None)
@given(small_worlds(), st.integers(0, 2**32))
def test_what_is_asked_for_is_freed_in_the_same_turns(world: World, seed: int) -> None:
    rng = random.Random(seed)
    digests = [number(rng.randrange(SIZE)) for _ in range(rng.randint(1, SIZE))]
    for ours, theirs in both(world, rng):
        removal.propose_images(world, ours, digests)
        by_the_book.propose_images(world, theirs, digests)
        assert list(ours.wish.items()) == list(theirs.wish.items())
        assert list(ours.because.items()) == list(theirs.because.items())


@settings(max_examples=400, deadline=None)
@given(small_worlds(), st.integers(0, 2**32))
def test_what_comes_in_brings_what_each_would_alone(world: World, seed: int) -> None:
    proposal = any_proposal(world, random.Random(seed))
    proposal.wish = {reference: value for reference, value in proposal.wish.items() if value is not None}
    whole = by_the_book.pulled_in(world, proposal.wish)
    expected = [Move(each, world.tips.get(each), value) for each, value in whole.items()]
    assert list(moved(world, proposal)) == [move for move in expected if move.old != move.new]


@settings(max_examples=400, deadline=None)
@given(small_worlds(), st.integers(0, 2**32))
def test_what_comes_back_is_what_turn_after_turn_finds(world: World, seed: int) -> None:
    rng = random.Random(seed)
    gone = rng.sample(sorted(world.tips), rng.randint(0, len(world.tips)))
    lost: list[Lost] = [
        (Move(each, world.tips[each], None), world.subjects.get(each) if isinstance(each, Digest) else None)
        for each in gone
    ]
    digest = number(rng.randrange(SIZE))
    found, expected = followers_of([digest], lost), by_the_book.followers_of(digest, lost)
    assert list(found.items()) == list(expected.items())


@settings(max_examples=400, deadline=None)
@given(small_worlds(), st.integers(0, 2**32))
def test_what_ends_is_what_turn_after_turn_leaves(world: World, seed: int) -> None:
    names = [number(random.Random(seed).randrange(SIZE))]
    roots = roots_of(world, names)
    moves = moved(world, propose_purge(world, roots))
    assert ending(world, roots, moves) == by_the_book.ending(world, roots, moves)


CHAINS = [referrers_in_a_row, indexes_in_a_row, attached_in_a_row]


@pytest.mark.parametrize(
    ("chain", "count", "following"),
    [(referrers_in_a_row, LONG, LONG), (indexes_in_a_row, LONG, 0), (attached_in_a_row, SHORTER, SHORTER - 1)],
)
def test_the_whole_of_a_long_chain_leaves_and_comes_back(
    chain: Callable[[int], World], count: int, following: int
) -> None:
    world, first = chain(count), number(0)
    proposal = Proposal()
    digest = removal.propose(world, proposal, HERE, first)
    removal.propose_images(world, proposal, [digest])
    moves = close(world, HERE, proposal, Rules()).moves
    assert {move.reference for move in moves} == set(world.tips)
    gone = World({}, world.named, world.subjects)
    back = plan_undo(gone, moves, "refuse").proposal
    assert {move.reference for move in settle(gone, back).moves} == set(world.tips)
    lost = [(move, world.subjects.get(Digest(move.reference))) for move in moves]
    assert len(followers_of([first], lost)) == following


@pytest.mark.parametrize(
    ("chain", "count"), [(referrers_in_a_row, LONG), (indexes_in_a_row, SHORTER), (attached_in_a_row, SHORTER)]
)
def test_a_long_chain_ends_for_good(chain: Callable[[int], World], count: int) -> None:
    world = chain(count)
    roots = roots_of(world, [number(0)])
    assert len(ending(world, roots, moved(world, propose_purge(world, roots)))) == count


@pytest.mark.parametrize(
    ("chain", "ending_too"), [(referrers_in_a_row, 1), (indexes_in_a_row, SHORTER), (attached_in_a_row, 1)]
)
def test_the_end_of_a_long_chain_takes_what_cannot_be_without_it(
    chain: Callable[[int], World], ending_too: int
) -> None:
    world = chain(SHORTER)
    roots = roots_of(world, [number(SHORTER - 1)])
    assert len(ending(world, roots, moved(world, propose_purge(world, roots)))) == ending_too


def test_one_thing_that_stays_keeps_all_of_a_long_chain() -> None:
    world = indexes_in_a_row(SHORTER)
    kept = World({**world.tips, Tag("kept"): number(1)}, world.named)
    assert ending(kept, [number(0)], moved(kept, propose_purge(kept, [number(0)]))) == (number(0),)


def test_the_undo_of_a_first_push_takes_all_that_refers_to_it() -> None:
    world, first = referrers_in_a_row(SHORTER), number(0)
    plan = plan_undo(world, [Move(first, None, first), Move(Tag("first"), None, first)], "refuse")
    take_along(world, plan, [first])
    assert len(settle(world, plan.proposal).moves) == len(world.tips)


def test_each_may_be_freed_by_the_one_before_it() -> None:
    world = freed_one_by_one(SHORTER // 2)
    proposal = Proposal()
    tags = [Tag(f"t{n}") for n in range(SHORTER // 2)]
    removal.propose_images(world, proposal, [removal.propose(world, proposal, HERE, tag) for tag in reversed(tags)])
    assert {move.reference for move in close(world, HERE, proposal, Rules()).moves} == set(world.tips)


RULES: dict[str, Callable[[World], object]] = {
    "rm": lambda world: close(world, HERE, _all_named(world), Rules()),
    "purge": lambda world: ending(world, [number(0)], moved(world, propose_purge(world, roots_of(world, [number(0)])))),
    "undo": lambda world: settle(world, Proposal(dict(world.tips))),
}


def _all_named(world: World) -> Proposal:
    proposal = Proposal()
    named = [removal.propose(world, proposal, HERE, reference) for reference in reversed([*world.tips])]
    removal.propose_images(world, proposal, named)
    return proposal


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("chain", [*CHAINS, freed_one_by_one])
def test_ten_times_as_long_a_chain_costs_ten_times_as_much(chain: Callable[[int], World], rule: str) -> None:
    costs = []
    for count in (100, 1000):
        world = chain(count)
        RULES[rule](world)
        costs.append(world.asked)
    assert costs[1] <= 11 * costs[0]
