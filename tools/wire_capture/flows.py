"""The flows that are shown: how an image is deleted and brought back, step by step, on either registry."""

import io
import json
import subprocess
import tarfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tools.bench.servers import Server, kinds
from tools.content import CONFIG, MANIFEST, Part, digest_of
from tools.serving import Served, wait_until
from tools.wire import Wire
from tools.wire_capture.capture import SEEN
from tools.wire_capture.exchange import Client, Exchange
from tools.wire_capture.portable import remove, restore
from tools.wire_capture.stage import (
    COLLECT,
    DELETE,
    FETCH,
    MISS,
    OWN,
    PLACE,
    PULL,
    REPOSITORY,
    RESTORE,
    SAVE,
    SEE,
    TAG,
    Aside,
    Image,
    Stage,
    Told,
)

LAYER = "application/vnd.oci.image.layer.v1.tar"

PATIENCE = 120.0
"""Seconds the collector may take on a loaded machine before it counts as broken."""

ENDING = {
    "REGISTRY_REFLOAT_WINDOW": "5s",
    "REGISTRY_REFLOAT_LEASE": "8s",
    "REGISTRY_REFLOAT_GRAVEYARD": "1s",
    "REGISTRY_REFLOAT_COLLECT_INTERVAL": "500ms",
}
"""Settings under which a deleted image's bytes are gone within seconds, and a push is still held long enough."""

CHANGES = 'http.request.method in {"PUT", "DELETE"} and http.request.uri contains "/manifests/"'
"""A filter that shows of a capture what was put and deleted."""


def save_and_delete(stage: Stage) -> None:
    """Get the manifest, to have it, and delete it by its digest, as the stock flow does."""
    manifest = stage.image.manifest
    stage.ask(SAVE, f"GET {PLACE}/{TAG}", Accept=manifest.media_type)
    stage.ask(DELETE, f"DELETE {PLACE}/{manifest.digest}")


def put_back(stage: Stage) -> None:
    """Put the saved manifest under its tag, as the stock flow does."""
    manifest = stage.image.manifest
    stage.ask(RESTORE, f"PUT {PLACE}/{TAG}", manifest.body, Content_Type=manifest.media_type)


def undo(stage: Stage) -> None:
    """Take the delete back by the id that its answer carried."""
    change = next(
        told.answer.value("refloat-change") for told in stage.told if isinstance(told, Exchange) and told.step == DELETE
    )
    stage.ask(RESTORE, f"POST /v2/_refloat/v1/changes/{change}/undo")


def collect_beside(stage: Stage, *flags: str) -> None:
    """Collect garbage as the reference registry does: by a program beside the server, which goes on serving.

    Raises RuntimeError if the program ends with an error.
    """
    root = stage.server.root
    done = subprocess.run(
        [str(kinds()["docker-registry"].program), "garbage-collect", *flags, str(root.with_name(root.name + ".yml"))],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"garbage-collect ended with {done.returncode}: {done.stderr[-2000:]}")
    typed = " ".join(("docker-registry garbage-collect", *flags, "config.yml"))
    stage.told.append(Aside(COLLECT, f"on the registry's machine: {typed}"))


def collect_untagged(stage: Stage) -> None:
    """Collect garbage as thoroughly as the reference registry can."""
    collect_beside(stage, "--delete-untagged")


def collect_within(stage: Stage) -> None:
    """Ask refloat for a round of its collector."""
    stage.ask(COLLECT, "POST /v2/_refloat/v1/collect", b"{}", Content_Type="application/json")


def wait_out(stage: Stage) -> None:
    """Let the window end and the collector remove the bytes. Raises RuntimeError if they stay."""
    server = stage.server
    assert isinstance(server, Served)
    wait_until(lambda: not server.files(), PATIENCE, lambda: "bytes stay on the disk after their window")
    stage.told.append(Aside(COLLECT, "the window ends; the collector removes the layer and the configuration"))


@dataclass(frozen=True)
class Flow:
    """One story. `name` is the capture's file name, `registry` who answers, `says` what to look at.

    `seen` is the filter by which the capture's packets are listed.
    """

    name: str
    title: str
    registry: str
    says: str
    bring_back: Callable[[Stage], None]
    collect: Callable[[Stage], None] | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    delete: Callable[[Stage], None] = save_and_delete
    seen: str = SEEN

    def walk(self, stage: Stage) -> None:
        """Delete the image, miss it, bring it back, pull it."""
        accept = stage.image.manifest.media_type
        self.delete(stage)
        stage.ask(MISS, f"GET {PLACE}/{TAG}", Accept=accept)
        if self.collect is not None:
            self.collect(stage)
        self.bring_back(stage)
        stage.ask(PULL, f"GET {PLACE}/{TAG}", Accept=accept)
        blob = f"{OWN}/blobs/{stage.image.layer.digest}"
        stage.ask(SEE, f"HEAD {blob}")
        stage.ask(FETCH, f"GET {blob}")


FLOWS = (
    Flow(
        "stock", "The stock flow on docker-registry", "docker-registry",
        "The manifest is saved before it is deleted, because nothing in the answers tells how to get it back. Putting "
        "it back works for as long as nobody has collected garbage.",
        put_back,
    ),
    Flow(
        "stock-collected", "The stock flow on docker-registry after a garbage collection", "docker-registry",
        "The PUT answers 201 as before, with the right digest, and the image is gone: the registry remembers in memory "
        "blobs that are no longer on its disk. The manifest that was just accepted answers 404. HEAD says that the "
        "layer is there; GET promises its length and the connection ends without a byte of it.",
        put_back, collect_beside,
    ),
    Flow(
        "portable", "The portable trash on docker-registry, with a garbage collection in between", "docker-registry",
        "`refloat rm` and `refloat restore` as they are typed, on the registry of flow 2. `rm` keeps the image before "
        "it deletes it: it mounts the blobs into `refloat-trash/team/app`, uploads the manifest's bytes and the facts "
        "there, and puts an artifact that names all of it. The artifact's tag holds it through the collection, so this "
        "time 201 means that the image is back; `restore` reads all of it before it says so. Each line is one path: "
        "what was asked of it on the left, the statuses of the answers on the right. `GET 0-9` has `Range: bytes=0-9`. "
        "A relay passes on what the command says, and keeps the heads; so `Host` names the relay.",
        restore, collect_untagged, delete=remove, seen=CHANGES,
    ),
    Flow(
        "refloat-put", "The stock flow on refloat", "refloat",
        "The same requests. The answers to DELETE and PUT name the change they made, and DELETE's says until when, and "
        "how, it can be taken back.",
        put_back,
    ),
    Flow(
        "refloat-collected", "The stock flow on refloat after a garbage collection", "refloat",
        "Collection is a request to the running server. It leaves what history holds, so 201 means that the image is "
        "back.",
        put_back, collect_within,
    ),
    Flow(
        "refloat-undo", "DELETE, then undo on refloat", "refloat",
        "Nothing needs to have been saved: the id from the answer to DELETE is enough.",
        undo,
    ),
    Flow(
        "refloat-late", "The stock flow on refloat after the window", "refloat",
        "The window was set to seconds here; it is 30 days. Once it has ended and the bytes are gone, PUT says so and "
        "names every blob to push first. It never answers 201 for what cannot be pulled.",
        put_back, wait_out, ENDING,
    ),
)  # fmt: skip


def make_image() -> Image:
    """Build the image."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        body = b"What was deleted comes back.\n"
        entry = tarfile.TarInfo("srv/note.txt")
        entry.size, entry.mode = len(body), 0o644
        archive.addfile(entry, io.BytesIO(body))
    layer = Part(LAYER, raw.getvalue())
    config = Part(CONFIG, _json({
        "architecture": "amd64", "os": "linux", "config": {},
        "rootfs": {"type": "layers", "diff_ids": [digest_of(layer.body)]},
    }))  # fmt: skip
    manifest = Part(MANIFEST, _json({
        "schemaVersion": 2, "mediaType": MANIFEST, "config": config.descriptor(), "layers": [layer.descriptor()],
    }))  # fmt: skip
    return Image(manifest, config, layer)


def _json(document: object) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()


@contextmanager
def prepared(flow: Flow, place: Path) -> Iterator[tuple[Served | Server, Image]]:
    """Run the flow's registry under `place`, with the image in it, which is yielded too."""
    place.mkdir(parents=True)
    image = make_image()
    with _registry(flow, place) as server:
        wire = Wire(server.address)
        wire.push_blob(REPOSITORY, image.config)
        wire.push_blob(REPOSITORY, image.layer)
        wire.push_manifest(REPOSITORY, TAG, image.manifest)
        yield server, image


def _registry(flow: Flow, place: Path) -> AbstractContextManager[Served | Server]:
    if flow.registry == "refloat":
        return Served(place / "root", place / "serve.log", dict(flow.settings))
    return Server(kinds()[flow.registry], place / "root")


def perform(flow: Flow, server: Served | Server, image: Image) -> list[Told]:
    """Walk through a flow on one connection and return what was exchanged."""
    with Client(server.address) as client:
        stage = Stage(client, image, server)
        flow.walk(stage)
        return stage.told
