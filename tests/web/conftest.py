"""A served registry with an image in it, and requests as raw as tests need them."""

import json
import select
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from tools.content import CONFIG, LAYER, MANIFEST, Part
from tools.serving import Served
from tools.wire import Answer

REPOSITORY = "web/reading"
PAUSE = 0.05  # seconds between two pieces of what is said in drops


@dataclass(frozen=True)
class Seeded:
    """One image under the tag `v1`, another with a subject, and the server that has them."""

    served: Served
    config: Part
    layer: Part
    image: Part
    referrer: Part

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
        """Send a request; in `path`, braces name the parts: `/blobs/{layer}`."""
        return self.served.wire.ask(method, self.place(path), body, **headers)

    def place(self, path: str) -> str:
        """Return a path with digests in place of the names of parts."""
        return path.format(
            r=f"/v2/{REPOSITORY}", config=self.config.digest, layer=self.layer.digest, image=self.image.digest,
            referrer=self.referrer.digest, nothing="sha256:" + 64 * "0",
        )  # fmt: skip


def image_of(config: Part, *layers: Part, **more: object) -> Part:
    """Return an image manifest."""
    document = {
        "schemaVersion": 2, "mediaType": MANIFEST, "config": config.descriptor(),
        "layers": [layer.descriptor() for layer in layers], **more,
    }  # fmt: skip
    return Part(MANIFEST, json.dumps(document).encode())


@pytest.fixture(scope="session")
def seeded(registry: Served) -> Seeded:
    """Push once what many tests read."""
    config, layer = Part(CONFIG, b'{"architecture":"amd64","os":"linux"}'), Part(LAYER, bytes(range(256)) * 40)
    image = image_of(config, layer)
    referrer = image_of(config, layer, subject=image.descriptor(), artifactType="application/vnd.example.note")
    for part in (config, layer):
        registry.wire.push_blob(REPOSITORY, part)
    registry.wire.push_manifest(REPOSITORY, "v1", image)
    registry.wire.push_manifest(REPOSITORY, referrer.digest, referrer)
    return Seeded(registry, config, layer, image, referrer)


class Line:
    """One connection on which a test says exactly what it wants to say."""

    def __init__(self, address: str) -> None:
        host, _, port = address.rpartition(":")
        self._socket = socket.create_connection((host, int(port)), timeout=60)

    def say(self, text: bytes) -> None:
        """Send bytes."""
        self._socket.sendall(text)

    def head(self, first: str, **headers: str) -> None:
        """Send a request's head. Header names are written with `_` for `-`."""
        lines = [f"{first} HTTP/1.1", "Host: registry"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        self.say("\r\n".join(lines).encode() + b"\r\n\r\n")

    def heard(self, end: bytes) -> bytes:
        """Return what the server says up to `end`, or until it hangs up."""
        text = b""
        while end not in text and (more := self._socket.recv(65536)):
            text += more
        return text

    def drip(self, piece: bytes, times: int) -> bytes:
        """Say a piece again and again, until something is answered. Returns its beginning; empty: nothing was."""
        for _ in range(times):
            self.say(piece)
            if select.select([self._socket], [], [], PAUSE)[0]:
                return self._socket.recv(4096)
        return b""

    def say_last(self, text: bytes) -> None:
        """Send bytes and that nothing more will be said, in one go; what is answered can be heard."""
        self._socket.sendall(text, socket.MSG_MORE)
        self._socket.shutdown(socket.SHUT_WR)

    def hang_up(self) -> None:
        """Close the connection, as a client that is killed does."""
        self._socket.close()


@pytest.fixture
def connect() -> Iterator[Callable[[Served], Line]]:
    """Open connections that are closed when the test ends."""
    lines: list[Line] = []

    def open_one(served: Served) -> Line:
        lines.append(Line(served.address))
        return lines[-1]

    yield open_one
    for line in lines:
        line.hang_up()
