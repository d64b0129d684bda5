"""What goes, what stays, and what comes back, on a real database."""

import itertools
import json

import pytest

from refloat.core.errors import ChangeConflict, ChangeGone, Denied, ManifestUnknown
from refloat.core.names import Digest, RepositoryName, Tag, parse_reference
from refloat.usecases.delete import delete_reference
from refloat.usecases.remove import Scope, Selection, remove
from refloat.usecases.undo import RestoreRequest, UndoRequest, restore, undo
from tests.usecases.conftest import TEAM, Registry, index_of


def delete(registry: Registry, reference: str) -> str:
    done = registry.do(lambda tx: delete_reference(tx, TEAM, parse_reference(reference), registry.cause()))
    assert done.change is not None
    return done.change


def rm(registry: Registry, reference: str, scope: Scope = "image") -> str:
    done = registry.do(lambda tx: remove(tx, Selection({TEAM: [parse_reference(reference)]}), registry.cause(), scope))
    assert done.change is not None
    return done.change


def take_back(registry: Registry, change: str) -> str | None:
    return registry.do(lambda tx: undo(tx, UndoRequest(change), registry.cause())).change


def push(registry: Registry, seed: str, *tags: str) -> Digest:
    body = registry.image(seed)
    for tag in tags or (Digest.of(body),):
        registry.put(tag, body)
    return Digest.of(body)


def test_deleting_a_tag_leaves_the_manifest_pullable(registry: Registry) -> None:
    digest = push(registry, "a", "v1")
    change = delete(registry, "v1")
    assert registry.tips() == {digest: digest}
    take_back(registry, change)
    assert registry.tips() == {digest: digest, "v1": digest}


def test_deleting_a_digest_takes_its_tags_and_referrers_and_undo_brings_all_back(registry: Registry) -> None:
    digest = push(registry, "a", "v1", "v2")
    referrer = registry.image("sbom", subject=digest)
    registry.put(Digest.of(referrer), referrer)
    signature = push(registry, "sig", str(digest.fallback_tags[1]))
    before = registry.tips()
    change = delete(registry, digest)
    assert registry.tips() == {}
    take_back(registry, change)
    assert registry.tips() == before
    assert signature in before


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_what_is_named_goes_though_it_would_follow_something_that_stays(
    registry: Registry, order: tuple[int, ...]
) -> None:
    """A signature of a signed image that a tag keeps: named, it goes, whatever was named before it."""
    kept, signed, signature, other = (push(registry, seed) for seed in ("kept", "signed", "signature", "other"))
    for tag, digest in (("keep", kept), (signed.fallback_tags[2], kept), (kept.fallback_tags[1], signature)):
        registry.do(lambda tx, tag=tag, digest=digest: restore(  # type: ignore[misc]
            tx, RestoreRequest(TEAM, digest, revision=0, name=Tag(tag)), registry.cause()))  # fmt: skip
    named = [signed, signature, other]
    references = [named[place] for place in order]
    gone = registry.do(lambda tx: remove(tx, Selection({TEAM: references}), registry.cause(), "image"))
    assert registry.tips() == {kept: kept, "keep": kept}
    assert gone.left == {TEAM: (kept,)}


def test_a_signature_goes_with_what_it_signs_though_its_tag_is_taken_back_too(registry: Registry) -> None:
    child = push(registry, "child")
    signing = str(child.fallback_tags[1])
    registry.put(signing, index_of(registry.image("child")))
    first = registry.metadata.listing.changes(TEAM, None, 1)[0].id
    push(registry, "signature", signing)
    registry.do(lambda tx: undo(tx, UndoRequest(first, "replace"), registry.cause()))
    assert registry.tips() == {}


def test_a_referrer_deleted_on_its_own_stays_deleted(registry: Registry) -> None:
    digest = push(registry, "a", "v1")
    referrer = registry.image("sbom", subject=digest)
    registry.put(Digest.of(referrer), referrer)
    delete(registry, Digest.of(referrer))
    change = delete(registry, digest)
    take_back(registry, change)
    assert registry.tips() == {digest: digest, "v1": digest}


def test_a_child_of_a_live_index_cannot_be_deleted(registry: Registry) -> None:
    child = registry.image("a")
    registry.put(Digest.of(child), child)
    index = index_of(child)
    registry.put("v1", index)
    with pytest.raises(Denied, match=Digest.of(index)):
        delete(registry, Digest.of(child))


def test_deleting_an_index_leaves_its_children_and_rm_takes_them(registry: Registry) -> None:
    first, second = registry.image("a"), registry.image("b")
    for child in (first, second):
        registry.put(Digest.of(child), child)
    registry.put("keep", second)
    index = index_of(first, second)
    registry.put("v1", index)
    before = registry.tips()

    take_back(registry, delete(registry, Digest.of(index)))
    assert registry.tips() == before

    change = rm(registry, "v1")
    assert registry.tips() == {"keep": Digest.of(second), Digest.of(second): Digest.of(second)}
    again = take_back(registry, change)
    assert registry.tips() == before
    assert again is not None
    take_back(registry, again)
    assert registry.tips() == {"keep": Digest.of(second), Digest.of(second): Digest.of(second)}


def test_rm_of_one_of_two_tags_leaves_the_image(registry: Registry) -> None:
    digest = push(registry, "a", "v1", "v2")
    rm(registry, "v1")
    assert registry.tips() == {digest: digest, "v2": digest}


def test_rm_with_scope_tag_stops_at_the_tag(registry: Registry) -> None:
    digest = push(registry, "a", "v1")
    rm(registry, "v1", "tag")
    assert registry.tips() == {digest: digest}


def test_rm_takes_the_signature_by_tag_along(registry: Registry) -> None:
    digest = push(registry, "a", "v1")
    push(registry, "sig", str(digest.fallback_tags[1]))
    before = registry.tips()
    change = rm(registry, "v1")
    assert registry.tips() == {}
    take_back(registry, change)
    assert registry.tips() == before


def test_undo_of_a_push_over_a_tag_moves_it_back(registry: Registry) -> None:
    old = push(registry, "a", "latest")
    body = registry.image("b")
    change = registry.put("latest", body).change
    assert change is not None
    take_back(registry, change)
    assert registry.tips() == {old: old, "latest": old}


def test_a_reference_that_moved_on_refuses_the_whole_undo_and_says_who(registry: Registry) -> None:
    digest = push(registry, "a", "v1", "v2")
    change = delete(registry, digest)
    other = push(registry, "b", "v1")
    with pytest.raises(ChangeConflict) as refusal:
        take_back(registry, change)
    (conflict,) = refusal.value.detail["conflicts"]  # type: ignore[call-overload,index,misc]
    assert conflict["reference"] == "v1"
    assert (conflict["now"], conflict["wanted"], conflict["moved_by"]) == (other, digest, "ann")
    assert registry.tips() == {other: other, "v1": other}

    skipped = registry.do(lambda tx: undo(tx, UndoRequest(change, "skip"), registry.cause()))
    assert [conflict.reference for _, conflict in skipped.skipped] == ["v1"]
    assert registry.tips() == {other: other, "v1": other, digest: digest, "v2": digest}


def test_replace_moves_the_conflicting_reference_and_can_itself_be_undone(registry: Registry) -> None:
    digest = push(registry, "a", "v1")
    change = delete(registry, digest)
    other = push(registry, "b", "v1")
    done = registry.do(lambda tx: undo(tx, UndoRequest(change, "replace"), registry.cause()))
    assert registry.tips() == {other: other, digest: digest, "v1": digest}
    assert done.change is not None
    take_back(registry, done.change)
    assert registry.tips()[Tag("v1")] == other


def test_as_brings_one_reference_back_under_another_name(registry: Registry) -> None:
    digest = push(registry, "a", "v1")
    change = delete(registry, digest)
    other = push(registry, "b", "v1")
    registry.do(lambda tx: undo(tx, UndoRequest(change, name=Tag("v1-old")), registry.cause()))
    assert registry.tips() == {other: other, "v1": other, digest: digest, "v1-old": digest}


def test_as_brings_the_referrers_along(registry: Registry) -> None:
    digest = push(registry, "a", "v1")
    referrer = registry.image("sbom", subject=digest)
    registry.put(Digest.of(referrer), referrer)
    change = delete(registry, digest)
    registry.do(lambda tx: undo(tx, UndoRequest(change, name=Tag("back")), registry.cause()))
    assert set(registry.tips()) == {"back", digest, Digest.of(referrer)}


def test_nothing_left_to_take_back_makes_no_change(registry: Registry) -> None:
    digest = push(registry, "a", "v1")
    change = delete(registry, digest)
    assert take_back(registry, change) is not None
    assert take_back(registry, change) is None


def test_the_saved_body_put_back_under_the_tag_is_a_restore(registry: Registry) -> None:
    body = registry.image("a")
    registry.put("v1", body)
    registry.put("v2", body)
    change = delete(registry, Digest.of(body))
    registry.put("v1", body, "application/json")
    take_back(registry, change)
    assert set(registry.tips()) == {"v1", "v2", Digest.of(body)}


def test_a_put_back_index_brings_its_children(registry: Registry) -> None:
    child = registry.image("a")
    registry.put(Digest.of(child), child)
    index = index_of(child)
    registry.put("v1", index)
    before = registry.tips()
    rm(registry, "v1")
    registry.put("v1", index, "text/plain")
    assert registry.tips() == before


def test_restore_brings_an_earlier_value_back(registry: Registry) -> None:
    first = push(registry, "a", "latest")
    second = push(registry, "b", "latest")
    asked = RestoreRequest(TEAM, Tag("latest"), revision=1)
    registry.do(lambda tx: restore(tx, asked, registry.cause()))
    assert registry.tips() == {first: first, second: second, "latest": first}


def test_restore_as_of_an_instant(registry: Registry) -> None:
    first = push(registry, "a", "latest")
    then = registry.now
    second = push(registry, "b", "latest")
    rm(registry, "latest")
    registry.do(lambda tx: restore(tx, RestoreRequest(TEAM, Tag("latest"), at=then), registry.cause()))
    assert registry.tips() == {first: first, "latest": first}
    assert second not in registry.tips()


def test_restore_of_what_never_was_is_unknown(registry: Registry) -> None:
    push(registry, "a", "v1")
    with pytest.raises(ManifestUnknown):
        registry.do(lambda tx: restore(tx, RestoreRequest(TEAM, Tag("v9")), registry.cause()))


def test_undo_after_the_window_says_what_is_gone(registry: Registry) -> None:
    digest = push(registry, "a", "v1")
    change = delete(registry, digest)
    registry.metadata.collect(lambda tx: tx.prune(change, registry.now))
    with pytest.raises(ChangeGone):
        take_back(registry, change)


def test_a_change_can_be_taken_back_as_long_as_any_change_holds_what_it_needs(registry: Registry) -> None:
    first = push(registry, "a", "v1")
    earlier = delete(registry, first)
    take_back(registry, earlier)
    later = delete(registry, first)
    listing = registry.metadata.listing
    for pruned, undoable in ((earlier, True), (later, False)):
        registry.metadata.collect(lambda tx, change=pruned: tx.prune(change, registry.now))  # type: ignore[misc]
        assert listing.is_undoable(earlier) is undoable


def test_a_change_stands_as_long_as_a_reference_is_where_it_moved_it(registry: Registry) -> None:
    listing = registry.metadata.listing
    first = push(registry, "a", "v1")
    change = delete(registry, first)
    assert listing.standing(change).stands
    restored = registry.do(lambda tx: restore(tx, RestoreRequest(TEAM, Tag("v1")), registry.cause())).change
    assert restored is not None
    assert (listing.standing(change).stands, listing.standing(restored).stands) == (False, True)
    last = rm(registry, "v1")
    assert [listing.standing(each).stands for each in (change, restored, last)] == [True, False, True]
    push(registry, "b", "v1")
    assert [listing.standing(each).stands for each in (change, last)] == [True, True]  # the image is still gone


def test_a_change_was_moved_over_where_a_reference_is_neither_where_it_moved_it_nor_where_it_was(
    registry: Registry,
) -> None:
    listing = registry.metadata.listing
    for name in ("a", "b", "c"):
        push(registry, name, f"x{name}")
    changes = []
    for name in ("a", "b", "c"):
        push(registry, name, "v1")
        changes.append(listing.changes(TEAM, None, 1)[0].id)
    created, over, last = changes

    def told(change: str) -> tuple[bool, bool]:
        standing = listing.standing(change)
        return standing.stands, standing.moved_on

    assert [told(change) for change in changes] == [(False, True), (False, True), (True, False)]
    back = take_back(registry, last)
    assert back is not None
    assert [told(change) for change in changes] == [(False, True), (True, False), (False, False)]
    assert told(back) == (True, False)
    gone = registry.do(
        lambda tx: remove(tx, Selection({TEAM: [Tag("v1"), Tag("xc")]}), registry.cause(), "tag")
    ).change
    assert gone is not None
    assert [told(change) for change in (created, over, last)] == [(False, False), (False, True), (False, True)]
    push(registry, "a", "v1")
    assert told(gone) == (True, True)  # the other tag is still away


def test_history_says_which_move_was_taken_back_and_by_what(registry: Registry) -> None:
    push(registry, "a", "v1")
    change = rm(registry, "v1")
    back = take_back(registry, change)
    rm(registry, "v1")
    push(registry, "b", "v1")
    told = registry.metadata.listing.history(TEAM, Tag("v1"), None, 10)
    assert [(past.kind, past.stands, past.old_present) for past in told] == [
        ("push", True, True), ("rm", False, True), ("undo", False, True), ("rm", False, True), ("push", False, True),
    ]  # fmt: skip
    assert [past.undone_by for past in told] == [None, None, told[1].change, back, change]


def test_a_repository_of_the_same_content_elsewhere_is_not_touched(registry: Registry) -> None:
    elsewhere = RepositoryName("other")
    digest = push(registry, "a", "v1")
    body = registry.image("a", repository=elsewhere)
    registry.put("v1", body, repository=elsewhere)
    delete(registry, digest)
    assert set(registry.tips(elsewhere)) == {"v1", Digest.of(body)}


def test_a_nested_index_goes_and_comes_whole(registry: Registry) -> None:
    child = registry.image("a")
    registry.put(Digest.of(child), child)
    inner = index_of(child)
    registry.put(Digest.of(inner), inner)
    outer = index_of(inner)
    registry.put("v1", outer)
    before = registry.tips()
    assert len(before) == 4
    change = rm(registry, "v1")
    assert registry.tips() == {}
    take_back(registry, change)
    assert registry.tips() == before


def test_unknown_bodies_hold_what_they_name(registry: Registry) -> None:
    blob = registry.blob(b"chart")
    body = json.dumps({"anything": [{"digest": blob}]}).encode()
    registry.put("v1", body, "application/vnd.example.thing+json")
    assert registry.metadata.read.blob(TEAM, blob, registry.now) is not None
    delete(registry, Digest.of(body))
    assert registry.metadata.read.blob(TEAM, blob, registry.now) is None
    assert registry.metadata.read.holds(TEAM, blob)


def test_the_trash_shows_what_is_gone_once(registry: Registry) -> None:
    digest = push(registry, "a", "v1")
    first = delete(registry, digest)
    assert [change.id for change in registry.metadata.listing.trash(TEAM, None, 10)] == [first]
    take_back(registry, first)
    assert registry.metadata.listing.trash(TEAM, None, 10) == []
    second = rm(registry, "v1")
    assert [change.id for change in registry.metadata.listing.trash(None, None, 10)] == [second]


def test_undo_of_a_put_back_leaves_what_was_live_before_it(registry: Registry) -> None:
    child = registry.image("a")
    registry.put(Digest.of(child), child)
    index = index_of(child)
    registry.put(Digest.of(index), index)
    delete(registry, Digest.of(index))
    before = registry.tips()
    assert before == {Digest.of(child): Digest.of(child)}
    back = registry.put(Digest.of(index), index).change
    assert back is not None
    take_back(registry, back)
    assert registry.tips() == before
