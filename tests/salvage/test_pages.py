"""The page for who deleted an image from registry:2, and the README's block: typed line by line at a live registry."""

import os
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cli.conftest import Shell
from tests.clients.engine import Engine
from tests.clients.readme import Reader, Step, steps
from tests.portable.peers import Peer, push_image, push_index
from tests.programs import needed
from tools.content import make_content

PAGE = "docs/stock-registry.md"
SHOWN, DIRECTORY = "localhost:5000", "/var/lib/registry"
REPOSITORIES = "docker/registry/v2/repositories"


@dataclass
class Desk:
    """Where a person types: a registry:2 that runs, its directory, a Docker engine, a shell."""

    peer: Peer
    engine: Engine
    shell: Shell
    place: Path

    def type(self, step: Step, reader: Reader) -> str:
        """Type a line and return what is printed on both streams."""
        words = self.here(reader.typed(step))
        if words.startswith("refloat "):
            return self.shell.on_terminal(*shlex.split(words)[1:]).out
        docker = f"docker --host {self.engine.host} --config {shlex.quote(str(self.place))} "
        skopeo = f"{needed('skopeo')} --insecure-policy copy "
        line = words.replace("docker pull", f"{docker}pull").replace("skopeo copy ", skopeo)
        done = subprocess.run(
            ["bash", "-c", line], cwd=self.place, env={**os.environ}, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120, check=False,
        )  # fmt: skip
        if not line.startswith("grep "):  # which finds nothing on a machine that runs no collection
            assert done.returncode == 0, done.stdout
        return done.stdout

    def here(self, text: str) -> str:
        """Return a text of the page with the names of this desk."""
        root = str(self.peer.server.root)
        return text.replace(SHOWN, self.peer.address).replace(DIRECTORY, root).replace("./saved", f"{self.place}/saved")

    def delete(self, repository: str, digest: str) -> None:
        self.peer.wire.ask("DELETE", f"/v2/{repository}/manifests/{digest}").expect(202)


@pytest.fixture
def desk(engine: Engine, tmp_path: Path) -> Iterator[Desk]:
    """A desk of this test's own, at a registry without anything."""
    with Peer("docker-registry", tmp_path / "peer") as peer:
        shell = Shell(tmp_path, peer.address)
        shell.environment["NO_COLOR"] = "1"
        yield Desk(peer, engine, shell, tmp_path)


def live_for_a_while(desk: Desk) -> None:
    """Make what the page shows: collected, overwritten, broken, deleted, and two whose folders were removed."""
    wire, root = desk.peer.wire, desk.peer.server.root
    for name in ("old", "older"):
        content = make_content(f"page {name}")
        push_image(wire, f"team/{name}", content, "v1")
        desk.delete(f"team/{name}", content.amd64.digest)
    desk.peer.collect()
    for salt in ("api", "api again"):
        push_image(wire, "team/api", make_content(f"page {salt}"), "v1")
    broken, web = make_content("page broken"), make_content("page web")
    push_image(wire, "team/broken", broken, "v1")
    desk.delete("team/broken", broken.amd64.digest)
    digits = broken.own_blobs[0].digest.partition(":")[2]
    shutil.rmtree(root / "docker/registry/v2/blobs/sha256" / digits[:2] / digits)
    push_index(wire, "team/web", web, "v1")
    desk.delete("team/web", web.index.digest)
    push_image(wire, "team/worker", make_content("page worker"), "v1")
    shutil.rmtree(root / REPOSITORIES / "team/worker/_manifests")
    push_index(wire, "team/removed", make_content("page removed"), "v1")
    shutil.rmtree(root / REPOSITORIES / "team/removed")


def test_the_five_steps(desk: Desk) -> None:
    live_for_a_while(desk)
    blocks, reader = steps("Five steps", PAGE), Reader()
    assert len(blocks) == 5
    for step in (step for block in blocks for step in block):
        printed = desk.type(step, reader)
        if step.command.startswith("refloat "):
            reader.assert_printed(step, printed)
        else:
            reader.assert_among(step, printed)
    for step in steps("Out of the registry's reach", PAGE)[0]:
        printed = desk.type(step, reader).replace(f"{desk.place}/", "")
        reader.assert_among(step, printed)


def test_what_the_readme_shows(desk: Desk) -> None:
    content, reader = make_content("page readme"), Reader()
    push_image(desk.peer.wire, "team/app", content, "v1")
    desk.delete("team/app", content.amd64.digest)
    for step in steps("You already deleted it on registry:2?")[0]:
        reader.assert_among(step, desk.type(step, reader))
    assert desk.peer.wire.manifest("team/app", "v1").body == content.amd64.body
