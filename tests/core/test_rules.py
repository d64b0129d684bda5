"""Undo, followers and closing, each by example. `tests/models` runs them through every history."""

import pytest

from refloat.core.closing import Rules, close
from refloat.core.errors import Unsupported
from refloat.core.followers import followers_of
from refloat.core.moves import Move, Proposal
from refloat.core.names import Digest, Reference, RepositoryName, Tag
from refloat.core.undo import Conflict, plan_as, plan_undo, plan_values, take_along
from tests.models.book import Book, History
from tests.models.references import WORLDS, A, B, I, R, S

HERE = RepositoryName.parse("team/api")
T, U = Tag("t"), Tag("u")
WORLD = WORLDS["images and an index"]


def at(**tips: Digest) -> Book:
    """A repository with tags, and the digests they point to."""
    named: dict[Reference, Digest] = {Tag(name): digest for name, digest in tips.items()}
    own: dict[Reference, Digest] = {
        digest: digest for digest in (*tips.values(), *((A, B) if I in tips.values() else ()))
    }
    return Book(History(frozenset({**named, **own}.items()), (), frozenset({A, B, I})), WORLD.manifests)


def test_a_reference_where_the_change_left_it_moves_back() -> None:
    plan = plan_undo(at(t=B), [Move(T, A, B)], "refuse")
    assert plan.proposal.wish == {T: A}
    assert (plan.satisfied, plan.conflicts) == ((), ())


def test_one_at_the_wanted_value_is_satisfied() -> None:
    plan = plan_undo(at(t=A), [Move(T, A, B)], "refuse")
    assert (plan.proposal.wish, plan.satisfied) == ({}, (T,))


@pytest.mark.parametrize(("on_conflict", "wish"), [("refuse", {}), ("skip", {}), ("replace", {T: A})])
def test_anything_else_is_a_conflict(on_conflict: str, wish: dict[Tag, Digest]) -> None:
    assert on_conflict in ("refuse", "skip", "replace")
    plan = plan_undo(at(t=I), [Move(T, A, B)], on_conflict)  # type: ignore[arg-type]
    assert plan.conflicts == (Conflict(T, I, A),)
    assert plan.proposal.wish == wish


def test_only_a_first_push_takes_children_along() -> None:
    book, moves = at(t=I), [Move(T, None, I), Move(I, None, I)]
    pushed = plan_undo(book, moves, "refuse")
    take_along(book, pushed, [I])
    assert close(book, HERE, pushed.proposal, Rules()).left == ()
    assert {move.reference for move in close(book, HERE, pushed.proposal, Rules()).moves} == {T, I, A, B}
    undone = plan_undo(book, moves, "refuse")
    assert {move.reference for move in close(book, HERE, undone.proposal, Rules()).moves} == {T, I}


def test_what_something_live_needs_is_left() -> None:
    book = at(t=I, u=A)
    settled = close(book, HERE, Proposal({A: None, B: None}), Rules())
    assert settled.moves == ()
    assert set(settled.left) == {A, B}


def test_deletion_switched_off_refuses_every_move_to_nothing() -> None:
    with pytest.raises(Unsupported):
        close(at(t=A), HERE, Proposal({T: None}), Rules("refused"))
    assert close(at(t=A), HERE, Proposal({T: B}), Rules("refused")).moves


def test_restoring_under_a_name_in_use_is_a_conflict() -> None:
    assert plan_as(at(t=A), T, B, "refuse").conflicts == (Conflict(T, A, B),)
    assert plan_as(at(t=A), T, B, "replace").proposal.wish == {T: B}
    assert plan_as(at(t=A), T, A, "refuse").satisfied == (T,)
    assert plan_as(at(t=A), U, B, "refuse").proposal.wish == {U: B}


def test_values_of_a_past() -> None:
    plan = plan_values(at(t=B), {T: A, B: B}, "refuse")
    assert (plan.proposal.wish, plan.satisfied) == ({T: A}, (B,))


@pytest.mark.parametrize("content", ["sha256", "sha512"])
def test_followers_come_back_with_what_they_follow(content: str) -> None:
    subject = Digest.of(b"image", content)
    signature = subject.fallback_tags[1]
    lost = [
        (Move(subject, subject, None), None),
        (Move(T, subject, None), None),  # a tag of the image itself is not a follower
        (Move(R, R, None), subject),
        (Move(signature, S, None), None),
        (Move(S, S, None), R),  # follows what follows
        (Move(U, R, None), None),  # a tag on a referrer that comes back
        (Move(B, B, None), A),
    ]
    assert followers_of([subject], lost) == {R: R, signature: S, S: S, U: R}
    assert followers_of([subject], []) == {}
