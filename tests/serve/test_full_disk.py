"""A server whose disk runs full: a push takes nothing that is kept back, and what makes room works at the first try."""

import errno
import os
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import pytest

from tests.disks import fill, free, small_disk
from tests.faults.library import NoCompiler, build
from tests.serve.full import (
    LAYER,
    SELDOM,
    SOON,
    Before,
    Full,
    error,
    image,
    kept_before,
    noted,
    says_that_deletes_work,
    served,
    started,
    stopped,
)  # fmt: skip
from tests.serve.program import eventually
from tools.content import MANIFEST, digest_of, make_content
from tools.wire import Answer, Wire


def test_a_full_disk_ends_no_worker_and_a_push_takes_nothing_that_is_kept_back(tmp_path: Path) -> None:
    content = make_content("full disk")
    with served(tmp_path, "192m") as full:
        full.wire.push("team/api", "v1", content)
        session, workers = full.begin_upload(), full.program.workers()
        assert full.has_ballast
        full.fill()
        note, mounted = noted(content, "v2"), f"?mount={content.blobs[0].digest}&from=team/api"
        for method, path, body in (
            ("PUT", "/v2/team/api/manifests/v2", note.body),
            ("POST", "/v2/team/api/blobs/uploads/", b""),
            ("POST", f"/v2/team/api/blobs/uploads/?digest={digest_of(b'x')}", b"x"),
            ("POST", f"/v2/team/web/blobs/uploads/{mounted}", b""),
            ("PATCH", session, b"x"),
            ("PUT", f"{session}?digest={digest_of(b'x')}", b"x"),
        ):
            status, code, sentence = error(full.wire.ask(method, path, body, Content_Type=MANIFEST))
            assert (status, code) == (507, "STORAGE_FULL"), (method, path)
            assert says_that_deletes_work(sentence)
        assert full.has_ballast
        assert full.wire.manifest("team/api", "v1").body == content.index.body
        full.wire.delete("team/api", "v1").expect(202)
        assert all(full.wire.read("team/api", part).body == part.body for part in content.everything[:-2])
        assert full.program.workers() == workers
        assert "the database failed" not in full.program.said()


ACTS: dict[str, Callable[[Full, Before], Answer]] = {
    "DELETE of a tag": lambda full, _: full.wire.delete("team/api", "v1"),
    "DELETE of a blob": lambda full, _: full.wire.ask("DELETE", f"/v2/team/api/blobs/{digest_of(b'leased')}"),
    "the end of an upload": lambda full, before: full.wire.ask("DELETE", before.session),
    "rm": lambda full, _: full.manage("remove", images=["team/api:v*"]),
    "undo": lambda full, before: full.manage(f"changes/{before.change}/undo"),
    "restore": lambda full, _: full.manage("repositories/team/api/restore", reference="gone"),
    "purge": lambda full, _: full.manage("purge", image="team/api:v1"),
    "collect": lambda full, _: full.manage("collect"),
}


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
def test_the_first_that_makes_room_on_a_disk_somebody_filled_does(
    act: Callable[[Full, Before], Answer], tmp_path: Path
) -> None:
    with served(tmp_path, "256m", **SELDOM) as full:
        before = kept_before(full)
        stopped(full)
        with started(tmp_path, **SELDOM) as program:  # whose log is empty, and needs room at once
            again = Full(program, full.disk)
            assert again.has_ballast
            again.fill()
            done = act(again, before)
            assert done.status in (200, 201, 202, 204), done.body
            assert "Traceback" not in program.said()


def test_manifests_leave_the_reserve_and_what_is_kept_back(tmp_path: Path) -> None:
    """They lie in the database, which takes them twice: in its log, and when that is brought into its file."""
    reserve = {"REGISTRY_REFLOAT_RESERVE": "10%"}
    with served(tmp_path, "256m", **SELDOM, **SOON, **reserve) as full:
        pushed, content = [], make_content("many manifests")
        full.wire.push("team/api", "v1", content)
        for number in range(200):
            note = noted(content, f"{number}")
            answer = full.wire.ask("PUT", f"/v2/team/api/manifests/n{number}", note.body, Content_Type=MANIFEST)
            if answer.status != 201:
                break
            pushed.append(note)
        assert error(answer)[:2] == (507, "STORAGE_FULL")
        assert says_that_deletes_work(error(answer)[2])
        assert len(pushed) > 20
        size = os.statvfs(full.disk).f_blocks * os.statvfs(full.disk).f_frsize
        assert free(full.disk) >= size // 10
        assert full.has_ballast
        full.manage("remove", images=["team/api:n*"]).expect(201)
        for note in pushed:
            full.wire.manifest("team/api", note.digest).expect(404)
        assert all(full.wire.read("team/api", part).body == part.body for part in content.everything)


def test_uploads_that_are_refused_take_no_room(tmp_path: Path) -> None:
    with served(tmp_path, "64m", **SELDOM) as full:
        session = full.begin_upload()
        full.wire.ask("PATCH", session, LAYER).expect(202)
        before = free(full.disk)
        assert error(full.wire.ask("PATCH", session, LAYER * 9))[:2] == (507, "STORAGE_FULL")
        for _ in range(3):
            with suppress(OSError), closing(full.program.connect()) as endless:  # is refused while it sends
                endless.request("PATCH", session, iter([LAYER] * 9), {"Transfer-Encoding": "chunked"})
        eventually(lambda: free(full.disk) > before - (1 << 20), "what was refused takes room")
        full.wire.ask("PUT", f"{session}?digest={digest_of(LAYER)}", b"").expect(201)
        assert full.wire.blob("team/api", digest_of(LAYER)).body == LAYER


@pytest.mark.parametrize("word", ["a log", "an access log"])
def test_a_log_on_the_full_disk_holds_nobody_up(word: str, tmp_path: Path) -> None:
    with small_disk(tmp_path / "logs", "8m") as logs:
        name = "log" if word == "a log" else "access"
        (tmp_path / name).symlink_to(logs / name)
        (logs / name).touch()
        fill(logs)
        with started(tmp_path, **SELDOM) as program:
            wire = Wire(program.url.removeprefix("http://"))
            image(wire, "team/api", "v1", b"layer")
            wire.delete("team/api", "v1").expect(202)
            program.process.terminate()
            assert program.ended() == 0


def test_a_quota_is_a_full_disk_and_no_broken_one(tmp_path: Path) -> None:
    """SQLite tells of it as of any write that failed; it is asked what it was."""
    try:
        library = build()
    except NoCompiler as missing:
        pytest.skip(str(missing))
    marker = tmp_path / "the quota is used up"
    over = {
        "LD_PRELOAD": str(library), "FAIL_UNDER": str(tmp_path / "root"), "FAIL_WHILE": str(marker),
        "FAIL_ERRNO": str(errno.EDQUOT), "FAIL_ONLY": "pwrite64",
    }  # fmt: skip
    with started(tmp_path, **SELDOM, **over) as program:
        full = Full(program, tmp_path / "root")
        kept_before(full)
        workers = program.workers()
        marker.touch()
        for refused in (full.wire.ask("POST", "/v2/team/api/blobs/uploads/"), full.wire.delete("team/api", "v1")):
            assert error(refused)[:2] == (507, "STORAGE_FULL")
        marker.unlink()
        full.wire.delete("team/api", "v1").expect(202)
        assert program.workers() == workers
        assert "the database failed" not in program.said()


def test_a_database_on_another_disk_has_its_own_room_kept_back(tmp_path: Path) -> None:
    """What fills is its disk; blobs have plenty, and nothing of theirs would help."""
    with small_disk(tmp_path / "rows", "256m") as rows:
        elsewhere = {"REGISTRY_REFLOAT_DATABASE": str(rows / "rows.db"), **SELDOM}
        with started(tmp_path, **elsewhere) as program:
            before = kept_before(Full(program, tmp_path / "root"))
            stopped(Full(program, tmp_path / "root"))
        with started(tmp_path, **elsewhere) as program:
            full = Full(program, tmp_path / "root")
            fill(rows)
            refused = full.wire.ask("POST", "/v2/team/api/blobs/uploads/?digest=" + digest_of(b"x"), b"x")
            assert error(refused)[:2] == (507, "STORAGE_FULL")
            assert says_that_deletes_work(error(refused)[2])
            full.wire.delete("team/api", "v1").expect(202)
            full.manage(f"changes/{before.change}/undo").expect(201)
