"""A server on a full disk with nothing kept back: what is due goes first, what it says is true, and it can start."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.disks import fill, free, small_disk
from tests.serve.full import (
    LAYER,
    ROOM,
    SELDOM,
    SOON,
    Full,
    error,
    image,
    kept_before,
    says_that_deletes_work,
    served,
    started,
    stopped,
)  # fmt: skip
from tests.serve.program import eventually, refloat
from tools.wire import Answer

STATES = pytest.mark.parametrize("size", ["100m", "256m"], ids=["never had any", "gave it up"])


@contextmanager
def without_anything_kept_back(place: Path, size: str, **settings: str) -> Iterator[Full]:
    """Serve a full disk of 100m, too small for anything to be kept back; or one of 256m, where it was given up."""
    with served(place, size, **{**settings, **SELDOM}) as full:
        kept_before(full)
        stopped(full)
        if size == "256m":
            with started(place, **SELDOM) as program:
                full = Full(program, full.disk)
                full.fill()
                change = full.wire.delete("team/api", "v1").expect(202).headers["refloat-change"]
                full.manage(f"changes/{change}/undo").expect(201)
                stopped(full)
        assert not full.has_ballast
        with started(place, **{**SELDOM, **settings}) as program:
            again = Full(program, full.disk)
            again.fill()
            yield again


@STATES
def test_without_anything_kept_back_it_says_what_a_person_can_do(size: str, tmp_path: Path) -> None:
    with without_anything_kept_back(tmp_path, size) as full:
        refused = full.manage("remove", images=["team/api:*"])
        status, code, sentence = error(refused)
        assert (status, code) == (507, "STORAGE_FULL")
        assert not says_that_deletes_work(sentence)
        assert "16 MiB" in sentence
        status, code, sentence = error(full.wire.ask("POST", "/v2/team/api/blobs/uploads/"))
        assert (status, code) == (507, "STORAGE_FULL")
        assert not says_that_deletes_work(sentence)
        assert full.manage("collect").status == 200  # nothing is due, and that needs no room
        told = refloat("rm", "team/api:*", home=tmp_path, REFLOAT_HOST=full.program.url.removeprefix("http://"))
        assert (told.returncode, "16 MiB" in told.stderr) == (1, True)
        assert "Traceback" not in full.program.said()
        full.make_room(ROOM)
        full.manage("remove", images=["team/api:*"]).expect(201)
        full.manage("collect").expect(200)
        if size == "256m":
            _is_for_no_push(full)
        image(full.wire, "team/api", "v2", b"another layer")


def _is_for_no_push(full: Full) -> None:
    """What was given up is left free by pushes, until it is kept back again."""
    full.make_room(32 << 20)
    status, _, sentence = error(full.wire.ask("POST", "/v2/team/api/blobs/uploads/"))
    assert (status, says_that_deletes_work(sentence)) == (507, True)
    full.make_room(64 << 20)
    image(full.wire, "team/api", "v2", b"another layer")
    full.manage("collect").expect(200)
    assert full.has_ballast


def test_a_collector_that_waits_for_room_says_so_once(tmp_path: Path) -> None:
    with without_anything_kept_back(tmp_path, "100m", **SOON, REGISTRY_REFLOAT_COLLECT_INTERVAL="2s") as full:
        waits = "a round of collection waits for room"
        eventually(lambda: waits in full.program.said(), "it said nothing")
        for _ in range(3):
            assert error(full.manage("collect"))[:2] == (507, "STORAGE_FULL")
        full.make_room(ROOM)
        full.manage("collect").expect(200)
        assert full.program.said().count(waits) == 1
        assert "Traceback" not in full.program.said()


def doomed_and_due(full: Full) -> None:
    """Delete an image and wait until its bytes are due to go; no round has removed them yet."""
    image(full.wire, "team/web", "v1", LAYER)
    full.manage("remove", images=["team/web:v1"]).expect(201)
    eventually(lambda: _count(full.manage("collect"), "condemned") > 0, "nothing was condemned")
    eventually(lambda: _count(full.manage("collect", dry_run=True), "reaped") > 0, "nothing is due")


def _count(round_: Answer, what: str) -> int:
    return int(str(round_.expect(200).document()[what]))


@pytest.mark.parametrize("act", ["DELETE", "collect", "purge"])
def test_without_anything_kept_back_what_is_due_goes_before_a_row_says_so(act: str, tmp_path: Path) -> None:
    with served(tmp_path, "100m", **SELDOM, **SOON) as full:
        kept = image(full.wire, "team/api", "v1", b"layer")
        doomed_and_due(full)
        stopped(full)
        with started(tmp_path, **SELDOM, **SOON) as program:
            again = Full(program, full.disk)
            again.fill()
            assert not again.has_ballast
            done = {
                "DELETE": lambda: again.wire.delete("team/api", "v1"),
                "collect": lambda: again.manage("collect"),
                "purge": lambda: again.manage("purge", image="team/api:v1"),
            }[act]()
            assert done.status in (200, 201, 202), done.body
            assert free(again.disk) > len(LAYER) // 2
            if act == "collect":
                assert again.wire.read("team/api", kept).body == kept.body
            again.manage("collect").expect(200)
            stopped(again)
        assert refloat("verify", "--deep", "--root", str(full.disk), home=tmp_path).returncode == 0


def test_what_a_kept_backup_names_live_stays_on_a_full_disk(tmp_path: Path) -> None:
    with served(tmp_path, "100m", **SELDOM, **SOON) as full:
        image(full.wire, "team/web", "v1", LAYER)
        for copy in (full.disk / "refloat" / "backups").iterdir():
            copy.unlink()
        stopped(full)
        with started(tmp_path, **SELDOM, **SOON) as program:  # a backup that names the layer live
            again = Full(program, full.disk)
            kept_before(again)
            again.manage("remove", images=["team/web:v1"]).expect(201)
            eventually(lambda: _count(again.manage("collect"), "condemned") > 0, "nothing was condemned")
            stopped(again)
        with started(tmp_path, **SELDOM, **SOON) as program:
            again = Full(program, full.disk)
            again.fill()
            assert again.manage("remove", images=["team/api:*"]).status in (201, 507)
            stopped(again)
        assert sum(path.stat().st_size for path in (full.disk / "refloat" / "objects").rglob("*/*")) > len(LAYER)


class TestStart:
    """A server that is started on a disk with nothing left: SQLite needs room to open a database at all."""

    def test_with_what_is_kept_back(self, tmp_path: Path) -> None:
        with served(tmp_path, "256m", **SELDOM) as full:
            kept_before(full)
            stopped(full)
            fill(full.disk)
            with started(tmp_path, **SELDOM) as program:
                again = Full(program, full.disk)
                again.wire.manifest("team/api", "v1").expect(200)
                again.wire.delete("team/api", "v1").expect(202)

    def test_with_what_is_due(self, tmp_path: Path) -> None:
        with served(tmp_path, "100m", **SELDOM, **SOON) as full:
            image(full.wire, "team/api", "v1", b"layer")
            doomed_and_due(full)
            stopped(full)
            fill(full.disk)
            with started(tmp_path, **SELDOM, **SOON) as program:
                again = Full(program, full.disk)
                again.wire.manifest("team/api", "v1").expect(200)
                assert free(again.disk) > len(LAYER) // 2

    def test_with_nothing_it_says_what_a_person_can_do(self, tmp_path: Path) -> None:
        with served(tmp_path, "100m", **SELDOM) as full:
            kept_before(full)
            stopped(full)
            full.fill()
            refused = refloat("serve", "--root", str(full.disk), "--listen", "127.0.0.1:0", home=tmp_path)
            assert (refused.returncode, "Traceback" in refused.stderr) == (1, False)
            assert "is full" in refused.stderr
            assert "16 MiB" in refused.stderr
            full.make_room(ROOM)
            with started(tmp_path, **SELDOM) as program:
                Full(program, full.disk).wire.manifest("team/api", "v1").expect(200)

    def test_after_it_was_killed(self, tmp_path: Path) -> None:
        """Its log is still there, and what it says may need no room in the database."""
        with served(tmp_path, "100m", **SELDOM) as full:
            kept_before(full)
            full.program.__exit__(None, None, None)
            log = full.disk / "refloat" / "refloat.db-wal"
            assert log.stat().st_size > ROOM // 100
            full.fill()
            with started(tmp_path, **SELDOM) as program:
                Full(program, full.disk).wire.manifest("team/api", "v1").expect(200)
                assert log.stat().st_size == 0


def test_a_root_that_is_made_on_a_full_disk_is_refused_in_words(tmp_path: Path) -> None:
    with small_disk(tmp_path / "root", "8m") as disk:
        fill(disk)
        refused = refloat("serve", "--root", str(disk), "--listen", "127.0.0.1:0", home=tmp_path)
        assert (refused.returncode, "Traceback" in refused.stderr) == (1, False)
        assert "0.0 MB free" in refused.stderr
        assert "backups" not in refused.stderr  # there are none
