"""A server whose disk runs full: it says so, gives up its ballast, and goes on in the same process."""

import json
from pathlib import Path

from tests.disks import fill, small_disk
from tests.serve.program import Program
from tools.content import MANIFEST, Content, Part, make_content
from tools.wire import Wire

LARGE = 1 << 20  # bytes: more than the database's log has left over from before


def noted(content: Content, note: str) -> Part:
    """Return the image with a large annotation: a manifest that takes room in the database only."""
    document = json.loads(content.amd64.body) | {"annotations": {"note": note.ljust(LARGE, ".")}}
    return Part(MANIFEST, json.dumps(document).encode())


def test_a_full_disk_ends_no_worker(tmp_path: Path) -> None:
    content = make_content("full disk")
    with small_disk(tmp_path / "root", "192m") as disk, Program(tmp_path) as program:
        wire = Wire(program.url.removeprefix("http://"))
        wire.push("team/api", "v1", content)
        workers = program.workers()
        assert (disk / "refloat" / "ballast").exists()
        fill(disk)
        refused = wire.ask("PUT", "/v2/team/api/manifests/v2", noted(content, "v2").body, Content_Type=MANIFEST)
        assert (refused.status, b"the disk is full" in refused.body) == (507, True)
        assert wire.manifest("team/api", "v1").body == content.index.body
        assert not (disk / "refloat" / "ballast").exists()
        wire.push_manifest("team/api", "v2", noted(content, "v2"))
        wire.delete("team/api", "v1").expect(202)
        assert all(wire.read("team/api", part).body == part.body for part in content.everything)
        assert program.workers() == workers
        assert "the database failed" not in program.said()
