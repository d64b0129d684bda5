"""A signed image of several platforms is deleted, what nothing holds is collected, and undo brings all of it back."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.clients.closure import Inventory, read_inventory
from tests.clients.conftest import Matrix
from tests.clients.drivers import Client, Pulled
from tests.clients.signing import sign
from tests.clients.test_matrix import CLIENTS
from tests.programs import ProgramError, needed, run
from tools.content import Content, Part, make_content
from tools.serving import Served

NOTHING_WAITS = {
    "REGISTRY_REFLOAT_LEASE": "1ms", "REGISTRY_REFLOAT_GRAVEYARD": "1ms", "REGISTRY_REFLOAT_COLLECT_INTERVAL": "24h",
}  # fmt: skip
"""The trash alone holds anything: what is neither live nor in it goes in the next rounds."""

API = "/v2/_refloat/v1"
FULL = ("oras", "regctl")
"""The clients that pull what refers to an image with it, if they are asked to."""


@pytest.fixture(scope="module")
def greedy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server that collects when it is asked to, and then all it may."""
    place = tmp_path_factory.mktemp("greedy")
    with Served(place / "root", place / "serve.log", NOTHING_WAITS) as served:
        yield served


def by_refloat(served: Served, repository: str, digest: str) -> None:
    done = served.refloat("rm", f"{repository}@{digest}")
    assert done.returncode == 0, done.stderr


def by_skopeo(served: Served, repository: str, digest: str) -> None:
    run(needed("skopeo"), "delete", "--tls-verify=false", f"docker://{served.address}/{repository}@{digest}")


def by_api(served: Served, repository: str, digest: str) -> None:
    post(served, "remove", {"images": [f"{repository}@{digest}"]})


DELETERS = {"rm": by_refloat, "skopeo delete": by_skopeo, "API": by_api}


@pytest.mark.parametrize("deleter", DELETERS)
@pytest.mark.parametrize("name", CLIENTS)
def test_a_signed_image_survives_delete_and_collection(
    name: str, deleter: str, greedy: Served, client: Callable[[str], Client], matrix: Matrix, tmp_path: Path
) -> None:
    driver, kind = client(name), f"by {deleter}"
    repository = f"signed/{name}-{deleter.partition(' ')[0].lower()}"
    place = f"{greedy.address}/{repository}"
    content = make_content(f"signed {name} {deleter}")

    with matrix.step(name, kind, "push"):
        push_with_two_tags(greedy, repository, content)
        tags = {"v1", "latest"} | sign(place, content.index.digest, tmp_path)
        pushed = read_inventory(greedy.wire, repository)
        assert pushed.tags.keys() == tags
        assert len(pushed.attached) == 3
    with matrix.step(name, kind, "pull"):
        pulled = got(driver.pull_signed(f"{place}:v1"), pushed)
        assert content.index.digest in pulled or content.amd64.digest in pulled
        assert name not in FULL or pushed.attached.keys() <= pulled

    with matrix.step(name, kind, "delete"):
        DELETERS[deleter](greedy, repository, content.index.digest)
        change = greedy.last_change(repository)
        assert_gone(greedy, repository, tags, pushed)
        with pytest.raises(ProgramError):
            driver.pull("index", f"{place}:v1")
    with matrix.step(name, kind, "collect"):
        collect_all_but(greedy, pushed)

    with matrix.step(name, kind, "undo"):
        take_back(greedy, deleter, change)
        assert read_inventory(greedy.wire, repository) == pushed
    with matrix.step(name, kind, "pull again"):
        assert got(driver.pull_signed(f"{place}:v1"), pushed) == pulled


def push_with_two_tags(served: Served, repository: str, content: Content) -> None:
    """Push an index under two tags. Who pushes is the matrix's question; here it is who deletes."""
    for part in content.blobs:
        served.wire.push_blob(repository, part)
    for manifest in content.manifests:
        served.wire.push_manifest(repository, manifest.digest, manifest)
    for tag in ("v1", "latest"):
        served.wire.push_manifest(repository, tag, content.index)


def got(pulled: Pulled, pushed: Inventory) -> frozenset[str]:
    """Return what of a repository a client has, each byte it shows compared. regctl adds an index of its own."""
    ours = pulled.digests & pushed.bodies.keys()
    for digest in ours & pulled.bodies.keys():
        assert pulled.bodies[digest] == pushed.bodies[digest]
    return ours


def assert_gone(served: Served, repository: str, tags: set[str], pushed: Inventory) -> None:
    """No tag answers, and nothing that was attached."""
    for reference in (*tags, *pushed.attached):
        assert served.wire.manifest(repository, reference).status == 404, reference


def collect_all_but(served: Served, pushed: Inventory) -> None:
    """Collect, and see that bytes which nothing holds leave the disk while none of the deleted image do."""
    orphan = Part("text/plain", f"nothing holds this: {sorted(pushed.tags)}".encode())
    served.wire.push_blob("signed/orphans", orphan)
    for _ in range(2):  # the first condemns, the second removes
        post(served, "collect", {})
    stored = {path.read_bytes() for path in served.files()}
    assert orphan.body not in stored
    manifests = {digest for image in (*pushed.tags.values(), *pushed.attached.values()) for digest in image.media_types}
    assert {pushed.bodies[digest] for digest in pushed.bodies.keys() - manifests} <= stored


def take_back(served: Served, deleter: str, change: str) -> None:
    """Undo by the door that was deleted through."""
    if deleter == "API":
        post(served, f"changes/{change}/undo", {})
        return
    done = served.refloat("undo", change)
    assert done.returncode == 0, done.stderr


def post(served: Served, path: str, body: dict[str, object]) -> dict[str, object]:
    """Ask the management API. Raises RuntimeError if it refuses."""
    asked = json.dumps(body).encode()
    return served.wire.ask("POST", f"{API}/{path}", asked, Content_Type="application/json").expect(200, 201).document()
