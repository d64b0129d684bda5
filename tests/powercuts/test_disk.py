"""The disk that loses power does lose what was not synced, at one instant, and is cleaned up."""

import os
import threading
from pathlib import Path

import pytest

from tests.powercuts.disk import Memory, attach, copy_to, let_go, loses_what_is_not_synced, make_disk, memory
from tests.serve.program import eventually


def test_it_loses_what_is_not_synced(space: Memory) -> None:
    assert loses_what_is_not_synced(space)


def test_a_sync_under_way_has_not_reached_the_disk(space: Memory) -> None:
    disk = make_disk(space.drive / "one.img", space.place / "one", 300)
    file = os.open(disk.place / "file", os.O_CREAT | os.O_WRONLY)
    os.write(file, b"bytes" * 10_000)
    syncing = threading.Thread(target=os.fsync, args=(file,))
    with space.frozen():
        syncing.start()
        eventually(lambda: _waits_for_the_disk(syncing), "the sync never begins")
        (copy,) = copy_to([disk], space.place / "copy")
        assert syncing.is_alive()
    syncing.join()
    os.close(file)
    left = attach(copy, space.place / "left")
    found = left.place / "file"
    assert not found.exists() or found.stat().st_size == 0
    let_go(left.place)


def _waits_for_the_disk(thread: threading.Thread) -> bool:
    stat = Path(f"/proc/self/task/{thread.native_id}/stat")
    return thread.native_id is not None and stat.read_text().rpartition(")")[2].split()[0] == "D"


def test_nothing_stays_mounted_when_something_fails(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        _fail_with_a_disk(tmp_path / "memory")
    assert str(tmp_path) not in Path("/proc/self/mountinfo").read_text()
    assert not (tmp_path / "memory").exists()


def _fail_with_a_disk(place: Path) -> None:
    with memory(place) as space:
        make_disk(space.drive / "one.img", space.place / "one", 5)
        raise ZeroDivisionError
