"""The registries that stay what they are: how each is configured here, filled, collected, and read whole."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

from tests.portable.relay import Relay
from tests.programs import needed, run
from tools.bench.servers import Kind, Server
from tools.content import Content
from tools.serving import Served
from tools.wire import Wire

PROGRAMS = {"docker-registry": "docker-registry", "distribution 3": "registry"}
"""The program of each reference registry: distribution 2.8.2 as Debian has it, and 3."""

NO_DELETES = {"REGISTRY_STORAGE_DELETE_ENABLED": "false"}

USER, PASSWORD = "pusher", "secret"
HTPASSWD = f"{USER}:$2y$05$N6pHK0v1amHuEXjKlzlxHunJUqHy1PonmmOf1IBlXemQLAmO7G/dS\n"


@dataclass
class Peer:
    """A running registry that is not a refloat, with the configuration of the original article and `settings`."""

    name: str
    place: Path
    settings: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        kind = Kind(self.name, needed(PROGRAMS[self.name]), tree=True)
        self.server = Server(kind, self.place / "root", self.settings)

    @property
    def address(self) -> str:
        return self.server.address

    @property
    def wire(self) -> Wire:
        return Wire(self.address)

    def collect(self, *flags: str) -> str:
        """Run its garbage collection beside the server, which goes on serving, and return what it printed."""
        config = self.server.root.with_name(self.server.root.name + ".yml")
        return run(self.server.kind.program, "garbage-collect", *flags, config, env=dict(self.settings))

    def files(self) -> dict[str, bytes]:
        """Return every blob's bytes on its disk, manifests too, by digest."""
        blobs = self.server.root / "docker/registry/v2/blobs/sha256"
        return {f"sha256:{path.parent.name}": path.read_bytes() for path in blobs.glob("*/*/data")}

    def __enter__(self) -> Self:
        self.place.mkdir(parents=True, exist_ok=True)
        self.server.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.server.stop()


def with_passwords(place: Path) -> dict[str, str]:
    """Return the settings of a registry that asks for user and password (Basic)."""
    place.mkdir(parents=True, exist_ok=True)
    (place / "htpasswd").write_text(HTPASSWD)
    return {
        "REGISTRY_AUTH": "htpasswd",
        "REGISTRY_AUTH_HTPASSWD_REALM": "tests",
        "REGISTRY_AUTH_HTPASSWD_PATH": str(place / "htpasswd"),
    }


def push_image(wire: Wire, repository: str, content: Content, *tags: str) -> None:
    """Push the amd64 image of `content` and give it `tags`."""
    wanted = content.amd64.body.decode()
    for blob in content.blobs:
        if blob.digest in wanted:
            wire.push_blob(repository, blob)
    for tag in tags:
        wire.push_manifest(repository, tag, content.amd64)


def push_index(wire: Wire, repository: str, content: Content, *tags: str) -> None:
    """Push the index of `content`, without its signature, and give it `tags`."""
    for blob in content.blobs:
        wire.push_blob(repository, blob)
    for manifest in content.manifests:
        wire.push_manifest(repository, manifest.digest, manifest)
    for tag in tags:
        wire.push_manifest(repository, tag, content.index)


class Plain:
    """A refloat whose undo cannot be reached, as a registry with the referrers API and a collector that never waits."""

    SETTINGS: ClassVar = {"REGISTRY_REFLOAT_WINDOW": "1ms", "REGISTRY_REFLOAT_COLLECT_INTERVAL": "24h"}

    def __init__(self, place: Path) -> None:
        self._served = Served(place / "root", place / "serve.log", self.SETTINGS)

    @property
    def wire(self) -> Wire:
        return self._served.wire

    @property
    def address(self) -> str:
        return self._relay.address

    def collect(self, *flags: str) -> None:
        """Remove what has no tag and was not pushed just now. There are no flags."""
        for _ in range(2):  # the first condemns, the second removes
            self.wire.ask("POST", "/v2/_refloat/v1/collect", b"{}", Content_Type="application/json").expect(200)

    def __enter__(self) -> Self:
        self._served.start()
        self._relay = Relay(self._served.address, refused={"/v2/_refloat": 404}).__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._relay.__exit__(kind, error, trace)
        self._served.stop()
