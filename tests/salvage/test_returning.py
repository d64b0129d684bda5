"""`refloat salvage --to`: what was found is in the running server again, and every client pulls it byte for byte."""

import socket
from pathlib import Path

import pytest

from tests.clients.drivers import Crane, Docker, LayoutClient, Skopeo
from tests.clients.engine import Engine
from tests.portable.peers import PROGRAMS
from tests.programs import needed
from tests.salvage.conftest import Stock, collect
from tests.salvage.speaking import put_back, salvage, short, whole
from tests.serve.program import refloat
from tools.bench.servers import Kind, Server
from tools.content import image_parts, index_parts, make_content
from tools.serving import Served

PULLING: dict[str, type[LayoutClient]] = {"skopeo": Skopeo, "crane": Crane}


def kept(stock: Stock) -> dict[str, dict[str, bytes]]:
    """Return what has tags all the time, by reference, and every byte of it."""
    contents = stock.contents
    named = {"team/kept:v1": "kept", "team/multi:v1": "newer"}
    whole = {reference: index_parts(contents[name]) for reference, name in named.items()}
    return {
        reference: {part.digest: part.body for part in parts}
        for reference, parts in (whole | {"team/api:v1": image_parts(contents["second"])}).items()
    }


@pytest.mark.parametrize("client", list(PULLING))
def test_everything_goes_back_and_pulls(each: Stock, client: str, tmp_path: Path) -> None:
    """Everything that is whole, under its name, byte for byte; what was there all the time stays as it is."""
    pulling = PULLING[client](needed(client), tmp_path)
    with Server(each.kind, each.root) as server:
        back = put_back(each, server.address, whole(each))
        assert {digest: reference.partition(":")[0] for digest, reference in back.items()} == {
            digest: name for digest, (_, name, _, _) in whole(each).items()
        }
        for digest, reference in back.items():
            assert pulling.pull("index", f"{server.address}/{reference}").bodies == each.parts(digest), reference
            name = reference.partition(":")[0]
            assert pulling.pull("index", f"{server.address}/{name}@{digest}").bodies == each.parts(digest)
        for reference, bodies in kept(each).items():
            assert pulling.pull("index", f"{server.address}/{reference}").bodies == bodies, reference
        again = salvage(each, *back, "--to", server.address, code=6)
        assert "nothing that was deleted is" in again.stderr


def test_the_next_version_takes_what_the_one_before_left(stock: Stock, tmp_path: Path) -> None:
    """The directory of a 2.8 whose server is a 3 by now."""
    newer = Kind("distribution 3", needed(PROGRAMS["distribution 3"]), tree=True)
    crane = Crane(needed("crane"), tmp_path)
    with Server(newer, stock.root) as server:
        for digest, reference in put_back(stock, server.address, whole(stock)).items():
            assert crane.pull("index", f"{server.address}/{reference}").bodies == stock.parts(digest), reference


@pytest.mark.parametrize("name", list(PROGRAMS))
def test_docker_pulls_what_docker_pushed(name: str, engine: Engine, tmp_path: Path) -> None:
    """Two images under one tag, the second deleted by digest: both come back, and docker has them as they were."""
    docker = Docker(["docker", "--host", engine.host, "--config", tmp_path / "config"], tmp_path, {})
    stock = Stock(Kind(name, needed(PROGRAMS[name]), tree=True), tmp_path / "root", {})
    with Server(stock.kind, stock.root) as server:
        reference = f"{server.address}/team/app:v1"
        pushed = {}
        for salt in ("over", "under"):
            docker.push("image", make_content(f"docker {name} {salt}"), reference)
            digest = docker_digest(docker, reference)
            pushed[digest] = docker.pull("image", reference).digests
        Crane(needed("crane"), tmp_path).delete(f"{server.address}/team/app@{digest}")
        for digest, back in put_back(stock, server.address, pushed).items():
            assert docker.pull("image", f"{server.address}/{back}").digests == pushed[digest]


def docker_digest(docker: Docker, reference: str) -> str:
    """Return the digest of what docker just pushed."""
    found = docker.run("image", "inspect", "--format", "{{index .RepoDigests 0}}", reference)
    return found.strip().rpartition("@")[2]


def test_only_the_servers_own_additions_change_the_directory(each: Stock) -> None:
    """No file that was there is another one, and what is new is in the repositories that got something back."""
    before = each.seen()
    with Server(each.kind, each.root) as server:
        references = put_back(each, server.address, whole(each)).values()
    after = each.seen()
    names = {reference.partition(":")[0] for reference in references}
    places = tuple(f"docker/registry/v2/repositories/{name}" for name in names)
    repositories = "docker/registry/v2/repositories"
    above = {"docker/registry/v2/repositories", f"{repositories}/lost-found", f"{repositories}/team"}
    changed = {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}
    assert {path for path in changed if not path.startswith(places) and path not in above} == set()
    assert {path for path, seen in before.items() if seen[-1] and after[path][-1] != seen[-1]} == set()


def test_what_was_put_back_survives_the_next_collection(stock: Stock) -> None:
    """One that leaves alone what has no tag: 2.8 takes the parts of a tagged index with `--delete-untagged`."""
    digest = stock.contents["deleted"].index.digest
    with Server(stock.kind, stock.root) as server:
        salvage(stock, digest, "--to", server.address)
    collect(stock)
    for part in index_parts(stock.contents["deleted"]):
        assert stock.blob(part.digest).read_bytes() == part.body


def test_a_registry_of_another_kind_takes_it_too(stock: Stock, registry: Served) -> None:
    content = stock.contents["removed"]
    salvage(stock, content.index.digest, "--to", registry.address)
    name = f"lost-found/{short(content.index.digest)}"
    assert registry.wire.manifest(name, f"salvaged-{short(content.index.digest)}").body == content.index.body
    for part in content.blobs:
        if part in index_parts(content):
            assert registry.wire.blob(name, part.digest).body == part.body


def test_where_nothing_listens_nothing_is_put_back(stock: Stock) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        assert f"nothing listens at {address}" in salvage(stock, "team/web", "--to", address, code=9).stderr


def test_an_image_gets_the_tag_that_is_said(stock: Stock, tmp_path: Path) -> None:
    digest = stock.contents["deleted"].index.digest
    with Server(stock.kind, stock.root) as server:
        done = salvage(stock, "team/web", "--to", server.address, "--as", "v1")
        assert done.stderr.splitlines()[-1] == "Put back: team/web:v1"
        pulled = Crane(needed("crane"), tmp_path).pull("index", f"{server.address}/team/web:v1")
    assert pulled.bodies == stock.parts(digest)


def test_no_tag_is_moved(stock: Stock, tmp_path: Path) -> None:
    """The tag that is said is another image's by now."""
    with Server(stock.kind, stock.root) as server:
        done = salvage(stock, "team/api", "--to", server.address, "--as", "v1", code=7)
        assert "error: team/api:v1 is there, and is another image\n  hint: --as TAG " in done.stderr
        pulled = Crane(needed("crane"), tmp_path).pull("image", f"{server.address}/team/api:v1")
    assert pulled.bodies == stock.parts(stock.contents["second"].amd64.digest)


def test_one_image_is_given_a_tag(stock: Stock) -> None:
    with Server(stock.kind, stock.root) as server:
        done = salvage(stock, "team/web", "team/inferred", "--to", server.address, "--as", "v1", code=2)
        assert "--as gives one image a tag, and 2 are to be put back: name one" in done.stderr
        assert "nothing that" not in salvage(stock, "team/web").stderr


def test_which_images_go_back_has_to_be_said(stock: Stock) -> None:
    done = refloat("salvage", str(stock.root), "--to", "127.0.0.1:5000", home=stock.root.parent)
    assert (done.returncode, "say which images to put back" in done.stderr) == (2, True)


def test_plain_http_stays_on_this_machine(stock: Stock) -> None:
    done = salvage(stock, "team/web", "--to", "http://registry.example.com", code=9)
    assert "would be asked over plain HTTP" in done.stderr
