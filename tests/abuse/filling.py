"""One small disk, the server on it, and what the server acknowledged."""

import json
import os
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from tests.disks import free
from tests.serve.program import Program
from tools.content import MANIFEST, Part
from tools.proof.part import Outcome
from tools.wire import Answer, Wire

API = "/v2/_refloat/v1"
ROOM = 16 << 20  # bytes that a person is asked to make free
LEAST = 1 << 20  # bytes: with less, and nothing kept back, a delete may be refused
Meanwhile = Literal["goes on", "killed", "stopped", "killed on the full disk"]


@dataclass
class Round:
    """One disk, the server on it, and what it acknowledged: tags with their manifests and layers."""

    place: Path
    disk: Path
    outcome: Outcome
    dice: random.Random
    settings: Mapping[str, str]
    meanwhile: Meanwhile
    images: dict[str, tuple[Part, Part]] = field(default_factory=dict)
    gone: dict[str, Part] = field(default_factory=dict)
    there: set[str] = field(default_factory=set)
    program: Program | None = None

    @property
    def wire(self) -> Wire:
        assert self.program is not None
        return Wire(self.program.url.removeprefix("http://"))

    def start(self) -> None:
        """Start a server. Where the disk is full it may say so and do nothing; then a person makes room."""
        try:
            self.program = Program(self.place, **self.settings)
        except RuntimeError as refused:
            if "16 MiB" not in f"{refused}" or free(self.disk) > LEAST:
                self.outcome.lose(f"a server did not start on a full disk: {refused}")
            self.make_room()
            self.program = Program(self.place, **self.settings)
        self.wire.ask("GET", "/v2/").expect(200)  # by a worker that has opened everything

    def kill(self) -> None:
        """End the server as a machine's out-of-memory killer does, all of it."""
        assert self.program is not None
        self.program.__exit__(None, None, None)

    def stop(self) -> None:
        """End the server as an operator does: its log is empty afterwards."""
        assert self.program is not None
        self.program.process.terminate()
        if self.program.ended():
            self.outcome.lose("a server on a full disk did not stop in order")

    def make_room(self) -> None:
        """Do what the sentences ask of a person."""
        filler = self.disk / "filler"
        if filler.exists():
            os.truncate(filler, max(0, filler.stat().st_size - ROOM))

    def manage(self, address: str, **body: object) -> Answer:
        token = (self.disk / "refloat" / "admin.token").read_text().strip()
        return self.wire.ask("POST", f"{API}/{address}", json.dumps(body).encode(), Refloat_Admin_Token=token)

    def push(self, tag: str, layer: bytes, note: str) -> bool:
        """Push an image. False: it was refused for want of room; anything else that is refused is a finding."""
        wire, blobs = self.wire, [Part("application/octet-stream", body) for body in (b"{}", layer)]
        config, only = [blob.descriptor() for blob in blobs]
        document = {"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [only]}
        manifest = Part(MANIFEST, json.dumps({**document, "annotations": {"note": note, "tag": tag}}).encode())
        self.outcome.tried += 1
        for blob in blobs:
            if blob.digest in self.there:
                continue
            answer = wire.ask("POST", f"/v2/team/api/blobs/uploads/?digest={blob.digest}", blob.body)
            if answer.status != 201:
                return self._is_refused(answer)
            self.there.add(blob.digest)
        answer = wire.ask("PUT", f"/v2/team/api/manifests/{tag}", manifest.body, Content_Type=MANIFEST)
        if answer.status != 201:
            return self._is_refused(answer)
        self.images[tag] = (manifest, blobs[1])
        return True

    def _is_refused(self, answer: Answer) -> bool:
        if answer.status != 507 or b'"STORAGE_FULL"' not in answer.body:
            self.outcome.lose(f"a push on a full disk was answered {answer.status} {answer.body[:200]!r}")
        return False
