"""A server on a disk that is small enough to be filled, and somebody else who fills it."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.disks import fill, small_disk
from tests.serve.program import Program
from tools.content import MANIFEST, Content, Part
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
        ballast = self.disk / "refloat" / "ballast"
        return ballast.exists() and ballast.stat().st_size > 0

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


@dataclass(frozen=True)
class Before:
    """What a server had before the disk was filled: a change that deleted `gone`, and an upload under way."""

    change: str
    session: str


def kept_before(full: Full) -> Before:
    image(full.wire, "team/api", "v1", b"layer")
    image(full.wire, "team/api", "gone", b"other layer")
    full.wire.push_blob("team/api", Part("application/octet-stream", b"leased"))
    change = full.wire.delete("team/api", "gone").expect(202).headers["refloat-change"]
    full.manage("collect").expect(200)
    return Before(change, full.begin_upload())
