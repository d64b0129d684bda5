"""`refloat verify` beside a real server, and its repair of a stopped one."""

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Serve
from tests.serve.program import DEADLINE, refloat
from tools.content import Content, Part, make_content
from tools.serving import Served

IMAGE = "application/vnd.oci.image.manifest.v1+json"


def verify(served: Served, *flags: str) -> tuple[int, dict[str, Any]]:
    """Run the command with --json. Returns its exit code and what it found."""
    ended = refloat("verify", "--root", str(served.root), "--json", *flags, home=served.root.parent)
    assert ended.returncode in (0, 8), ended.stderr
    return ended.returncode, json.loads(ended.stdout)


def kinds(found: dict[str, Any]) -> list[tuple[str, str]]:
    return [(finding["kind"], finding["name"]) for finding in found["findings"]]


def query(served: Served, sql: str, *values: str | bytes) -> list[Any]:
    with closing(sqlite3.connect(served.root / "refloat" / "refloat.db")) as database, database:
        return database.execute(sql, values).fetchall()


def file_of(served: Served, digest: str) -> Path:
    ((key,),) = query(served, "SELECT key FROM blobs WHERE digest = ?", digest)
    (path,) = [path for path in served.files() if path.name == key]
    return path


def flip(path: Path) -> None:
    """Turn one bit in the middle of a file around."""
    body = bytearray(path.read_bytes())
    body[len(body) // 2] ^= 1
    path.write_bytes(body)


@pytest.fixture
def pushed(serve: Serve) -> tuple[Served, Content]:
    served, content = serve(), make_content("verify")
    served.wire.push("team/api", "v1", content)
    return served, content


def test_what_is_whole_is_found_whole_while_the_server_runs(pushed: tuple[Served, Content]) -> None:
    served, content = pushed
    code, found = verify(served, "--deep")
    assert (code, kinds(found)) == (0, [])
    assert (found["blobs"], found["manifests"]) == (len(content.blobs), len(content.manifests) + 2)


def test_a_flipped_bit_is_found_by_reading_and_said_to_break_its_tags(pushed: tuple[Served, Content]) -> None:
    served, content = pushed
    layer = largest(content)
    flip(file_of(served, layer.digest))
    assert verify(served)[0] == 0
    code, found = verify(served, "--deep")
    assert (code, kinds(found)) == (8, [("damaged", layer.digest)])
    assert {user["repository"] for user in found["findings"][0]["needed_by"]} == {"team/api"}


def test_a_damaged_blob_is_served_no_more_and_the_next_push_brings_it_back(pushed: tuple[Served, Content]) -> None:
    served, content = pushed
    layer = largest(content)
    flip(file_of(served, layer.digest))
    served.stop()
    _, found = verify(served, "--deep", "--repair")
    assert found["marked"] == 1
    served.start()
    served.wire.blob("team/api", layer.digest).expect(404)
    place = "/v2/team/api/manifests/again"
    refused = served.wire.ask("PUT", place, with_layer(layer), Content_Type=IMAGE)
    assert refused.status == 404
    assert layer.digest.encode() in refused.body
    served.wire.push_blob("team/api", layer)
    assert served.wire.blob("team/api", layer.digest).expect(200).body == layer.body
    assert verify(served, "--deep")[0] == 0


def test_a_blob_that_is_right_again_is_served_again(pushed: tuple[Served, Content]) -> None:
    served, content = pushed
    layer = largest(content)
    flip(file_of(served, layer.digest))
    served.stop()
    verify(served, "--deep", "--repair")
    flip(file_of(served, layer.digest))
    _, found = verify(served, "--deep", "--repair")
    assert (found["findings"], found["healed"]) == ([], 1)
    served.start()
    assert served.wire.blob("team/api", layer.digest).expect(200).body == layer.body


def test_a_missing_and_a_short_file_are_found_without_reading(pushed: tuple[Served, Content]) -> None:
    served, content = pushed
    first, second = content.blobs[0], largest(content)
    file_of(served, first.digest).unlink()
    file_of(served, second.digest).write_bytes(b"short")
    code, found = verify(served)
    assert (code, sorted(kinds(found))) == (8, sorted([("missing", first.digest), ("damaged", second.digest)]))


def test_unknown_files_go_to_quarantine_and_foreign_ones_stay(pushed: tuple[Served, Content]) -> None:
    served, content = pushed
    known = file_of(served, content.blobs[0].digest)
    unknown = known.with_name(known.name[:-4] + "beef")
    foreign = served.root / "refloat" / "incoming" / "notes.txt"
    for path in (unknown, foreign):
        path.write_bytes(b"whose is this?")
    served.stop()
    code, found = verify(served, "--repair")
    assert (code, sorted(kinds(found))) == (8, [("foreign", "notes.txt"), ("unknown", unknown.name)])
    assert (served.root / "refloat" / "quarantine" / unknown.name).read_bytes() == b"whose is this?"
    assert foreign.exists()
    assert not unknown.exists()


def test_a_damaged_manifest_is_not_served_and_the_next_push_heals_it(pushed: tuple[Served, Content]) -> None:
    served, content = pushed
    index = content.index
    damaged = index.body.replace(b"amd64", b"amd65")
    query(served, "UPDATE manifests SET body = ? WHERE digest = ?", damaged, index.digest)
    code, found = verify(served)
    assert (code, kinds(found)) == (8, [("manifest", index.digest)])
    assert b"damaged" in served.wire.manifest("team/api", "v1").expect(404).body
    served.wire.push_manifest("team/api", "v1", index)
    assert served.wire.manifest("team/api", "v1").expect(200).body == index.body
    assert verify(served)[0] == 0


def test_a_manifest_that_a_damaged_row_calls_text_is_one_whose_digest_is_wrong(pushed: tuple[Served, Content]) -> None:
    served, content = pushed
    query(served, "UPDATE manifests SET body = CAST(body AS TEXT) || ' ' WHERE digest = ?", content.index.digest)
    assert kinds(verify(served)[1]) == [("manifest", content.index.digest)]
    assert served.wire.manifest("team/api", "v1").status == 404


def test_a_database_that_cannot_be_read_is_said_to_have_copies(pushed: tuple[Served, Content]) -> None:
    served, _ = pushed
    served.stop()
    path = served.root / "refloat" / "refloat.db"
    with closing(sqlite3.connect(path)) as database:
        ((page,),) = database.execute("PRAGMA page_size").fetchall()
    body = path.read_bytes()
    path.write_bytes(body[:page] + b"\xff" * (len(body) - page))
    ended = refloat("verify", "--root", str(served.root), home=served.root.parent)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.splitlines()[1:] == ["  hint: backups/ beside the database has copies of it"]


def test_an_output_that_takes_nothing_is_said_to_be_so(pushed: tuple[Served, Content]) -> None:
    served, _ = pushed
    with open("/dev/full", "w") as full:
        ended = subprocess.run(
            [sys.executable, "-m", "refloat", "verify", "--root", str(served.root)],
            stdin=subprocess.DEVNULL, stdout=full, stderr=subprocess.PIPE, text=True, timeout=DEADLINE, check=False,
        )  # fmt: skip
    assert (ended.returncode, ended.stderr) == (1, "error: the output could not be written: No space left on device\n")


def test_a_look_changes_nothing(pushed: tuple[Served, Content]) -> None:
    """Not even what a start would: the schema, the ballast, a missing directory."""
    served, _ = pushed
    served.stop()
    ours = served.root / "refloat"
    (ours / "ballast").unlink(missing_ok=True)
    query(served, "DELETE FROM schema_version WHERE version = (SELECT max(version) FROM schema_version)")
    known = query(served, "SELECT version FROM schema_version")
    before = sorted(path.name for path in ours.iterdir())
    ended = refloat("verify", "--root", str(served.root), home=served.root.parent)
    assert ended.returncode == 1
    assert "was written by another version of refloat" in ended.stderr
    assert sorted(path.name for path in ours.iterdir()) == before
    assert query(served, "SELECT version FROM schema_version") == known


def test_repair_needs_the_server_stopped(pushed: tuple[Served, Content]) -> None:
    served, _ = pushed
    ended = refloat("verify", "--root", str(served.root), "--repair", home=served.root.parent)
    assert ended.returncode == 7
    assert "without --repair it may run" in ended.stderr


def test_a_file_nobody_can_read_is_reported_and_not_marked(pushed: tuple[Served, Content]) -> None:
    """Nor does it keep what else is wrong from being found. Root is asked without the right to read everything."""
    served, content = pushed
    unreadable, short = largest(content), content.blobs[0]
    served.stop()
    file_of(served, unreadable.digest).chmod(0)
    file_of(served, short.digest).write_bytes(b"")
    poorer = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all", sys.executable]
    ended = subprocess.run(
        [*poorer, "-m", "refloat", "verify", "--root", str(served.root), "--json", "--deep", "--repair"],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=DEADLINE, check=False,
    )  # fmt: skip
    assert ended.returncode == 8, ended.stderr
    found = json.loads(ended.stdout)
    assert sorted(kinds(found)) == sorted([("unreadable", unreadable.digest), ("damaged", short.digest)])
    assert found["marked"] == 1


def test_a_directory_in_a_blobs_place_is_no_blob(pushed: tuple[Served, Content]) -> None:
    served, content = pushed
    layer = largest(content)
    path = file_of(served, layer.digest)
    path.unlink()
    path.mkdir()
    assert kinds(verify(served)[1]) == [("missing", layer.digest)]
    assert served.wire.blob("team/api", layer.digest).status == 404


def test_what_was_marked_is_found_without_reading_until_it_is_whole(pushed: tuple[Served, Content]) -> None:
    served, content = pushed
    layer = largest(content)
    flip(file_of(served, layer.digest))
    served.stop()
    told = refloat("verify", "--root", str(served.root), "--deep", home=served.root.parent).stdout
    assert "refloat verify --deep --repair" in told
    verify(served, "--deep", "--repair")
    assert kinds(verify(served)[1]) == [("damaged", layer.digest)]
    flip(file_of(served, layer.digest))
    assert kinds(verify(served, "--deep")[1]) == [("damaged", layer.digest)]
    told = refloat("verify", "--root", str(served.root), "--deep", "--repair", home=served.root.parent).stdout
    assert "1 blob right again, and served again\n" in told
    assert verify(served)[0] == 0


def test_quarantine_replaces_nothing(pushed: tuple[Served, Content]) -> None:
    served, content = pushed
    known = file_of(served, content.blobs[0].digest)
    unknown = known.with_name(known.name[:-4] + "beef")
    arriving = served.root / "refloat" / "incoming" / unknown.name
    served.stop()
    for bodies in ((b"first", b"second"), (b"third",)):
        for path, body in zip((unknown, arriving), bodies, strict=False):
            path.write_bytes(body)
        assert verify(served, "--repair")[1]["set_aside"] == len(bodies)
    quarantine = served.root / "refloat" / "quarantine"
    assert sorted(path.read_bytes() for path in quarantine.iterdir()) == [b"first", b"second", b"third"]


def test_a_broken_database_sends_no_file_away(pushed: tuple[Served, Content]) -> None:
    served, content = pushed
    known = file_of(served, content.blobs[0].digest)
    unknown = known.with_name(known.name[:-4] + "beef")
    unknown.write_bytes(b"its row may be what is lost")
    served.stop()
    query(served, "DELETE FROM keys WHERE key = ?", known.name)
    _, found = verify(served, "--repair")
    assert ("unknown", unknown.name) in kinds(found)
    assert ("unknown", known.name) not in kinds(found)
    assert "database" in {kind for kind, _ in kinds(found)}
    assert found["set_aside"] == 0
    assert (known.exists(), unknown.exists()) == (True, True)


def largest(content: Content) -> Part:
    return max(content.blobs, key=lambda part: len(part.body))


def with_layer(layer: Part) -> bytes:
    """A new image manifest that needs a blob."""
    config = {"mediaType": "application/vnd.oci.empty.v1+json", "digest": layer.digest, "size": len(layer.body)}
    document = {
        "schemaVersion": 2, "mediaType": IMAGE,
        "config": config, "layers": [layer.descriptor()],
    }  # fmt: skip
    return json.dumps(document).encode()


def test_what_was_repaired_is_not_to_be_repaired_again(pushed: tuple[Served, Content]) -> None:
    served, content = pushed
    layer = largest(content)
    flip(file_of(served, layer.digest))

    def told(*flags: str) -> list[str]:
        ended = refloat("verify", "--root", str(served.root), *flags, home=served.root.parent)
        lines = str(ended.stdout).splitlines()
        return lines[lines.index("1 finding") + 1 :]

    assert told("--deep") == ["  refloat verify --deep --repair, with the server stopped, takes them out of service"]
    served.stop()
    assert told("--deep", "--repair") == [
        "  1 marked as damaged: the next push of each brings it back",
        "  0 moved to quarantine",
    ]
    before = "  1 out of service since an earlier repair: the next push of each brings it back"
    assert told("--deep") == [before]
    assert told() == [before]
    assert verify(served, "--deep")[1]["findings"][0]["marked"] is True
    flip(file_of(served, layer.digest))
    assert told("--deep") == [
        "  refloat verify --deep --repair, with the server stopped, serves again what is right again"
    ]
