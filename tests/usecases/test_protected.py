"""Protected tags: no verb moves or deletes one, and nothing of what such a verb wanted happens."""

import contextlib
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from refloat.core.closing import Rules
from refloat.core.errors import Denied, ProtectedTag, RefloatError
from refloat.core.names import Digest, RepositoryName, Tag, parse_reference
from refloat.core.patterns import ImagePattern
from refloat.usecases.delete import delete_reference
from refloat.usecases.push import ManifestPush, push_manifest
from refloat.usecases.remove import Asked, Selection, choose, remove
from refloat.usecases.undo import RestoreRequest, UndoRequest, restore, undo
from tests.usecases.conftest import TEAM, Registry, index_of

PATTERN = ImagePattern.parse("team/**:v*")
V1 = Tag("v1")


@pytest.fixture
def protected(registry: Registry) -> Registry:
    """A registry with a protected v1 (pushed over a first value while it was not), and an unprotected tag."""
    registry.bodies = [registry.image("first"), registry.image("second")]
    registry.put("v1", registry.bodies[0])
    registry.put("v1", registry.bodies[1])
    registry.put("latest", registry.bodies[0])
    registry.rules = Rules(protected=(PATTERN,))
    return registry


Verb = Callable[[Registry], object]


def _first(registry: Registry) -> bytes:
    return registry.bodies[0]


def _second(registry: Registry) -> Digest:
    return Digest.of(registry.bodies[1])


def _last_push_of_v1(registry: Registry) -> str:
    return registry.metadata.listing.history(TEAM, V1, None, 1)[0].change


def _push_two_tags(registry: Registry) -> object:
    push = ManifestPush(Tag("latest"), _first(registry), "", (V1,))
    return registry.do(lambda tx: push_manifest(tx, TEAM, push, registry.cause()))


def _rm(registry: Registry, *references: str) -> object:
    wanted = {TEAM: [parse_reference(text) for text in references]}
    return registry.do(lambda tx: remove(tx, Selection(wanted), registry.cause(), "image"))


def _rm_pattern(registry: Registry) -> object:
    asked = Asked({}, (ImagePattern.parse("**:*"),))
    selection = choose(registry.metadata.read, registry.metadata.listing, asked)
    return registry.do(lambda tx: remove(tx, selection, registry.cause(), "image"))


def _restore(registry: Registry, request: RestoreRequest) -> object:
    return registry.do(lambda tx: restore(tx, request, registry.cause()))


VERBS: dict[str, Verb] = {
    "push over it": lambda registry: registry.put("v1", _first(registry)),
    "push with ?tag=": _push_two_tags,
    "delete by tag": lambda registry: registry.do(lambda tx: delete_reference(tx, TEAM, V1, registry.cause())),
    "delete by digest": lambda registry: registry.do(
        lambda tx: delete_reference(tx, TEAM, _second(registry), registry.cause())
    ),
    "rm": lambda registry: _rm(registry, "v1"),
    "rm by digest": lambda registry: _rm(registry, _second(registry)),
    "rm of it and others": lambda registry: _rm(registry, "latest", "v1"),
    "rm by pattern": _rm_pattern,
    "undo of its push": lambda registry: registry.do(
        lambda tx: undo(tx, UndoRequest(_last_push_of_v1(registry)), registry.cause())
    ),
    "undo --replace": lambda registry: registry.do(
        lambda tx: undo(tx, UndoRequest(_last_push_of_v1(registry), "replace"), registry.cause())
    ),
    "restore of an earlier value": lambda registry: _restore(registry, RestoreRequest(TEAM, V1, 1)),
    "restore --as": lambda registry: _restore(
        registry, RestoreRequest(TEAM, Tag("latest"), 0, name=V1, on_conflict="replace")
    ),
}


@pytest.mark.parametrize("verb", VERBS.values(), ids=VERBS)
def test_every_verb_refuses_to_move_a_protected_tag(verb: Verb, protected: Registry) -> None:
    before = protected.tips()
    with pytest.raises(ProtectedTag) as refused:
        verb(protected)
    assert isinstance(refused.value.detail, dict)
    assert (refused.value.detail["tag"], refused.value.detail["pattern"]) == ("v1", "team/**:v*")
    assert "protected by team/**:v*" in refused.value.message
    assert protected.tips() == before


@pytest.mark.parametrize("verb", VERBS.values(), ids=VERBS)
def test_without_the_pattern_the_same_verbs_move_it(verb: Verb, protected: Registry) -> None:
    protected.rules = Rules(protected=(ImagePattern.parse("other/**:*"), ImagePattern.parse("team/api:latest-*")))
    before = protected.tips()
    verb(protected)
    assert protected.tips() != before


def test_the_first_push_and_the_same_image_again_are_allowed(protected: Registry) -> None:
    protected.put("v2", _first(protected))
    assert protected.put("v2", _first(protected)).change is None
    with pytest.raises(ProtectedTag):
        protected.put("v2", protected.bodies[1])


def test_what_is_beside_a_protected_tag_moves_as_ever(protected: Registry) -> None:
    protected.put("latest", protected.bodies[1])
    _rm(protected, "latest")
    assert set(protected.tips()) == {"v1", _second(protected), Digest.of(_first(protected))}


def test_a_child_of_a_protected_index_stays(registry: Registry) -> None:
    child = registry.image("child")
    registry.put(Digest.of(child), child)
    index = index_of(child)
    registry.put("v1", index)
    registry.rules = Rules(protected=(PATTERN,))
    before = registry.tips()
    with pytest.raises(Denied):
        registry.do(lambda tx: delete_reference(tx, TEAM, Digest.of(child), registry.cause()))
    assert registry.tips() == before


def test_undo_that_skips_passes_over_protected_tags_and_lists_them(registry: Registry) -> None:
    bodies = [registry.image("first"), registry.image("second")]
    registry.put("v1", bodies[0])
    registry.put("latest", bodies[0])
    push = ManifestPush(V1, bodies[1], "", (Tag("latest"),))
    change = registry.do(lambda tx: push_manifest(tx, TEAM, push, registry.cause())).change
    assert change is not None
    registry.rules = Rules(protected=(PATTERN,))
    done = registry.do(lambda tx: undo(tx, UndoRequest(change, "skip"), registry.cause()))
    assert [(conflict.reference, conflict.wanted) for _, conflict in done.skipped] == [("v1", Digest.of(bodies[0]))]
    tips = registry.tips()
    assert (tips[V1], tips[Tag("latest")]) == (Digest.of(bodies[1]), Digest.of(bodies[0]))


def test_other_repositories_are_not_meant(protected: Registry) -> None:
    other = RepositoryName("base/python")
    body = protected.image("first", repository=other)
    protected.put("v1", body, repository=other)
    protected.do(lambda tx: delete_reference(tx, other, V1, protected.cause()))
    assert protected.tips(other) == {Digest.of(body): Digest.of(body)}


@given(st.lists(st.sampled_from(sorted(VERBS)), min_size=1, max_size=8))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_history_of_verbs_moves_it(protected: Registry, verbs: list[str]) -> None:
    for name in verbs:
        with contextlib.suppress(RefloatError):
            VERBS[name](protected)
        assert protected.tips()[V1] == _second(protected)
