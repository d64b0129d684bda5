"""The lists of changes: each change once, in order, and only those that were asked for."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from refloat.core.names import RepositoryName, Tag
from refloat.core.narrowing import Narrowing
from refloat.metadata.migrate import migrate
from refloat.metadata.store import SqliteMetadata
from refloat.usecases.delete import delete_reference
from refloat.usecases.undo import UndoRequest, undo
from tests.usecases.conftest import TEAM, Registry

OTHER = RepositoryName("team/web")
NOWHERE = RepositoryName("team/nothing")


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    database = tmp_path / "refloat" / "refloat.db"
    migrate(database)
    metadata = SqliteMetadata(database, tmp_path / "refloat", lambda: False)
    yield Registry(metadata)
    metadata.close()


def test_a_log_has_each_change_once_in_its_order(registry: Registry) -> None:
    here = [_push(registry, "v1", TEAM), _push(registry, "v2", TEAM)]
    there = _push(registry, "v1", OTHER)
    here.append(_push(registry, "v3", TEAM))
    assert _ids(registry, None) == [here[2], there, here[1], here[0]]
    assert _ids(registry, TEAM) == here[::-1]
    assert _ids(registry, OTHER) == [there]
    assert _ids(registry, NOWHERE) == []


def test_pages_of_a_repositorys_log_meet(registry: Registry) -> None:
    pushed = []
    for number in range(5):
        pushed.append(_push(registry, f"v{number}", TEAM))
        _push(registry, f"v{number}", OTHER)
    listing = registry.metadata.listing
    assert [change.id for change in listing.changes(TEAM, pushed[3], 2)] == [pushed[2], pushed[1]]
    assert [change.id for change in listing.changes(TEAM, pushed[1], 2)] == [pushed[0]]
    assert [change.id for change in listing.changes_after(TEAM, "", 3)] == pushed[:3]
    assert [change.id for change in listing.changes_after(TEAM, pushed[2], 3)] == pushed[3:]
    assert listing.changes_after(TEAM, pushed[4], 3) == []


def test_what_a_log_is_narrowed_to_does_not_end_it_early(registry: Registry) -> None:
    _push(registry, "v1", TEAM)
    gone = _delete(registry, "v1", TEAM)
    for number in range(3):
        _push(registry, f"w{number}", TEAM)
    found = registry.metadata.listing.changes(TEAM, None, 2, Narrowing(kinds=("delete",)))
    assert [change.id for change in found] == [gone]


def test_the_trash_has_what_is_gone_and_nothing_that_came_back(registry: Registry) -> None:
    for repository in (TEAM, OTHER):
        for tag in ("v1", "v2"):
            _push(registry, tag, repository)
    deleted = [_delete(registry, "v1", TEAM), _delete(registry, "v1", OTHER), _delete(registry, "v2", TEAM)]
    assert _trash(registry, None) == deleted[::-1]
    assert _trash(registry, TEAM) == [deleted[2], deleted[0]]
    assert _trash(registry, NOWHERE) == []
    registry.do(lambda tx: undo(tx, UndoRequest(deleted[2]), registry.cause()))
    assert _trash(registry, None) == [deleted[1], deleted[0]]
    assert _trash(registry, TEAM) == [deleted[0]]
    assert [change.id for change in registry.metadata.listing.trash(None, deleted[1], 5)] == [deleted[0]]


def _push(registry: Registry, tag: str, repository: RepositoryName) -> str:
    change = registry.put(tag, registry.image(f"{repository} {tag}", repository=repository), repository=repository)
    assert change.change is not None
    return change.change


def _delete(registry: Registry, tag: str, repository: RepositoryName) -> str:
    change = registry.do(lambda tx: delete_reference(tx, repository, Tag(tag), registry.cause())).change
    assert change is not None
    return change


def _ids(registry: Registry, repository: RepositoryName | None) -> list[str]:
    return [change.id for change in registry.metadata.listing.changes(repository, None, 100)]


def _trash(registry: Registry, repository: RepositoryName | None) -> list[str]:
    return [change.id for change in registry.metadata.listing.trash(repository, None, 100)]
