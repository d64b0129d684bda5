"""A database restored from a backup, and the command that lets collection go on."""

import shutil
from pathlib import Path

from tests.conftest import Serve
from tests.serve.program import refloat
from tools.content import Content, make_content
from tools.serving import Served
from tools.wire import Answer

AT_ONCE = {
    "REGISTRY_REFLOAT_WINDOW": "1ms", "REGISTRY_REFLOAT_LEASE": "1ms", "REGISTRY_REFLOAT_GRAVEYARD": "1ms",
    "REGISTRY_REFLOAT_COLLECT_INTERVAL": "24h",
}  # fmt: skip
"""What is deleted goes in the next rounds, and there are none but those that are asked for."""


def clock(served: Served, what: str) -> tuple[int, str, str]:
    ended = refloat("clock", what, "--root", str(served.root), home=served.root.parent)
    return ended.returncode, ended.stdout, ended.stderr


def round_of(served: Served) -> Answer:
    return served.wire.ask("POST", "/v2/_refloat/v1/collect", b"{}", Content_Type="application/json")


def collect(served: Served) -> int:
    """Run rounds until one finds nothing to remove. Returns how many blobs were removed."""
    total = 0
    for _ in range(2):  # the first condemns, the second reaps
        reaped = round_of(served).expect(200).document()["reaped"]
        assert isinstance(reaped, int)
        total += reaped
    return total


def is_whole(served: Served, repository: str, content: Content) -> bool:
    answers = [served.wire.read(repository, part) for part in content.everything]
    return [(answer.status, answer.body) for answer in answers] == [(200, part.body) for part in content.everything]


def test_a_restored_database_collects_nothing_until_it_is_vouched_for(serve: Serve, tmp_path: Path) -> None:
    kept, doomed, later, lost = (make_content(salt) for salt in ("kept", "doomed", "later", "lost"))
    served = serve(**AT_ONCE)
    served.wire.push("kept", "v1", kept)
    served.wire.push("doomed", "v1", doomed)
    collect(served)
    served.stop()
    database = served.root / "refloat" / "refloat.db"
    shutil.copy(database, tmp_path / "older.db")
    served.start()
    served.wire.push("lost", "v1", lost)
    collect(served)
    served.stop()
    shutil.copy(tmp_path / "older.db", database)

    served.start()
    refused = round_of(served).expect(409)
    assert b"it was restored from a backup" in refused.body
    assert b"refloat clock accept --root DIR" in refused.body
    assert "collection is stopped" in served.tail()
    assert is_whole(served, "kept", kept)
    served.wire.push("later", "v1", later)
    served.wire.delete("doomed", doomed.index.digest).expect(202)
    before = served.files()
    round_of(served).expect(409)
    assert served.files() == before

    code, _, errors = clock(served, "accept")
    assert code == 7
    assert errors.splitlines()[1] == "  hint: stop it first"
    served.stop()
    code, said, _ = clock(served, "show")
    assert code == 0
    assert "collection  is stopped: the database is at round 2, the directory at 4: it was restored" in said
    assert clock(served, "accept")[0] == 0
    assert "collection  goes on when the server starts" in clock(served, "show")[1]

    served.start()
    assert collect(served) > 0
    assert is_whole(served, "kept", kept)
    assert is_whole(served, "later", later)
    served.wire.manifest("doomed", "v1").expect(404)


def test_a_directory_without_a_database_is_left_as_it_is(tmp_path: Path) -> None:
    ended = refloat("clock", "--root", str(tmp_path / "none"), home=tmp_path)
    assert ended.returncode == 1
    assert ended.stderr.startswith(f"error: there is no database at {tmp_path}/none/refloat/refloat.db\n")
    assert not (tmp_path / "none").exists()


def test_an_epoch_that_is_no_number_is_named(serve: Serve) -> None:
    served = serve()
    served.stop()
    (served.root / "refloat" / ".epoch").write_text("")
    code, _, errors = clock(served, "show")
    assert (code, errors.count("\n")) == (1, 1)
    assert "/refloat/.epoch does not hold the number of a round" in errors
