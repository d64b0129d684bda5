"""Directories that an older program left: only a server brings them up to date, all of it or nothing."""

import hashlib
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from refloat.metadata.migrations import STEPS
from tests.disks import fill, small_disk
from tests.older import make_older, schema_of
from tests.serve.program import DEADLINE, Program, environment, refloat
from tools.content import Content, make_content
from tools.wire import Wire

CURRENT = len(STEPS)
LOOKS = (
    ("clock",), ("clock", "show"), ("clock", "accept"), ("verify",), ("verify", "--repair"),
    ("verify", "--deep", "--repair"),
)  # fmt: skip
FULL = "error: the disk has "


@pytest.fixture(scope="module")
def content() -> Content:
    return make_content("upgrades")


def fill_registry(place: Path, content: Content) -> None:
    """Push and delete at a server of today, and end it."""
    with Program(place) as program:
        wire = Wire(program.url.removeprefix("http://"))
        for tag in ("v1", "v2"):
            wire.push("team/api", tag, content)
        wire.delete("team/api", "v2").expect(202)
        program.process.terminate()
        program.ended()
        (program.root / "refloat" / "ballast").unlink(missing_ok=True)

def is_whole(program: Program, content: Content) -> bool:
    wire = Wire(program.url.removeprefix("http://"))
    answers = [wire.read("team/api", part) for part in content.everything]
    return [(each.status, each.body) for each in answers] == [(200, part.body) for part in content.everything]


def seen(root: Path) -> dict[str, str]:
    """Return what lies in a data directory; in its lock is written who had it last."""
    files = {str(path.relative_to(root)): path for path in root.rglob("*") if path.is_file() and path.name != "lock"}
    return {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in files.items()}


def serve(root: Path, *before: str) -> subprocess.CompletedProcess[str]:
    """Start a server that is to refuse; return how it ended."""
    command = [*(before or ("refloat",)), "serve", "--root", str(root), "--listen", "127.0.0.1:0"]
    return subprocess.run(
        [sys.executable, "-m", *command], env=environment({}, root.parent), stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=DEADLINE, check=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory, content: Content) -> Path:
    """The root of a registry of today, which is copied and left as it is."""
    place = tmp_path_factory.mktemp("filled")
    fill_registry(place, content)
    return place / "root"


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory, filled: Path) -> Path:
    """The root of a registry of schema 5; who looks at it leaves it as it is."""
    root = tmp_path_factory.mktemp("older") / "root"
    make_older(copied(filled, root), 5)
    return root


def copied(filled: Path, root: Path) -> Path:
    """Copy a registry's files. Returns the database among them."""
    shutil.copytree(filled, root, dirs_exist_ok=True)
    return root / "refloat" / "refloat.db"


@pytest.mark.parametrize("words", LOOKS, ids=" ".join)
def test_who_looks_leaves_an_older_directory_as_it_is(words: tuple[str, ...], left: Path) -> None:
    before = seen(left)
    ended = refloat(*words, "--root", str(left), home=left.parent)
    assert (ended.returncode, ended.stdout) == (1, "")
    sentence, hint = ended.stderr.splitlines()
    assert f"has schema 5, and this one knows {CURRENT}" in sentence
    assert "`refloat serve` brings it up to date" in hint
    assert seen(left) == before


@pytest.mark.parametrize("words", LOOKS, ids=" ".join)
def test_who_looks_after_a_crash_leaves_the_rows_where_they_are(
    words: tuple[str, ...], tmp_path: Path, left: Path
) -> None:
    """What a killed server wrote last is in the log alone: it is read there, and stays there."""
    ours = tmp_path / "root" / "refloat"
    ours.mkdir(parents=True)
    (ours / "refloat.db").write_bytes((left / "refloat" / "refloat.db").read_bytes())
    crash = f"""if True:
        import os, sqlite3
        rows = sqlite3.connect({str(ours / "refloat.db")!r}, isolation_level=None)
        rows.execute("DELETE FROM schema_version WHERE version = 5")
        os.kill(os.getpid(), 9)"""
    subprocess.run([sys.executable, "-c", crash], check=False)
    before = {name: what for name, what in seen(tmp_path).items() if not name.endswith("-shm")}
    assert any(name.endswith("-wal") for name in before)
    ended = refloat(*words, "--root", str(tmp_path / "root"), home=tmp_path)
    assert ended.returncode == 1
    assert f"has schema 4, and this one knows {CURRENT}" in ended.stderr
    assert {name: what for name, what in seen(tmp_path).items() if not name.endswith("-shm")} == before


@pytest.mark.parametrize("words", LOOKS, ids=" ".join)
def test_who_looks_makes_no_database_of_an_empty_file(words: tuple[str, ...], tmp_path: Path) -> None:
    ours = tmp_path / "root" / "refloat"
    ours.mkdir(parents=True)
    (ours / "refloat.db").touch()
    ended = refloat(*words, "--root", str(tmp_path / "root"), home=tmp_path)
    assert ended.returncode == 1
    assert "refloat.db is not the database of a registry" in ended.stderr
    assert sorted(path.name for path in ours.iterdir() if path.name != "lock") == ["refloat.db"]
    assert (ours / "refloat.db").stat().st_size == 0


@pytest.mark.parametrize("schema", range(1, CURRENT))
def test_a_server_brings_every_schema_up_to_date(
    schema: int, tmp_path: Path, filled: Path, content: Content
) -> None:
    database = make_older(copied(filled, tmp_path / "root"), schema)
    with Program(tmp_path) as program:
        assert f"from schema {schema} to {CURRENT}, needs about " in program.said()
        assert is_whole(program, content)
    assert schema_of(database) == CURRENT
    checked = refloat("verify", "--deep", "--root", str(tmp_path / "root"), home=tmp_path)
    assert checked.returncode == 0, checked


def test_images_beside_an_empty_database_are_not_served_as_an_empty_registry(tmp_path: Path, filled: Path) -> None:
    database = copied(filled, tmp_path / "root")
    database.write_bytes(b"")
    ended = serve(tmp_path / "root")
    assert ended.returncode == 1
    assert f"holds images, but their database {database} is empty; the registry would look empty" in ended.stderr
    assert database.stat().st_size == 0


class Tight:
    """A registry of schema 5 on a small disk, of which all but `free` bytes are taken."""

    def __init__(self, place: Path, disk: Path, content: Content, left: Path) -> None:
        self.place, self.disk, self.content = place, disk, content
        self.database = copied(left, disk)
        self.filler = disk / "filler"

    def leave(self, free: int) -> None:
        self.filler = fill(self.disk)
        with self.filler.open("r+b") as file:
            file.truncate(self.filler.stat().st_size - free)

    def starts(self) -> bool:
        """Give the room back; does a server start then, with all that was there?"""
        self.filler.unlink()
        with Program(self.place) as program:
            return is_whole(program, self.content) and schema_of(self.database) == CURRENT


@pytest.fixture
def tight(tmp_path: Path, content: Content, left: Path) -> Iterator[Tight]:
    with small_disk(tmp_path / "root", "64m") as disk:
        yield Tight(tmp_path, disk, content, left)


@pytest.mark.parametrize("free", [0, 100_000, 1_500_000])
def test_an_update_that_the_disk_has_no_room_for_is_not_begun(free: int, tight: Tight) -> None:
    tight.leave(free)
    before = seen(tight.database.parent)
    ended = serve(tight.disk)
    assert ended.returncode == 1
    sentence, hint = ended.stderr.splitlines()[-2:]
    assert sentence.startswith(f"{FULL}{free / 1e6:.1f} MB free, and bringing {tight.database} up to date, ")
    assert "needs about 2." in sentence
    assert sentence.endswith(": nothing was changed, and the refloat that knows schema 5 still serves it")
    assert hint == "  hint: make room on that disk and try again"
    assert seen(tight.database.parent) == before
    assert tight.starts()


def test_the_log_of_an_update_that_was_killed_is_room_for_the_next(tight: Tight) -> None:
    crash = f"""if True:
        import os, sqlite3
        rows = sqlite3.connect({str(tight.database)!r}, isolation_level=None)
        rows.execute("BEGIN")
        rows.execute("CREATE TABLE padding (body BLOB)")
        rows.execute("INSERT INTO padding VALUES (randomblob(9000000))")
        os.kill(os.getpid(), 9)"""
    subprocess.run([sys.executable, "-c", crash], check=False)
    log = tight.database.with_name("refloat.db-wal")
    assert log.stat().st_size > 4_000_000  # of what did not fit into memory, and was never committed
    tight.leave(100_000)
    with Program(tight.place) as program:
        assert is_whole(program, tight.content)
    assert schema_of(tight.database) == CURRENT


@pytest.mark.parametrize("statement", ["BEGIN IMMEDIATE", "UPDATE refs SET size", "CREATE TRIGGER", "COMMIT"])
def test_a_disk_that_fills_during_an_update_leaves_the_database_as_it_was(statement: str, tight: Tight) -> None:
    with closing(sqlite3.connect(tight.database)) as rows, rows:  # more than fits into what SQLite keeps in memory
        rows.execute("CREATE TABLE padding (body BLOB)")
        rows.execute("INSERT INTO padding SELECT randomblob(4000000)")
        rows.execute("DROP TABLE padding")
    with closing(sqlite3.connect(tight.database)) as rows:
        before = list(rows.iterdump())
    ended = serve(tight.disk, "tests.serve.upgrading", statement, str(tight.disk / "filler"))
    assert ended.returncode == 1, ended
    sentence, hint = ended.stderr.splitlines()[-2:]
    assert sentence.startswith(FULL)
    assert sentence.endswith(": nothing was changed, and the refloat that knows schema 5 still serves it")
    assert hint == "  hint: make room on that disk and try again"
    assert schema_of(tight.database) == 5
    assert not tight.database.with_name("refloat.db-wal").exists()  # what it had taken of the disk is given back
    with closing(sqlite3.connect(tight.database)) as rows:
        assert list(rows.iterdump()) == before
    assert tight.starts()


@pytest.mark.parametrize("free", [0, 300_000])
def test_a_new_registry_on_a_full_disk_is_not_begun(free: int, tmp_path: Path) -> None:
    with small_disk(tmp_path / "root", "16m") as disk:
        (disk / "refloat").mkdir()
        (disk / "refloat" / "lock").touch()
        filler = fill(disk)
        with filler.open("r+b") as file:
            file.truncate(filler.stat().st_size - free)
        ended = serve(disk)
        assert ended.returncode == 1
        assert f"{FULL}{free / 1e6:.1f} MB free, and a new database at " in ended.stderr
        assert ended.stderr.splitlines()[-2].endswith("more: nothing was made")
        assert sorted(path.name for path in (disk / "refloat").iterdir()) == ["lock"]
        filler.unlink()
        with Program(tmp_path) as program:
            assert program.ask("GET", "/v2/").status == 200


def test_only_a_broken_database_is_said_to_have_copies(tmp_path: Path, left: Path) -> None:
    ours = tmp_path / "root" / "refloat"
    ours.mkdir(parents=True)
    body = (left / "refloat" / "refloat.db").read_bytes()
    (ours / "refloat.db").write_bytes(body[:4096] + b"\xff" * (len(body) - 4096))
    ended = serve(tmp_path / "root")
    assert ended.returncode == 1
    assert f"{ours}/backups has copies of it" in ended.stderr
