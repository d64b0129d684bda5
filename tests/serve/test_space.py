"""The database's own room: what large indexes took of it comes back to the disk, and until then it is shown."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from tests.conftest import Serve
from tests.disks import fill, small_disk
from tests.serve.program import Program, environment, refloat
from tools.content import INDEX, Content, make_content
from tools.serving import Served, wait_until
from tools.wire import Wire

SHORT = {f"REGISTRY_REFLOAT_{name}": "1s" for name in ("WINDOW", "GRAVEYARD", "LEASE")}
ROOM = 8 << 20  # bytes
MOST_ROUNDS = 20
INDEXES, CHILDREN = 4, 20_000
JUNK = 12_000  # pages


def large_index(number: int, children: int = CHILDREN) -> bytes:
    """Return an index of children that nobody has."""
    entries = [{"digest": f"sha256:{number * 1_000_000 + child:064x}"} for child in range(children)]
    return json.dumps({"schemaVersion": 2, "manifests": entries}, separators=(",", ":")).encode()


def sizes(root: Path) -> list[int]:
    """Return the bytes of the database and of its log."""
    files = [root / "refloat" / name for name in ("refloat.db", "refloat.db-wal")]
    return [file.stat().st_size if file.exists() else 0 for file in files]


def database(root: Path) -> sqlite3.Connection:
    return sqlite3.connect(root / "refloat" / "refloat.db", isolation_level=None)


def make_old(root: Path) -> None:
    """Give a stopped registry's database what one of an older version has: no way to give back pages, and free ones."""
    with closing(database(root)) as rows:
        rows.execute("PRAGMA journal_mode = DELETE")
        rows.execute("PRAGMA auto_vacuum = NONE")
        rows.execute("VACUUM")
        rows.execute("CREATE TABLE junk (page BLOB)")
        rows.execute("BEGIN")
        rows.executemany("INSERT INTO junk VALUES (?)", [(bytes(4000),)] * JUNK)
        rows.execute("COMMIT")


def test_what_was_deleted_gives_the_room_of_its_rows_back(serve: Serve) -> None:
    served = serve(**SHORT)
    before = sizes(served.root)
    for number in range(INDEXES):
        path = f"/v2/team/large/manifests/v{number}"
        served.wire.ask("PUT", path, large_index(number), Content_Type=INDEX).expect(201)
    assert sum(sizes(served.root)) > sum(before) + ROOM
    removal = json.dumps({"repositories": ["team/large"]}).encode()
    served.wire.ask("POST", "/v2/_refloat/v1/remove", removal).expect(200, 201)
    for _ in range(MOST_ROUNDS):
        served.wire.ask("POST", "/v2/_refloat/v1/collect", b"{}").expect(200)
        if all(now <= then + ROOM for now, then in zip(sizes(served.root), before, strict=True)):
            break
        wait_until(lambda: _is_over(served), 30, lambda: "the window does not end")
    assert [now <= then + ROOM for now, then in zip(sizes(served.root), before, strict=True)] == [True, True]
    with closing(database(served.root)) as rows:
        assert rows.execute("SELECT count(*) FROM refs").fetchone() == (0,)


def _is_over(served: Served) -> bool:
    """Has a round let go of everything?"""
    served.wire.ask("POST", "/v2/_refloat/v1/collect", b"{}").expect(200)
    with closing(database(served.root)) as rows:
        (held,) = rows.execute("SELECT count(*) FROM moves WHERE held IS NOT NULL").fetchone()
    return int(held) == 0


def test_du_shows_what_the_database_takes(serve: Serve) -> None:
    served = serve()
    served.wire.ask("PUT", "/v2/team/large/manifests/v1", large_index(1), Content_Type=INDEX).expect(201)
    told = json.loads(served.wire.ask("GET", "/v2/_refloat/v1/usage").expect(200).body)
    with closing(database(served.root)) as rows:
        (pages,), (free,) = (rows.execute(f"PRAGMA {name}").fetchone() for name in ("page_count", "freelist_count"))
    _, log = sizes(served.root)
    assert told["database"] == {"size": pages * 4096, "log": log, "free": free * 4096, "shrinks": True}
    assert json.loads(served.refloat("du", "--json").stdout)["database"] == told["database"]


def test_an_older_database_is_written_anew_by_compact(serve: Serve) -> None:
    served, content = serve(), make_content("compact")
    served.wire.push("team/api", "v1", content)
    served.stop()
    make_old(served.root)
    _drop_junk(served.root)
    old, _ = sizes(served.root)
    served.start()
    told = served.refloat("du", "--json").stdout
    assert json.loads(told)["database"]["free"] > JUNK * 4000
    assert not json.loads(told)["database"]["shrinks"]
    running = refloat("compact", "--root", str(served.root), home=served.root.parent)
    assert (running.returncode, "has" in running.stderr) == (7, True)
    served.stop()
    planned = refloat("compact", "--root", str(served.root), "-n", home=served.root.parent)
    assert (planned.returncode, "needs" in planned.stdout) == (0, True)
    assert sizes(served.root)[0] == old
    done = refloat("compact", "--root", str(served.root), home=served.root.parent)
    assert (done.returncode, done.stderr) == (0, "")
    assert sum(sizes(served.root)) < old - JUNK * 4000
    _assert_sound(served.root)
    served.start()
    assert json.loads(served.refloat("du", "--json").stdout)["database"]["shrinks"]
    assert all(served.wire.read("team/api", part).body == part.body for part in content.everything)


def test_compact_that_is_killed_leaves_the_database_as_it_was(serve: Serve) -> None:
    served, content = serve(), make_content("killed")
    served.wire.push("team/api", "v1", content)
    served.stop()
    make_old(served.root)  # all of it has to be written
    ours = served.root / "refloat"
    command = [sys.executable, "-m", "refloat", "compact", "--root", str(served.root)]
    for place in (".refloat.db.compact", "refloat.db-wal"):  # while it is written, and while it takes its place
        compacting = subprocess.Popen(command, env=environment({}, served.root.parent), stdout=subprocess.DEVNULL)
        wait_until(
            lambda: compacting.poll() is not None or _has_grown(ours / place),  # noqa: B023
            60, lambda: "nothing is written",
        )  # fmt: skip
        compacting.send_signal(signal.SIGKILL)
        compacting.wait()
        _assert_sound(served.root)
    _drop_junk(served.root)
    assert refloat("compact", "--root", str(served.root), home=served.root.parent).returncode == 0
    assert not (ours / ".refloat.db.compact").exists()
    served.start()
    assert all(served.wire.read("team/api", part).body == part.body for part in content.everything)


def test_compact_says_what_it_lacks_and_changes_nothing(tmp_path: Path) -> None:
    content = make_content("no room")
    with small_disk(tmp_path / "root", "300m") as disk:
        _push(tmp_path, content)
        make_old(disk)
        old = sizes(disk)
        filler = fill(disk)
        os.truncate(filler, filler.stat().st_size - (4 << 20))
        refused = refloat("compact", "--root", str(disk), home=tmp_path)
        assert (refused.returncode, "too little room" in refused.stderr) == (1, True)
        assert sizes(disk)[0] == old[0]
        filler.unlink()
        _assert_sound(disk)


def _push(place: Path, content: Content) -> None:
    with Program(place, REGISTRY_REFLOAT_RESERVE="0%") as program:
        Wire(program.url.removeprefix("http://")).push("team/api", "v1", content)
        program.send(signal.SIGTERM)
        program.ended()


def _has_grown(path: Path) -> bool:
    return path.exists() and path.stat().st_size > 1 << 20


def _drop_junk(root: Path) -> None:
    with closing(database(root)) as rows:
        rows.execute("DROP TABLE junk")


def _assert_sound(root: Path) -> None:
    with closing(database(root)) as rows:
        assert rows.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert rows.execute("PRAGMA foreign_key_check").fetchall() == []
