"""A registry:2 in which people deleted images: real clients, a real server, its own garbage collection."""

import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.clients.drivers import Crane, Oras, Skopeo
from tests.programs import needed, run
from tools.bench.servers import Kind, Server
from tools.content import Content, make_content

BLOBS = Path("docker/registry/v2/blobs/sha256")
REPOSITORIES = Path("docker/registry/v2/repositories")
NAMES = (
    "collected", "uncollected", "first", "second", "deleted", "removed", "inferred", "broken", "damaged", "kept",
)  # fmt: skip


@dataclass(frozen=True)
class Stock:
    """The registry as it was left, stopped, and what was pushed to it by name."""

    kind: Kind
    root: Path
    contents: dict[str, Content]

    def blob(self, digest: str) -> Path:
        digits = digest.partition(":")[2]
        return self.root / BLOBS / digits[:2] / digits / "data"

    def seen(self) -> dict[str, tuple[int, int, int, str]]:
        """Return everything there is in the directory: modes, sizes, times, bytes."""
        return {str(path.relative_to(self.root)): _seen(path) for path in sorted(self.root.rglob("*"))}


def _seen(path: Path) -> tuple[int, int, int, str]:
    status = path.lstat()
    content = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
    return status.st_mode, status.st_size, status.st_mtime_ns, content


@pytest.fixture(scope="session")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Stock:
    """What a registry looks like after overwritten tags, deletes, a collection, and a folder that was removed."""
    place = tmp_path_factory.mktemp("stock")
    kind = Kind("docker-registry", needed("docker-registry"), tree=True)
    stock = Stock(kind, place / "root", {name: make_content(f"salvage {name}") for name in NAMES})
    with Server(kind, stock.root) as server:
        _before_the_collection(stock, server.address, place)
    collect(stock, "--delete-untagged")
    with Server(kind, stock.root) as server:
        _after_it(stock, server.address, place)
    shutil.rmtree(stock.root / REPOSITORIES / "team/removed")
    shutil.rmtree(stock.root / REPOSITORIES / "team/inferred/_manifests")
    shutil.rmtree(stock.blob(stock.contents["broken"].own_blobs[0].digest).parent)
    path = stock.blob(stock.contents["damaged"].own_blobs[0].digest)
    path.write_bytes(bytes(byte ^ 1 for byte in path.read_bytes()))
    return stock


def collect(stock: Stock, *flags: str) -> None:
    """Run the registry's own garbage collection."""
    config = stock.kind.configure(stock.root, 1)
    run(stock.kind.program, "garbage-collect", *flags, config)


def _before_the_collection(stock: Stock, address: str, place: Path) -> None:
    clients = {"collected": Crane(needed("crane"), place / "a"), "uncollected": Crane(needed("crane"), place / "b")}
    for name, client in clients.items():
        client.push("index", stock.contents[name], f"{address}/team/{name}:v1")
    clients["collected"].delete(f"{address}/team/collected@{stock.contents['collected'].index.digest}")


def _after_it(stock: Stock, address: str, place: Path) -> None:
    contents = stock.contents
    crane, skopeo, oras = needed("crane"), needed("skopeo"), needed("oras")
    Crane(crane, place / "c").push("image", contents["first"], f"{address}/team/api:v1")
    Skopeo(skopeo, place / "d").push("image", contents["second"], f"{address}/team/api:v1")
    deleting = Oras(oras, place / "e")
    deleting.push("index", contents["deleted"], f"{address}/team/web:v1")
    deleting.delete(f"{address}/team/web@{contents['deleted'].index.digest}")
    Skopeo(skopeo, place / "f").push("index", contents["removed"], f"{address}/team/removed:v1")
    Oras(oras, place / "g").push("image", contents["inferred"], f"{address}/team/inferred:v1")
    for name in ("broken", "damaged", "uncollected"):
        client = Crane(crane, place / name)
        if name != "uncollected":  # the collection took the parts of its index though it has a tag
            client.push("image", contents[name], f"{address}/team/{name}:v1")
        part = contents[name].index if name == "uncollected" else contents[name].amd64
        client.delete(f"{address}/team/{name}@{part.digest}")
    Crane(crane, place / "h").push("index", contents["kept"], f"{address}/team/kept:v1")


@pytest.fixture
def stock(lived: Stock, tmp_path: Path) -> Stock:
    """A copy of what was left, for one test."""
    root = tmp_path / "registry"
    shutil.copytree(lived.root, root)
    return Stock(lived.kind, root, lived.contents)
