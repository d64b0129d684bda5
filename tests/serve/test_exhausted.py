"""A worker that has no more descriptors or memory: whoever needs some is told to ask again, and nothing breaks."""

import http.client
import json
import resource
import signal
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.serve.program import Program, eventually
from tools.content import MANIFEST, digest_of

BLOB, CONFIG = bytes(1000), b'{"os":"linux","architecture":"amd64"}'
MANAGEMENT = "/v2/_refloat/v1"
WINDOW = 1 << 20  # bytes of memory that a worker may still take: less than a thread's stack, or a heavy import
ENOUGH = 150  # connections for all requests of a test
Asked = tuple[str, str, bytes | None]
Answered = tuple[int, Mapping[str, str], bytes]


def image() -> bytes:
    config = {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest_of(CONFIG), "size": len(CONFIG)}
    document = {"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": []}
    return json.dumps(document).encode()


class Client:
    """Asks each time on another connection that is there already: a worker without descriptors accepts none."""

    def __init__(self, program: Program, connections: int) -> None:
        self._token = (program.root / "refloat" / "admin.token").read_text().strip()
        self._ready = [program.connect() for _ in range(connections)]
        self._used: list[http.client.HTTPConnection] = []
        for connection in self._ready:
            connection.request("GET", "/v2/")
            assert connection.getresponse().read() == b"{}"

    def ask(self, asked: Asked) -> Answered:
        method, path, body = asked
        content_type = MANIFEST if "/manifests/" in path else "application/json"
        connection = self._ready.pop()
        self._used.append(connection)
        connection.request(method, path, body, {"Content-Type": content_type, "Refloat-Admin-Token": self._token})
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()

    def close(self) -> None:
        for connection in (*self._ready, *self._used):
            connection.close()


def addresses(session: str) -> Iterator[Asked]:
    """Yield a request for everything a registry does, and for every address of the management API."""
    yield "GET", "/v2/", None
    yield "GET", "/v2/a/tags/list", None
    yield "GET", "/v2/a/manifests/v1", None
    yield "GET", f"/v2/a/referrers/{digest_of(image())}", None
    yield "HEAD", f"/v2/a/blobs/{digest_of(BLOB)}", None
    yield "GET", f"/v2/a/blobs/{digest_of(BLOB)}", None
    yield "POST", "/v2/a/blobs/uploads/", b""
    yield "POST", f"/v2/a/blobs/uploads/?digest={digest_of(BLOB)}", BLOB
    yield "PATCH", session, b"abc"
    yield "PUT", f"{session}?digest={digest_of(b'abc')}", b""
    yield "PUT", "/v2/a/manifests/v2", image()
    yield "GET", f"{MANAGEMENT}/", None
    for path in ("changes", "trash", "names", "repositories", "usage", "usage/layers", "usage/repositories", "purges"):
        yield "GET", f"{MANAGEMENT}/{path}", None
    for path in ("images", "image?reference=v1", "history", "comparison?old=v1&new=v1", "usage"):
        yield "GET", f"{MANAGEMENT}/repositories/a/{path}", None
    yield "POST", f"{MANAGEMENT}/remove", b'{"images":["a:v1"],"dry_run":true}'
    yield "POST", f"{MANAGEMENT}/purge", b'{"image":"a:v1","dry_run":true}'
    yield "POST", f"{MANAGEMENT}/collect", b"{}"


@contextmanager
def without(worker: int, what: str) -> Iterator[None]:
    """Take away what a worker has not yet got of descriptors or memory, for as long as the block lasts."""
    kind = {"descriptors": resource.RLIMIT_NOFILE, "memory": resource.RLIMIT_AS}[what]
    before = resource.prlimit(worker, kind)
    [virtual] = [
        int(line.split()[1]) * 1024
        for line in Path(f"/proc/{worker}/status").read_text().splitlines()
        if line.startswith("VmSize:")
    ]
    resource.prlimit(worker, kind, (4 if what == "descriptors" else virtual + WINDOW, before[1]))
    try:
        yield
    finally:
        resource.prlimit(worker, kind, before)


def seed(client: Client) -> str:
    """Push an image and begin an upload; return the upload's address."""
    for body in (BLOB, CONFIG):
        assert client.ask(("POST", f"/v2/a/blobs/uploads/?digest={digest_of(body)}", body))[0] == 201
    assert client.ask(("PUT", "/v2/a/manifests/v1", image()))[0] == 201
    _, headers, _ = client.ask(("POST", "/v2/a/blobs/uploads/", b""))
    return headers["location"]


@pytest.mark.parametrize(("what", "warm"), [("descriptors", "first"), ("descriptors", "again"), ("memory", "first")])
def test_every_address_answers_or_says_when_to_ask_again(tmp_path: Path, what: str, warm: str) -> None:
    """What is asked for the first time has to be imported, and that may fail in any place."""
    with Program(tmp_path, REGISTRY_REFLOAT_WORKERS="1") as program, closing(Client(program, ENOUGH)) as client:
        session = seed(client)
        if warm == "again":
            for asked in addresses(session):
                client.ask(asked)
            session = client.ask(("POST", "/v2/a/blobs/uploads/", b""))[1]["location"]
        [worker] = program.workers()
        with without(worker, what):
            answers = {asked[:2]: client.ask(asked) for asked in addresses(session)}
        refused = {asked: answer for asked, answer in answers.items() if answer[0] >= 400}
        assert {status for status, _, _ in refused.values()} == {503}, answers
        for _, headers, body in refused.values():
            assert int(headers["retry-after"]) > 0
            assert json.loads(body)["errors"][0]["code"] == "UNAVAILABLE"
        assert f"this server is out of {'file descriptors' if what == 'descriptors' else ''}" in program.said()
        assert "Traceback" not in program.said()
        for asked in addresses(client.ask(("POST", "/v2/a/blobs/uploads/", b""))[1]["location"]):
            assert client.ask(asked)[0] < 400, asked
        assert program.workers() == [worker], "nothing was in doubt, so nobody had to go"
        program.send(signal.SIGTERM)
        assert program.ended() == 0


def test_uploads_that_are_being_sealed_without_descriptors_doubt_no_disk(tmp_path: Path) -> None:
    """The directory that is synced has to be opened first: that it could not be says nothing about what is in it."""
    with Program(tmp_path, REGISTRY_REFLOAT_WORKERS="1") as program, closing(program.connect()) as slow:
        slow.request("POST", "/v2/a/blobs/uploads/")
        begun = slow.getresponse()
        begun.read()
        place = begun.getheader("Location") or ""
        mark = "&" if "?" in place else "?"
        slow.putrequest("PUT", f"{place}{mark}digest={digest_of(BLOB)}")
        slow.putheader("Content-Length", str(len(BLOB)))
        slow.endheaders(BLOB[:-1])
        [worker] = program.workers()
        eventually(lambda: is_being_written(program, worker), "the upload's file is not open")
        with without(worker, "descriptors"):
            slow.send(BLOB[-1:])
            refused = slow.getresponse()
            assert refused.status == 503
            assert refused.getheader("Retry-After")
            refused.read()
        assert program.ask("POST", f"/v2/a/blobs/uploads/?digest={digest_of(BLOB)}", BLOB).status == 201
        assert program.workers() == [worker]
        assert "the disk failed" not in program.said()


def is_being_written(program: Program, worker: int) -> bool:
    """Has a worker the file of an upload open?"""
    files = list((program.root / "refloat" / "incoming").iterdir())
    links = [link for link in Path(f"/proc/{worker}/fd").iterdir() if link.exists()]
    return any(link.readlink() in files for link in links)
