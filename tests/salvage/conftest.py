"""Registries in which people deleted images: real clients, real servers, their own garbage collection."""

import hashlib
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.clients.drivers import Crane, Oras, Regctl, Skopeo
from tests.portable.peers import PROGRAMS
from tests.programs import needed, run
from tools.bench.servers import Kind, Server
from tools.content import Content, Part, image_parts, index_parts, make_content

BLOBS = Path("docker/registry/v2/blobs/sha256")
REPOSITORIES = Path("docker/registry/v2/repositories")
NAMES = (
    "collected", "uncollected", "first", "second", "older", "newer", "deleted", "untagged", "removed", "inferred",
    "broken", "damaged", "kept",
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

    def seen(self) -> dict[str, tuple[int | str, ...]]:
        """Return everything there is in the directory: modes, owners, links, sizes, times, bytes."""
        return {str(path.relative_to(self.root)): _seen(path) for path in sorted(self.root.rglob("*"))}

    def parts(self, digest: str) -> dict[str, bytes]:
        """Return every byte that an image or index consists of, by digest."""
        for content in self.contents.values():
            if digest in (content.index.digest, content.amd64.digest):
                return _bodies(index_parts(content) if digest == content.index.digest else image_parts(content))
        raise KeyError(digest)

    def layers(self) -> set[str]:
        """Return the digests of all layers and configurations that were ever pushed."""
        return {part.digest for content in self.contents.values() for part in content.blobs}

    def names_a_blob(self, digest: str) -> bool:
        """Does a repository still name a blob?"""
        return any((self.root / REPOSITORIES).rglob(f"_layers/sha256/{digest.partition(':')[2]}"))


def _bodies(parts: tuple[Part, ...]) -> dict[str, bytes]:
    return {part.digest: part.body for part in parts}


def _seen(path: Path) -> tuple[int | str, ...]:
    status = path.lstat()
    content = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
    return (
        status.st_ino, status.st_mode, status.st_uid, status.st_gid, status.st_nlink, status.st_size,
        status.st_mtime_ns, status.st_ctime_ns, content,
    )  # fmt: skip


Living = Callable[[str], Stock]


@pytest.fixture(scope="session")
def living(tmp_path_factory: pytest.TempPathFactory) -> Living:
    """Return what a registry of a kind looks like when people used it for a while; each kind is used once."""
    made: dict[str, Stock] = {}

    def live(name: str) -> Stock:
        if name not in made:
            kind = Kind(name, needed(PROGRAMS[name]), tree=True)
            made[name] = _lived(kind, tmp_path_factory.mktemp("stock"))
        return made[name]

    return live


def _lived(kind: Kind, place: Path) -> Stock:
    """Push, overwrite and delete, collect, go on, remove a folder, and lose and damage a layer."""
    stock = Stock(kind, place / "root", {name: make_content(f"salvage {name}") for name in NAMES})
    with Server(kind, stock.root) as server:
        _before_the_collection(stock, server.address, place)
    collect(stock, "--delete-untagged")
    with Server(kind, stock.root) as server:
        _overwrite(stock, server.address, place)
        _delete(stock, server.address, place)
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


def _overwrite(stock: Stock, address: str, place: Path) -> None:
    contents, skopeo = stock.contents, needed("skopeo")
    Crane(needed("crane"), place / "c").push("image", contents["first"], f"{address}/team/api:v1")
    Skopeo(skopeo, place / "d").push("image", contents["second"], f"{address}/team/api:v1")
    (place / "older").mkdir()
    Regctl(needed("regctl"), place / "older").push("index", contents["older"], f"{address}/team/multi:v1")
    Skopeo(skopeo, place / "newer").push("index", contents["newer"], f"{address}/team/multi:v1")


def _delete(stock: Stock, address: str, place: Path) -> None:
    contents, crane, oras = stock.contents, needed("crane"), needed("oras")
    deleting = Oras(oras, place / "e")
    deleting.push("index", contents["deleted"], f"{address}/team/web:v1")
    deleting.delete(f"{address}/team/web@{contents['deleted'].index.digest}")
    Skopeo(needed("skopeo"), place / "f").push("index", contents["removed"], f"{address}/team/removed:v1")
    Oras(oras, place / "g").push("image", contents["inferred"], f"{address}/team/inferred:v1")
    for name in ("broken", "damaged", "uncollected"):
        client = Crane(crane, place / name)
        if name != "uncollected":  # a collection of 2.8 took the parts of its index though it has a tag
            client.push("image", contents[name], f"{address}/team/{name}:v1")
        part = contents[name].index if name == "uncollected" else contents[name].amd64
        client.delete(f"{address}/team/{name}@{part.digest}")
    untagging = Regctl(needed("regctl"), place / "older")
    Crane(crane, place / "i").push("image", contents["untagged"], f"{address}/team/untagged:v1")
    untagging.untag(f"{address}/team/untagged:v1")
    Crane(crane, place / "h").push("index", contents["kept"], f"{address}/team/kept:v1")


def _copied(lived: Stock, root: Path) -> Stock:
    shutil.copytree(lived.root, root)
    return Stock(lived.kind, root, lived.contents)


@pytest.fixture
def stock(living: Living, tmp_path: Path) -> Stock:
    """A copy of what docker-registry 2.8 was left with, for one test."""
    return _copied(living("docker-registry"), tmp_path / "registry")


@pytest.fixture(params=list(PROGRAMS))
def each(living: Living, tmp_path: Path, request: pytest.FixtureRequest) -> Stock:
    """A copy of what either reference registry was left with, for one test."""
    return _copied(living(request.param), tmp_path / "registry")
