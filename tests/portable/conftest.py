"""Registries that tests share, each started once: every test has repositories of its own."""

from collections.abc import Iterator

import pytest

from tests.portable.peers import NO_DELETES, Peer, with_passwords


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
