"""What a fault must not leave for ever."""

import errno
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from refloat.blobs.ballast import SIZE, Ballast
from refloat.core.errors import Unavailable
from tests.crash.registry import DAY, START, Registry
from tests.crash.stories import push, rm


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    made = Registry(tmp_path / "refloat")
    yield made
    made.close()


def test_bytes_that_cannot_be_removed_hold_up_no_others(registry: Registry) -> None:
    push("v1", b"one", b"two")(registry)
    keys = [path.name for path in (registry.directory / "objects").rglob("*") if path.is_file()]
    stuck = registry.blobs.path(keys[0])
    stuck.unlink()
    stuck.mkdir()  # no file, so it cannot be unlinked, not even by root
    rm("v1")(registry)
    for _ in range(3):
        registry.now += 2 * DAY
        registry.collect()
    assert sorted(registry.blobs.keys()) == [stuck.name]
    stuck.rmdir()
    registry.now += 2 * DAY
    assert registry.collect().reaped == 1


def test_a_backup_that_broke_off_is_removed_by_the_next(registry: Registry) -> None:
    backups = registry.directory / "backups"
    registry.metadata.backup(START)
    (backups / ".refloat-20250101T000000Z.db.part").write_bytes(b"half a copy")
    (backups / ".refloat-20250101T000000Z.db.part-journal").write_bytes(b"")
    registry.metadata.backup(START + DAY)
    assert [path.name[:8] for path in backups.iterdir()] == ["refloat-", "refloat-"]


def test_a_backup_that_cannot_be_read_stops_the_reaper_with_a_sentence(registry: Registry) -> None:
    registry.metadata.backup(START)
    (backup,) = (registry.directory / "backups").iterdir()
    with closing(sqlite3.connect(backup)) as broken, broken:
        broken.execute("DROP TABLE uploads")
        broken.execute("DROP TABLE doomed")
        broken.execute("DROP TABLE leases")
        broken.execute("DROP TABLE blobs")
        broken.execute("DROP TABLE keys")
    with pytest.raises(Unavailable, match="no such table"):
        registry.metadata.named_live(["0" * 32])


def test_a_file_that_cannot_be_opened_is_refused_alone(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = os.open

    def refusing(path: str | Path, flags: int, *more: int) -> int:
        if "/objects/" in str(path) and flags & os.O_RDWR:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        return opened(path, flags, *more)

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", refusing)
        with pytest.raises(Unavailable, match="file descriptors"):
            push("v1", b"one")(registry)
    push("v1", b"one")(registry)


def test_a_ballast_that_was_made_and_not_filled_is_filled(tmp_path: Path) -> None:
    path = tmp_path / "ballast"
    path.touch()
    Ballast(path).restore(4 * SIZE)
    assert path.stat().st_size == SIZE
