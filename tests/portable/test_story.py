"""rm, the registry's own garbage collection, restore: every byte and media type is back, and real clients pull it."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Shell
from tests.clients.closure import read_closure
from tests.clients.drivers import TAG, Docker, Kind, Skopeo, source
from tests.clients.signing import sign
from tests.portable.peers import Peer, Plain, push_image, push_index
from tests.portable.reading import read_tags, tags_of
from tests.portable.relay import Relay
from tests.programs import run
from tools.content import CONFIG, INDEX, LAYER, Part, digest_of, make_content
from tools.wire import DOCKER_LIST, DOCKER_MANIFEST

COLLECTIONS: dict[str, tuple[str, ...]] = {"collected": (), "untagged-too": ("--delete-untagged",)}


@pytest.fixture(params=["stock", "newer"])
def peer(request: pytest.FixtureRequest) -> Peer:
    """Each registry that stays."""
    found: Peer = request.getfixturevalue(request.param)
    return found


@pytest.fixture(params=COLLECTIONS)
def flags(request: pytest.FixtureRequest) -> tuple[str, ...]:
    """What garbage collection is told."""
    return COLLECTIONS[request.param]


def delete_collect_restore(peer: Peer, person: Shell, named: str, *flags: str) -> None:
    """Go the way there and back, and see that each step did what it says."""
    repository, reference = named.split("/", 1)[1].replace("@", ":", 1).split(":", 1)
    done = person("rm", named)
    assert done.code == 0, done.err
    assert peer.wire.manifest(repository, reference).status == 404
    peer.collect(*flags)
    done = person("restore", named)
    assert done.code == 0, done.err


@pytest.mark.parametrize("push", [push_image, push_index])
def test_what_was_deleted_is_back(
    push: Callable[..., None], flags: tuple[str, ...], peer: Peer, person: Shell, skopeo: Skopeo,
    request: pytest.FixtureRequest,
) -> None:
    content, repository = make_content(f"{push.__name__} {flags}"), f"story/{push.__name__}{len(flags)}"
    push(peer.wire, repository, content, "v1")
    named, before = f"{peer.address}/{repository}:v1", read_tags(peer.wire, repository)

    delete_collect_restore(peer, person, named, *flags)

    assert read_tags(peer.wire, repository) == before
    kind: Kind = "index" if push is push_index else "image"
    pulled = skopeo.pull(kind, named)
    assert pulled.bodies.items() >= before["v1"].bodies.items()
    if flags and peer.name == "docker-registry":
        docker: Docker = request.getfixturevalue("docker")
        assert before["v1"].digest in docker.pull(kind, named).digests


def test_another_image_with_the_same_layers_is_left_alone(peer: Peer, person: Shell) -> None:
    """They share layers, in one repository and across two."""
    gone, stays = make_content("shared gone"), make_content("shared stays")
    push_image(peer.wire, "story/shared", gone, "v1")
    push_image(peer.wire, "story/shared", stays, "v2")
    push_image(peer.wire, "story/shared-too", gone, "v1")
    before = [read_tags(peer.wire, name) for name in ("story/shared", "story/shared-too")]
    named = f"{peer.address}/story/shared:v1"
    assert person("rm", named).code == 0
    peer.collect()
    assert read_tags(peer.wire, "story/shared") == {"v2": before[0]["v2"]}
    assert read_tags(peer.wire, "story/shared-too") == before[1]
    assert person("restore", named).code == 0
    assert read_tags(peer.wire, "story/shared") == before[0]


@pytest.mark.parametrize("kind", ["image", "index"])
def test_docker_types_are_saved_as_they_are(peer: Peer, person: Shell, skopeo: Skopeo, kind: str) -> None:
    """A registry that is asked for the wrong type converts: other bytes, another digest."""
    content, repository = make_content(f"docker {kind}"), f"story/docker-{kind}"
    place = source(skopeo.directory, "index" if kind == "index" else "image", content)
    named = f"{peer.address}/{repository}:v1"
    whole = ["--all"] if kind == "index" else []
    run(
        skopeo.program, "--insecure-policy", "copy", "--quiet", *whole, "--format=v2s2", "--dest-tls-verify=false",
        f"oci:{place}:{TAG}", f"docker://{named}",
    )  # fmt: skip
    before = read_tags(peer.wire, repository)
    types = set(before["v1"].media_types.values())
    assert types == ({DOCKER_MANIFEST, DOCKER_LIST} if kind == "index" else {DOCKER_MANIFEST})
    delete_collect_restore(peer, person, named, "--delete-untagged")
    assert read_tags(peer.wire, repository) == before


def test_signatures_of_every_kind_go_along_and_come_back(peer: Peer, person: Shell, tmp_path: Path) -> None:
    """A referrer by oras, one by regctl, cosign's tag, and the fallback tag that lists what refers."""
    content, repository = make_content("signed"), "story/signed"
    push_index(peer.wire, repository, content, "v1")
    made = sign(f"{peer.address}/{repository}", content.index.digest, tmp_path)
    before = read_tags(peer.wire, repository)
    assert before.keys() == {"v1"} | made
    fallback = before[content.index.digest.replace(":", "-")]
    assert len(fallback.media_types) == 4  # the list, and three that refer
    delete_collect_restore(peer, person, f"{peer.address}/{repository}:v1", "--delete-untagged")
    assert read_tags(peer.wire, repository) == before


def test_an_index_of_blobs_is_kept_with_them(plain: Plain, person: Shell) -> None:
    """As a build cache is exported: the entries of its index are layers, and nobody else has them."""
    named = f"{plain.address}/story/cache:v1"
    layer, config = Part(LAYER, b"a cached layer" * 100), Part(CONFIG, b'{"layers":[]}')
    entries = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [layer.descriptor(), config.descriptor()]}
    for blob in (layer, config):
        plain.wire.push_blob("story/cache", blob)
    plain.wire.push_manifest("story/cache", "v1", Part(INDEX, json.dumps(entries).encode()))
    assert person("rm", named).code == 0
    for blob in (layer, config):
        plain.wire.ask("DELETE", f"/v2/story/cache/blobs/{blob.digest}").expect(202)
    plain.collect()
    assert plain.wire.blob("story/cache", layer.digest).status == 404
    assert person("restore", named).code == 0
    assert [plain.wire.blob("story/cache", blob.digest).body for blob in (layer, config)] == [layer.body, config.body]


def test_what_goes_along_is_gone_with_the_image(peer: Peer, person: Shell, tmp_path: Path) -> None:
    content, repository = make_content("signed gone"), "story/signed-gone"
    push_index(peer.wire, repository, content, "v1")
    sign(f"{peer.address}/{repository}", content.index.digest, tmp_path)
    attached = read_tags(peer.wire, repository)
    assert person("rm", f"{peer.address}/{repository}:v1").code == 0
    assert tags_of(peer.wire, repository) == []
    for closure in attached.values():
        for digest in closure.media_types:
            assert peer.wire.manifest(repository, digest).status == 404


def test_bytes_and_type_come_back_as_they_were(peer: Peer, person: Shell) -> None:
    """Odd spaces, a newline at the end, no mediaType in the body: no program would write it that way again."""
    content, repository = make_content("odd"), "story/odd"
    push_image(peer.wire, repository, content)
    document = json.loads(content.amd64.body)
    del document["mediaType"]
    odd = Part(content.amd64.media_type, json.dumps(document, indent=5).encode() + b"\n \n")
    peer.wire.push_manifest(repository, "v1", odd)
    named = f"{peer.address}/{repository}:v1"
    delete_collect_restore(peer, person, named, "--delete-untagged")
    back = peer.wire.manifest(repository, "v1")
    assert (back.body, back.headers["content-type"]) == (odd.body, odd.media_type)


def test_where_nothing_can_be_mounted_bytes_are_copied(stock: Peer, person: Shell, skopeo: Skopeo) -> None:
    content, repository = make_content("copied"), "story/copied"
    push_index(stock.wire, repository, content, "v1")
    before = read_tags(stock.wire, repository)
    with Relay(stock.address, mounts=False) as relay:
        delete_collect_restore(stock, person, f"{relay.address}/{repository}:v1", "--delete-untagged")
        tried = [request for request in relay.requests if "mount=" in request.path]
    assert tried
    assert read_tags(stock.wire, repository) == before
    assert content.index.digest in skopeo.pull("index", f"{stock.address}/{repository}:v1").bodies
    assert uploads_left(stock, repository) == []


def uploads_left(peer: Peer, repository: str) -> list[str]:
    """Return the upload sessions that were opened and not ended, in a repository and its trash.

    Of a session that was ended 2.8.2 leaves the state of a hash behind, and takes it away after a week.
    """
    base = peer.server.root / "docker/registry/v2/repositories"
    places = [base / name / "_uploads" for name in (repository, f"refloat-trash/{repository}")]
    return [path.parent.name for place in places for path in place.glob("*/startedat")]


LARGE = 300 << 20
MOST = 150 << 20  # bytes of memory


@pytest.mark.parametrize("mounts", [True, False], ids=["mounted", "copied"])
def test_a_large_layer_needs_little_memory(stock: Peer, person: Shell, mounts: bool) -> None:
    repository = f"story/large-{mounts}".lower()
    layer = Part(LAYER, bytes(range(256)) * (LARGE // 256 - 1) + repository.encode().rjust(256))
    image = one_layer(layer)
    for part in image[:2]:
        stock.wire.push_blob(repository, part)
    stock.wire.push_manifest(repository, "v1", image[2])
    with Relay(stock.address, mounts=mounts) as relay:
        named = f"{relay.address}/{repository}:v1"
        for verb in ("rm", "restore"):
            assert peak(person, verb, named) < MOST
            stock.collect("--delete-untagged")
    assert read_closure(stock.wire, repository, "v1").bodies[layer.digest] == layer.body


MEASURED = """
import resource, subprocess, sys
subprocess.run([sys.executable, "-m", "refloat", *sys.argv[1:]], stdout=subprocess.DEVNULL, check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss << 10)
"""


def peak(person: Shell, *arguments: str) -> int:
    """Run `refloat ARGUMENTS` and return the most memory it had, in bytes.

    By way of a small process: what a process had when it was forked counts as its own, and this one holds the layer.
    """
    command = [sys.executable, "-c", MEASURED, *arguments]
    return int(subprocess.run(command, env=person.environment, capture_output=True, text=True, check=True).stdout)


def one_layer(layer: Part) -> tuple[Part, Part, Part]:
    """Return an image of one layer: config, layer, manifest."""
    rootfs = {"type": "layers", "diff_ids": [digest_of(layer.body)]}
    config = Part(CONFIG, json.dumps({"architecture": "amd64", "os": "linux", "rootfs": rootfs}).encode())
    body = {"schemaVersion": 2, "config": config.descriptor(), "layers": [layer.descriptor()]}
    return config, layer, Part("application/vnd.oci.image.manifest.v1+json", json.dumps(body).encode())
