"""A worker whose database failed: it writes nothing more, answers pulls, and ends when the next one can write."""

import resource
import signal
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

from tests.serve.program import Program, eventually
from tools.content import INDEX, make_content
from tools.wire import Answer, Wire

FULL = 64 << 10  # bytes: how long a file may get; more than the server's logs have, less than the database's


def test_a_worker_that_cannot_commit_is_replaced_when_the_fault_is_over(tmp_path: Path) -> None:
    content = make_content("retirement")
    settings = {"REGISTRY_REFLOAT_WORKERS": "1", "REGISTRY_HTTP_DRAINTIMEOUT": "100ms"}
    with Program(tmp_path, **settings) as program, closing(program.connect()) as slow:
        wire = Wire(program.url.removeprefix("http://"))
        wire.push("team/api", "v1", content)
        assert (program.root / "refloat" / "refloat.db-wal").stat().st_size > FULL
        slow.putrequest("PATCH", wire.ask("POST", "/v2/team/api/blobs/uploads/").headers["location"])
        slow.putheader("Content-Length", "1000")
        slow.endheaders(b"a request that outlasts the drain")
        [worker] = program.workers()
        _, unlimited = resource.prlimit(worker, resource.RLIMIT_FSIZE)

        def put(tag: str) -> Answer:
            return wire.ask("PUT", f"/v2/team/api/manifests/{tag}", content.index.body, Content_Type=INDEX)

        resource.prlimit(worker, resource.RLIMIT_FSIZE, (FULL, unlimited))
        with ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(put, ["a", "b", "c", "d"]))
        assert [answer.status for answer in answers] == [503] * 4
        assert b"this process no longer writes: disk I/O error" in answers[0].body
        assert wire.manifest("team/api", "v1").body == content.index.body
        assert program.workers() == [worker]
        assert "the database failed, this worker writes nothing more: disk I/O error" in program.said()

        resource.prlimit(worker, resource.RLIMIT_FSIZE, (unlimited, unlimited))
        eventually(lambda: program.workers() not in ([worker], []), "no new worker was started")
        put("v2").expect(201)
        for tag in ("a", "b", "c", "d"):
            wire.manifest("team/api", tag).expect(404)
        assert all(wire.read("team/api", part).body == part.body for part in content.everything)
        program.send(signal.SIGTERM)
        assert program.ended() == 0
