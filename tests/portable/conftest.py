"""Registries that tests share, each started once: every test has repositories of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import Shell
from tests.clients.drivers import Docker, Skopeo
from tests.clients.engine import Engine
from tests.portable.peers import NO_DELETES, Peer, Plain, with_passwords
from tests.programs import needed


@pytest.fixture(scope="session")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peer]:
    """docker-registry 2.8.2 as the original article configures it."""
    with Peer("docker-registry", tmp_path_factory.mktemp("stock")) as peer:
        yield peer


@pytest.fixture(scope="session")
def newer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peer]:
    """distribution 3 with the same configuration."""
    with Peer("distribution 3", tmp_path_factory.mktemp("newer")) as peer:
        yield peer


@pytest.fixture(scope="session")
def keeping(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peer]:
    """docker-registry 2.8.2 that does not delete."""
    with Peer("docker-registry", tmp_path_factory.mktemp("keeping"), NO_DELETES) as peer:
        yield peer


@pytest.fixture(scope="session")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peer]:
    """docker-registry 2.8.2 that asks for user and password."""
    place = tmp_path_factory.mktemp("closed")
    with Peer("docker-registry", place, with_passwords(place)) as peer:
        yield peer


@pytest.fixture(scope="session")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plain]:
    """A registry with the referrers API: refloat, its undo out of reach."""
    with Plain(tmp_path_factory.mktemp("plain")) as peer:
        yield peer


@pytest.fixture
def person(tmp_path: Path) -> Shell:
    """A person's shell, with no server in REFLOAT_HOST that answers: every reference names its own."""
    home = tmp_path / "home"
    home.mkdir()
    return Shell(home, "127.0.0.1:9")


@pytest.fixture
def docker(engine: Engine, tmp_path: Path) -> Docker:
    """The docker command, at the tests' own engine."""
    return Docker([needed("docker"), "--host", engine.host, "--config", tmp_path / "config"], tmp_path, {})


@pytest.fixture
def skopeo(tmp_path: Path) -> Skopeo:
    """skopeo, at work in this test's directory."""
    return Skopeo(needed("skopeo"), tmp_path)
