"""A server whose disk runs full: what was acknowledged stays, what makes room works, and what it says is true."""

import errno
import json
import os
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.disks import fill, free, small_disk
from tests.faults.library import NoCompiler, build
from tests.serve.program import Program, eventually, refloat
from tools.content import MANIFEST, Content, Part, digest_of, make_content
from tools.wire import Answer, Wire

API = "/v2/_refloat/v1"
LARGE = 1 << 20  # bytes: more than the database's log has left over from before
ROOM = 16 << 20  # bytes that a person is asked to make free
LAYER = os.urandom(8 << 20)
SOON = {"REGISTRY_REFLOAT_WINDOW": "1s", "REGISTRY_REFLOAT_LEASE": "1s", "REGISTRY_REFLOAT_GRAVEYARD": "1s"}
SELDOM = {"REGISTRY_REFLOAT_COLLECT_INTERVAL": "1h"}


@dataclass
class Full:
    """A server on a small disk, and somebody else who takes all of it."""

    program: Program
    disk: Path

    @property
    def wire(self) -> Wire:
        return Wire(self.program.url.removeprefix("http://"))

    @property
    def has_ballast(self) -> bool:
        return (self.disk / "refloat" / "ballast").exists()

    def fill(self) -> None:
        fill(self.disk)

    def make_room(self, size: int) -> None:
        filler = self.disk / "filler"
        os.truncate(filler, filler.stat().st_size - size)

    def manage(self, address: str, **body: object) -> Answer:
        token = (self.disk / "refloat" / "admin.token").read_text().strip()
        return self.wire.ask("POST", f"{API}/{address}", json.dumps(body).encode(), Refloat_Admin_Token=token)

    def begin_upload(self, repository: str = "team/api") -> str:
        return self.wire.ask("POST", f"/v2/{repository}/blobs/uploads/").expect(202).headers["location"]


@contextmanager
def served(place: Path, size: str, **settings: str) -> Iterator[Full]:
    """Serve a small disk at `place/root`, by one worker, until the block ends."""
    with small_disk(place / "root", size) as disk, started(place, **settings) as program:
        yield Full(program, disk)


@contextmanager
def started(place: Path, **settings: str) -> Iterator[Program]:
    with Program(place, **{"REGISTRY_REFLOAT_WORKERS": "1", **settings}) as program:
        assert program.ask("GET", "/v2/").status == 200  # by a worker that has opened everything
        yield program


def stopped(full: Full) -> None:
    """Stop a server: its log is in its database then, and takes no room."""
    full.program.process.terminate()
    assert full.program.ended() == 0


def noted(content: Content, note: str) -> Part:
    """Return the image with a large annotation: a manifest that takes room in the database only."""
    document = json.loads(content.amd64.body) | {"annotations": {"note": note.ljust(LARGE, ".")}}
    return Part(MANIFEST, json.dumps(document).encode())


def image(wire: Wire, repository: str, tag: str, layer: bytes) -> Part:
    """Push an image of one layer."""
    blobs = [Part("application/octet-stream", body) for body in (b"{}", layer)]
    for blob in blobs:
        wire.push_blob(repository, blob)
    config, only = [blob.descriptor() for blob in blobs]
    document = {"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [only]}
    manifest = Part(MANIFEST, json.dumps(document).encode())
    wire.push_manifest(repository, tag, manifest)
    return manifest


def error(answer: Answer) -> tuple[int, str, str]:
    """Return status, code and sentence of a refusal."""
    entry = json.loads(answer.body)["errors"][0]
    return answer.status, entry["code"], entry["message"]


def says_that_deletes_work(sentence: str) -> bool:
    return "deletes and undo still work" in sentence or "deletes, undo and pulls still work" in sentence


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


@dataclass(frozen=True)
class Before:
    """What a server had before the disk was filled: a change that deleted `gone`, and an upload under way."""

    change: str
    session: str


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


def kept_before(full: Full) -> Before:
    image(full.wire, "team/api", "v1", b"layer")
    image(full.wire, "team/api", "gone", b"other layer")
    full.wire.push_blob("team/api", Part("application/octet-stream", b"leased"))
    change = full.wire.delete("team/api", "gone").expect(202).headers["refloat-change"]
    full.manage("collect").expect(200)
    return Before(change, full.begin_upload())


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
        image(full.wire, "team/api", "v2", b"another layer")


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
            full.fill()
            with started(tmp_path, **SELDOM) as program:
                Full(program, full.disk).wire.manifest("team/api", "v1").expect(200)


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


def test_a_root_that_is_made_on_a_full_disk_is_refused_in_words(tmp_path: Path) -> None:
    with small_disk(tmp_path / "root", "8m") as disk:
        fill(disk)
        refused = refloat("serve", "--root", str(disk), "--listen", "127.0.0.1:0", home=tmp_path)
        assert (refused.returncode, "Traceback" in refused.stderr) == (1, False)
        assert "0.0 MB free" in refused.stderr
        assert "backups" not in refused.stderr  # there are none
