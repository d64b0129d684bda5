"""What is read at once for all children of a large index is what is read for one alone."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from refloat.core.names import Digest, Reference, Tag
from refloat.metadata import view
from refloat.metadata.migrate import migrate
from refloat.metadata.store import SqliteMetadata
from refloat.ports import Transaction
from refloat.usecases.remove import Selection, remove
from tests.usecases.conftest import TEAM, Registry, index_of

CHILDREN = 5


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    migrate(tmp_path / "refloat.db")
    metadata = SqliteMetadata(tmp_path / "refloat.db", tmp_path, lambda: False)
    yield Registry(metadata)
    metadata.close()


@pytest.fixture
def digests(registry: Registry) -> list[Digest]:
    """An index and its children: with tags, a referrer, a fallback tag, an index of their own, another parent."""
    children = [registry.image(f"{number}") for number in range(CHILDREN)]
    for child in children:
        registry.put(Digest.of(child), child)
    names = [Digest.of(child) for child in children]
    registry.put("tagged", children[0])
    registry.put("also", children[0])
    registry.put("signature", registry.image("signature", subject=names[1]))
    registry.put(names[2].fallback_tags[1], registry.image("attached"))
    registry.put("other", index_of(children[3], children[4]))
    nested = index_of(children[4])
    registry.put(Digest.of(nested), nested)
    whole = index_of(*children, nested)
    registry.put("v1", whole)
    return [Digest.of(whole), *names, Digest.of(nested)]


def _answers(tx: Transaction, digests: list[Digest]) -> list[object]:
    """Ask everything of everything, the index's children first."""
    seen = tx.view(TEAM)
    asked: list[Reference] = [*digests, *(tag for digest in digests for tag in digest.fallback_tags)]
    values = [(reference, seen.value(reference)) for reference in asked]
    return [sorted(seen.children(digests[0])), values] + [
        (sorted(seen.children(digest)), sorted(seen.tags_on(digest)), sorted(seen.live_parents(digest)),
         sorted(seen.live_referrers(digest)))
        for digest in digests
    ]  # fmt: skip


def test_they_are_answered_as_one_by_one(
    registry: Registry, digests: list[Digest], monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = registry.do(lambda tx: _answers(tx, digests))
    monkeypatch.setattr(view, "MANY", CHILDREN)
    assert registry.do(lambda tx: [tx.view(TEAM).children(digests[0]), _answers(tx, digests)][1]) == alone


def test_a_removal_takes_and_leaves_the_same(
    registry: Registry, digests: list[Digest], monkeypatch: pytest.MonkeyPatch
) -> None:
    gone: list[object] = []
    for many in (view.MANY, CHILDREN):
        monkeypatch.setattr(view, "MANY", many)
        with pytest.raises(ZeroDivisionError):
            registry.do(lambda tx: gone.append(_removed(tx, registry)) or 1 // 0)  # type: ignore[func-returns-value]
    assert gone[0] == gone[1]


def _removed(tx: Transaction, registry: Registry) -> object:
    removed = remove(tx, Selection({TEAM: [Tag("v1")]}), registry.cause(), "image")
    return sorted(removed.moves[TEAM], key=repr), sorted(removed.left[TEAM])
