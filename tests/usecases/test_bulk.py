"""Very much at once: whole repositories, what nobody touched for long, and an undo that brings back what can come."""

import json
from collections.abc import Sequence

import pytest

from refloat.core.errors import ChangeConflict, ChangeGone, ManifestUnknown, NameUnknown, PatternsTooWide
from refloat.core.media import OCI_MANIFEST
from refloat.core.names import Digest, RepositoryName, Tag
from refloat.core.patterns import ImagePattern, RepositoryPattern
from refloat.usecases.delete import delete_reference
from refloat.usecases.push import ManifestPush, push_manifest
from refloat.usecases.remove import Asked, Removed, Scope, Selection, choose, remove
from refloat.usecases.undo import UndoRequest, undo
from tests.usecases.conftest import DAY, TEAM, Registry, index_of

OTHER = RepositoryName("team/web")


def rm(registry: Registry, asked: Asked, scope: Scope = "image") -> Removed:
    selection = choose(registry.metadata.read, registry.metadata.listing, asked)
    return registry.do(lambda tx: remove(tx, selection, registry.cause(), scope))


def change_of(removed: Removed) -> str:
    assert removed.change is not None
    return removed.change


def tagged(registry: Registry, seed: str, *tags: str, repository: RepositoryName = TEAM) -> Digest:
    body = registry.image(seed, repository=repository)
    for tag in tags or (Digest.of(body),):
        registry.put(tag, body, repository=repository)
    return Digest.of(body)


def patterns(*texts: str) -> Sequence[RepositoryPattern]:
    return [RepositoryPattern.parse(text) for text in texts]


def test_a_repository_goes_whole_and_comes_back_beside_what_was_pushed_in_between(registry: Registry) -> None:
    images = [registry.image("amd64"), registry.image("arm64")]
    for image in images:
        registry.put(Digest.of(image), image)
    registry.put("v1", index_of(*images))
    signature = registry.image("sbom", subject=Digest.of(index_of(*images)))
    registry.put(Digest.of(signature), signature)
    tagged(registry, "untagged")
    tagged(registry, "fallback", str(Digest.of(images[0]).fallback_tags[1]))
    before = registry.tips()
    gone = rm(registry, Asked({}, repositories=patterns("team/api")))
    assert gone.whole == [TEAM]
    assert registry.tips() == {}
    assert registry.metadata.read.catalog("", 10) == []
    new = tagged(registry, "new", "other")
    registry.do(lambda tx: undo(tx, UndoRequest(change_of(gone)), registry.cause()))
    before |= {Tag("other"): new, new: new}
    assert registry.tips() == before


def test_the_tags_of_a_whole_repository_go_and_their_images_stay(registry: Registry) -> None:
    digest = tagged(registry, "a", "v1", "v2")
    gone = rm(registry, Asked({}, repositories=patterns("team/api")), "tag")
    assert registry.tips() == {digest: digest}
    registry.do(lambda tx: undo(tx, UndoRequest(change_of(gone)), registry.cause()))
    assert registry.tips() == {digest: digest, Tag("v1"): digest, Tag("v2"): digest}


def test_of_a_digest_the_tags_go_alone_and_its_parts_are_no_hindrance(registry: Registry) -> None:
    digest = tagged(registry, "a", "v1", "v2")
    registry.put("index", index_of(registry.image("a")))
    selection = Selection({TEAM: [digest]})
    gone = registry.do(lambda tx: remove(tx, selection, registry.cause(), "tag"))
    assert {move.reference for move in gone.moves[TEAM]} == {"v1", "v2"}
    with pytest.raises(ManifestUnknown):
        registry.do(lambda tx: remove(tx, Selection({TEAM: [Digest.of(b"no")]}), registry.cause(), "tag"))


def test_repositories_by_pattern_go_in_one_change(registry: Registry) -> None:
    tagged(registry, "a", "v1")
    tagged(registry, "a", "v1", repository=OTHER)
    kept = tagged(registry, "a", "v1", repository=RepositoryName("base"))
    gone = rm(registry, Asked({}, repositories=patterns("team/*")))
    assert gone.whole == [TEAM, OTHER]
    assert registry.metadata.read.catalog("", 10) == ["base"]
    assert registry.tips(RepositoryName("base")) == {kept: kept, "v1": kept}


@pytest.mark.parametrize("text", ["team/api", "team/*"])
def test_a_repository_without_anything_live_is_unknown(registry: Registry, text: str) -> None:
    with pytest.raises(NameUnknown):
        rm(registry, Asked({}, repositories=patterns(text)))


def test_untagged_images_go_and_parts_and_signatures_of_others_stay(registry: Registry) -> None:
    images = [registry.image("amd64"), registry.image("arm64")]
    for image in images:
        registry.put(Digest.of(image), image)
    registry.put("v1", index_of(*images))
    signature = registry.image("sbom", subject=Digest.of(index_of(*images)))
    registry.put(Digest.of(signature), signature)
    before = registry.tips()
    loose = tagged(registry, "loose")
    gone = rm(registry, Asked({}, untagged=patterns("team/**")))
    assert gone.asked == {TEAM: [loose]}
    assert registry.tips() == before


def test_nothing_untagged_is_nothing_to_do(registry: Registry) -> None:
    tagged(registry, "a", "v1")
    gone = rm(registry, Asked({}, untagged=patterns("team/api")))
    assert (gone.change, gone.asked) == (None, {})


def test_an_untagged_image_is_as_old_as_the_loss_of_its_last_tag(registry: Registry) -> None:
    digest = tagged(registry, "a", "v1")
    registry.now += 10 * DAY
    registry.do(lambda tx: delete_reference(tx, TEAM, Tag("v1"), registry.cause()))
    registry.now += 2 * DAY
    for days, going in ((5, []), (1, [digest])):
        since = registry.now - days * DAY
        gone = rm(registry, Asked({}, untagged=patterns("team/api"), quiet_since=since))
        assert gone.asked.get(TEAM, []) == going


def test_what_happens_beside_an_untagged_image_makes_it_no_younger(registry: Registry) -> None:
    old = tagged(registry, "old")
    referred_to = tagged(registry, "referred to")
    registry.now += 10 * DAY
    tagged(registry, "new", "v1")
    tagged(registry, "new and untagged")
    referrer = registry.image("a referrer", subject=referred_to)
    registry.put(Digest.of(referrer), referrer)
    since = registry.now - 5 * DAY
    assert rm(registry, Asked({}, untagged=patterns("team/api"), quiet_since=since)).asked == {TEAM: [old]}


def test_older_than_takes_what_nobody_pushed_or_moved(registry: Registry) -> None:
    tagged(registry, "old", "pr-1")
    tagged(registry, "old image, new tag", "keep")
    registry.now += 10 * DAY
    tagged(registry, "old image, new tag", "pr-2")
    tagged(registry, "new", "pr-3")
    selection = Asked({}, [ImagePattern.parse("team/*:pr-*")], quiet_since=registry.now - 5 * DAY)
    assert rm(registry, selection).asked == {TEAM: ["pr-1"]}
    assert rm(registry, selection).change is None


def test_a_pattern_without_an_age_has_to_match(registry: Registry) -> None:
    tagged(registry, "a", "v1")
    with pytest.raises(ManifestUnknown):
        rm(registry, Asked({}, [ImagePattern.parse("team/*:pr-*")]))


def chosen(registry: Registry, *texts: str, since: int | None = None) -> Selection:
    asked = Asked({}, [ImagePattern.parse(text) for text in texts], patterns("team/**"), quiet_since=since)
    return choose(registry.metadata.read, registry.metadata.listing, asked)


def test_what_was_pushed_since_it_was_chosen_stays(registry: Registry) -> None:
    for tag in ("v1", "v2", "v3"):
        tagged(registry, tag, tag)
    selection = chosen(registry, "team/*:v*")
    pushed = tagged(registry, "pushed over it", "v2")
    tagged(registry, "new", "v4")
    registry.do(lambda tx: delete_reference(tx, TEAM, Tag("v3"), registry.cause()))
    gone = registry.do(lambda tx: remove(tx, selection, registry.cause(), "image"))
    assert gone.asked == {TEAM: ["v1"]}
    assert registry.tips()[Tag("v2")] == pushed
    assert registry.metadata.read.tags(TEAM, "", None) == ["v2", "v4"]


@pytest.mark.parametrize("since", [None, 10 * DAY])
def test_an_image_that_got_a_tag_an_index_or_was_touched_since_it_was_chosen_stays(
    registry: Registry, since: int | None
) -> None:
    bodies = {name: registry.image(name) for name in ("going", "tagged", "part", "tagged for a while", "gone")}
    digests = {name: registry.put(Digest.of(body), body).digest for name, body in bodies.items()}
    registry.now += 20 * DAY
    selection = chosen(registry, "team/*:none*", since=registry.now - since) if since else Selection(
        {}, untagged={TEAM: list(digests.values())}
    )  # fmt: skip
    assert set(selection.untagged[TEAM]) == set(digests.values())
    registry.put("v1", bodies["tagged"])
    registry.put("index", index_of(bodies["part"]))
    registry.put("while", bodies["tagged for a while"])
    registry.do(lambda tx: delete_reference(tx, TEAM, Tag("while"), registry.cause()))
    registry.do(lambda tx: delete_reference(tx, TEAM, digests["gone"], registry.cause()))
    gone = registry.do(lambda tx: remove(tx, selection, registry.cause(), "image"))
    expected = {digests["going"]} if since else {digests["going"], digests["tagged for a while"]}
    assert set(gone.asked[TEAM]) == expected


def test_an_image_without_a_tag_leaves_behind_what_has_one(registry: Registry) -> None:
    base = tagged(registry, "base")
    named, unnamed = (registry.image(name, subject=base) for name in ("named", "unnamed"))
    registry.put("release-1.0", named)
    registry.put(Digest.of(unnamed), unnamed)
    gone = rm(registry, Asked({}, untagged=patterns("team/api")))
    assert {move.reference for move in gone.moves[TEAM]} == {base, Digest.of(unnamed)}
    assert registry.tips() == {"release-1.0": Digest.of(named), Digest.of(named): Digest.of(named)}


def test_more_than_can_be_compared_is_refused_by_name(registry: Registry) -> None:
    body = registry.image("a")
    long = "x" * 100
    tags = tuple(Tag(f"t{long}{number}") for number in range(10_001))
    registry.do(lambda tx: push_manifest(tx, TEAM, ManifestPush(tags[0], body, "", tags[1:]), registry.cause()))
    asked = Asked({}, [ImagePattern.parse(f"team/api:t{long}*{number:04}") for number in range(1000)])
    with pytest.raises(PatternsTooWide, match="more than 10,000,000,000,"):
        choose(registry.metadata.read, registry.metadata.listing, asked)
    short = [ImagePattern.parse(f"team/api:t*{number:04}") for number in range(1000)]
    asked = Asked({}, short, quiet_since=registry.now + 1)  # by an age they need not match
    assert list(choose(registry.metadata.read, registry.metadata.listing, asked).matched[TEAM]) == [f"t{long}10000"]


@pytest.mark.parametrize("what", ["its signature", "what refers to it", "what refers to that", "a moved tag"])
def test_an_image_to_which_something_came_since_stays(registry: Registry, what: str) -> None:
    base, first = tagged(registry, "base"), registry.image("signed before")
    registry.put("other", first)
    sbom = registry.image("sbom", subject=base)
    registry.put(Digest.of(sbom), sbom)
    registry.now += 10 * DAY
    if what == "its signature":
        registry.put(base.fallback_tags[1], registry.image("signature"))
    elif what == "a moved tag":
        registry.put(base.fallback_tags[2], first)
    else:
        subject = base if what == "what refers to it" else Digest.of(sbom)
        came = registry.image("came since", subject=subject)
        registry.put(Digest.of(came), came)
    wanted = Asked({}, untagged=patterns("team/api"), quiet_since=registry.now - 5 * DAY)
    assert rm(registry, wanted).change is None
    registry.now += 10 * DAY
    wanted = Asked({}, untagged=patterns("team/api"), quiet_since=registry.now - 5 * DAY)
    assert base in {move.reference for move in rm(registry, wanted).moves[TEAM]}


def _one_gone_of_two(registry: Registry) -> str:
    """Return a change that removed a and b, where only b is still held: by a later change."""
    tagged(registry, "a", "a")
    tagged(registry, "b", "b")
    both = change_of(rm(registry, Asked({TEAM: [Tag("a"), Tag("b")]})))
    registry.do(lambda tx: undo(tx, UndoRequest(both), registry.cause()))
    first = change_of(rm(registry, Asked({TEAM: [Tag("a")]})))
    rm(registry, Asked({TEAM: [Tag("b")]}))
    for change in (both, first):
        registry.metadata.collect(lambda tx, change=change: tx.prune(change, registry.now))  # type: ignore[misc]
    return both


def test_what_is_gone_is_refused_alone_and_counted_beside_what_moved(registry: Registry) -> None:
    change = _one_gone_of_two(registry)
    with pytest.raises(ChangeGone):
        registry.do(lambda tx: undo(tx, UndoRequest(change), registry.cause()))
    tagged(registry, "c", "b")
    with pytest.raises(ChangeConflict) as refused:
        registry.do(lambda tx: undo(tx, UndoRequest(change), registry.cause()))
    detail = refused.value.detail
    assert isinstance(detail, dict)
    assert (detail["conflicts_total"], detail["gone_total"], detail["would_move"]) == (1, 2, 1)  # a, its manifest; b's


def test_skip_brings_back_the_rest_and_lists_what_is_gone(registry: Registry) -> None:
    change = _one_gone_of_two(registry)
    done = registry.do(lambda tx: undo(tx, UndoRequest(change, "skip"), registry.cause()))
    assert [(conflict.reference, conflict.why) for _, conflict in done.skipped] == [("a", "gone")]
    assert [str(reference) for reference in registry.tips() if isinstance(reference, Tag)] == ["b"]


def test_skip_of_nothing_but_what_is_gone_is_refused(registry: Registry) -> None:
    tagged(registry, "a", "v1")
    change = change_of(rm(registry, Asked({TEAM: [Tag("v1")]})))
    registry.metadata.collect(lambda tx: tx.prune(change, registry.now))
    with pytest.raises(ChangeGone):
        registry.do(lambda tx: undo(tx, UndoRequest(change, "skip"), registry.cause()))


def test_ten_thousand_tags_go_and_come_back_as_one_change(registry: Registry) -> None:
    config, layer = registry.blob(b"config"), registry.blob(b"layer")
    document = {
        "schemaVersion": 2, "mediaType": OCI_MANIFEST,
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": config, "size": 6},
        "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": layer, "size": 5}],
    }  # fmt: skip
    for number in range(10_000):
        registry.put(f"v{number}", json.dumps({**document, "annotations": {"number": f"{number}"}}).encode())
    gone = rm(registry, Asked({}, repositories=patterns("team/api")))
    assert len(gone.moves[TEAM]) == 20_000
    assert registry.metadata.read.tags(TEAM, "", None) == []
    shown = registry.metadata.listing.trash(None, None, 1)[0]
    assert (len(shown.moves), shown.moves_total) == (100, 20_000)
    registry.do(lambda tx: undo(tx, UndoRequest(change_of(gone)), registry.cause()))
    assert len(registry.metadata.read.tags(TEAM, "", None)) == 10_000
