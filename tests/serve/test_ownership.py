"""What a server keeps is its user's alone, whatever the umask, and no link in its directory leads anywhere."""

import json
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli.conftest import Shell
from tests.programs import needed_root
from tests.serve.program import Program, refloat
from tools.content import MANIFEST, Part, digest_of
from tools.wire import Wire

API = "/v2/_refloat/v1"
OTHERS = 0o077
SOMEBODY = 12345  # a user that is nobody's
PRECIOUS = b"precious\n"


@contextmanager
def umask(mask: int) -> Iterator[None]:
    """Let what is started in the block have this umask."""
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


@contextmanager
def served(place: Path, mask: int = 0o022, **settings: str) -> Iterator[Program]:
    """Serve `place/root`, under a umask, until the block ends."""
    place.mkdir(exist_ok=True)
    with umask(mask):
        program = Program(place, **settings)
    with program:
        assert program.ask("GET", "/v2/").status == 200  # by a worker that has opened everything
        yield program


def wire_of(program: Program) -> Wire:
    return Wire(program.url.removeprefix("http://"))


def image(wire: Wire, tag: str, layer: bytes) -> Part:
    blobs = [Part("application/octet-stream", body) for body in (b"{}", layer)]
    for blob in blobs:
        wire.push_blob("team/api", blob)
    config, only = [blob.descriptor() for blob in blobs]
    document = {"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [only]}
    manifest = Part(MANIFEST, json.dumps(document).encode())
    wire.push_manifest("team/api", tag, manifest)
    return manifest


def live(program: Program) -> None:
    """Do all that makes files: an image, an upload under way, a round, a backup, a purge."""
    wire = wire_of(program)
    image(wire, "v1", b"a layer")
    image(wire, "v2", b"another layer")
    session = wire.ask("POST", "/v2/team/api/blobs/uploads/").expect(202).headers["location"]
    wire.ask("PATCH", session, b"some bytes").expect(202)
    token = (program.root / "refloat" / "admin.token").read_text().strip()
    for address, body in (("collect", {}), ("purge", {"image": "team/api:v2"})):
        answer = wire.ask("POST", f"{API}/{address}", json.dumps(body).encode(), Refloat_Admin_Token=token)
        answer.expect(200, 201)


def open_to_others(*places: Path) -> list[str]:
    """Return what others than its owner may read, write or enter."""
    found = [path for place in places for path in (place, *place.rglob("*"))]
    return [f"{path} {path.lstat().st_mode & 0o777:o}" for path in found if path.lstat().st_mode & OTHERS]


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o277], ids=oct)
def test_everything_is_its_owners_alone_whatever_the_umask(mask: int, tmp_path: Path) -> None:
    with served(tmp_path, mask) as program:
        live(program)
        names = {path.name for path in (program.root / "refloat").iterdir()}
        assert {"refloat.db", "refloat.db-wal", "refloat.db-shm", "backups", "purges.jsonl", ".epoch"} <= names
        assert open_to_others(program.root) == []
        kinds = {stat.S_ISDIR(path.lstat().st_mode): path.lstat().st_mode & 0o777 for path in program.root.rglob("*")}
        assert kinds == {True: 0o700, False: 0o600}
        stray = program.root / "refloat" / "incoming" / "0199e7f0-6b1c-7000-8000-000000000000"
        stray.write_bytes(b"whose?")
        stray.chmod(0o600)
        program.process.terminate()
        assert program.ended() == 0
    with umask(mask):
        refloat("verify", "--repair", "--root", str(program.root), home=tmp_path)
        refloat("clock", "accept", "--root", str(program.root), home=tmp_path)
    assert open_to_others(program.root) == []


def test_a_database_elsewhere_is_its_owners_alone_too(tmp_path: Path) -> None:
    with served(tmp_path / "a", 0, REGISTRY_REFLOAT_DATABASE=str(tmp_path / "rows" / "here" / "rows.db")) as program:
        live(program)
        assert open_to_others(program.root, tmp_path / "rows") == []


def test_what_was_open_is_closed_at_the_start(tmp_path: Path) -> None:
    with served(tmp_path) as program:
        live(program)
        program.process.kill()
        program.ended()
    for path in program.root.rglob("*"):
        path.chmod(0o777 if path.is_dir() else 0o666)
    with served(tmp_path) as program:
        assert wire_of(program).manifest("team/api", "v1").status == 200
        ours = program.root / "refloat"
        blobs = open_files(ours / "incoming", ours / "objects")  # nobody can get at those any more
        assert set(open_to_others(ours)) == {f"{path} 666" for path in blobs}
        assert "admin.token could be read by others until now" in program.said()
        assert "everybody may write in" not in program.said()
    program.root.chmod(0o777)
    with served(tmp_path) as program:
        assert f"everybody may write in {program.root}" in program.said()


def open_files(*places: Path) -> list[Path]:
    return [path for place in places for path in place.rglob("*") if path.is_file()]


LINKED = ("lock", "refloat.db", "collector.lock", ".epoch", "purges.jsonl", "admin.token", "ballast", "objects",
          "incoming", "backups", "quarantine", "objects/20261130", "backups/refloat-20261130T000000Z.db")  # fmt: skip


@pytest.mark.parametrize("name", LINKED)
def test_a_link_in_the_directory_is_refused_and_what_it_leads_to_stays(name: str, tmp_path: Path) -> None:
    victim, ours = tmp_path / "victim", tmp_path / "root" / "refloat"
    is_directory = "." not in name and name not in ("lock", "ballast")
    if is_directory:
        victim.mkdir()
        (victim / "kept").write_bytes(PRECIOUS)
    else:
        victim.write_bytes(PRECIOUS)
    (ours / name).parent.mkdir(parents=True)
    (ours / "objects").mkdir(exist_ok=True) if name != "objects" else None
    (ours / name).symlink_to(victim)
    for command in (("serve", "--check-config"), ("serve", "--listen", "127.0.0.1:0"), ("clock",), ("verify",)):
        if command[0] in ("clock", "verify") and name != "refloat.db":
            continue  # they do not begin without a database
        done = start(tmp_path, *command)
        assert done.returncode == 1, command
        assert f"{name} is a symbolic link, and none is followed" in done.stderr
        assert "Traceback" not in done.stderr
    files = [victim / "kept"] if is_directory else [victim]
    assert [path.read_bytes() for path in files] == [PRECIOUS]
    assert not is_directory or list(victim.iterdir()) == files


def start(place: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a command on `place/root`; one that serves is ended as soon as it does."""
    verb, *more = command
    return subprocess.run(
        [sys.executable, "-m", "refloat", verb, *more, "--root", str(place / "root")],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=5, check=False,
        env={**os.environ, "HOME": str(place)},
    )  # fmt: skip


def test_a_directory_that_is_a_link_itself_is_refused_but_its_root_may_be_one(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / "root").symlink_to(elsewhere)
    with served(tmp_path) as program:
        image(wire_of(program), "v1", b"a layer")
        program.process.terminate()
        assert program.ended() == 0
    with served(tmp_path) as program:
        assert wire_of(program).manifest("team/api", "v1").status == 200
    (elsewhere / "refloat").rename(tmp_path / "moved")
    (elsewhere / "refloat").symlink_to(tmp_path / "moved")
    done = start(tmp_path, "serve", "--listen", "127.0.0.1:0")
    assert (done.returncode, "is a symbolic link" in done.stderr) == (1, True)


def test_a_file_that_became_a_link_is_not_served_and_a_push_brings_it_back(tmp_path: Path) -> None:
    with served(tmp_path) as program:
        wire, layer = wire_of(program), b"a layer of some length"
        image(wire, "v1", layer)
        secret = tmp_path / "secret"
        secret.write_bytes(layer[::-1])
        (path,) = [path for path in open_files(program.root / "refloat" / "objects") if path.read_bytes() == layer]
        path.unlink()
        path.symlink_to(secret)
        for method in ("GET", "HEAD"):
            wire.ask(method, f"/v2/team/api/blobs/{digest_of(layer)}").expect(404)
        image(wire, "v1", layer)
        assert wire.blob("team/api", digest_of(layer)).body == layer
        assert secret.read_bytes() == layer[::-1]


@pytest.mark.parametrize("verb", ["serve", "clock"])
def test_a_directory_of_somebody_else_is_refused(verb: str, tmp_path: Path) -> None:
    needed_root()
    with served(tmp_path) as program:
        image(wire_of(program), "v1", b"a layer")
        program.process.terminate()
        assert program.ended() == 0
    os.chown(program.root / "refloat", SOMEBODY, SOMEBODY)
    done = start(tmp_path, verb, *(["--listen", "127.0.0.1:0"] if verb == "serve" else []))
    assert done.returncode == 1
    assert f"belongs to user {SOMEBODY}" in done.stderr


@pytest.mark.parametrize("verb", ["serve", "verify"])
def test_who_may_not_look_into_a_directory_is_told_so(verb: str, tmp_path: Path) -> None:
    needed_root()
    with served(tmp_path) as program:
        program.process.terminate()
        assert program.ended() == 0
    (program.root / "refloat").chmod(0)
    poorer = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all", sys.executable]
    done = subprocess.run(
        [*poorer, "-m", "refloat", verb, "--root", str(program.root)],
        capture_output=True, text=True, timeout=30, check=False, env={**os.environ, "HOME": str(tmp_path)},
    )  # fmt: skip
    assert (done.returncode, "Traceback" in done.stderr) == (1, False), done.stderr
    assert "Permission denied" in done.stderr


class TestCommand:
    """What the command keeps and reads beside the server."""

    def test_its_memory_is_its_users_alone(self, tmp_path: Path) -> None:
        with served(tmp_path / "server") as program:
            image(wire_of(program), "v1", b"a layer")
            person = Shell(tmp_path / "home", program.url.removeprefix("http://"))
            person.home.mkdir()
            with umask(0):
                assert person("rm", "team/api:v1").code == 0
        assert [path for path in open_files(tmp_path / "home") if "last" in path.parts]
        assert open_to_others(*(tmp_path / "home").iterdir()) == []

    def test_no_link_is_followed_from_a_servers_directory(self, tmp_path: Path) -> None:
        """Whoever may make the directory may choose what file is shown to a server as its admin token."""
        with served(tmp_path / "server") as program:
            image(wire_of(program), "v1", b"a layer")
            token = program.root / "refloat" / "admin.token"
            shutil.copy(token, tmp_path / "a secret")
            root = tmp_path / "root" / "refloat"
            root.mkdir(parents=True)
            (root / "admin.token").symlink_to(tmp_path / "a secret")
            (tmp_path / "home").mkdir()
            person = Shell(tmp_path / "home", program.url.removeprefix("http://"))
            done = person("purge", "team/api:v1", "--yes", "--root", str(tmp_path / "root"))
            assert (done.code, "symbolic links" in done.err) == (4, True), done.err
            wire_of(program).manifest("team/api", "v1").expect(200)
            person.environment["REFLOAT_ADMIN_TOKEN_FILE"] = str(root / "admin.token")  # a person names this one
            assert person("purge", "team/api:v1", "--yes").code == 0
