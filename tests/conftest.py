"""Servers for black-box tests, each over a directory of its own on loopback: `refloat serve`, and a Docker engine."""

from collections.abc import Callable, Iterator

import pytest

from tests.clients.engine import Engine
from tests.programs import needed, needed_root
from tools.serving import Served

Serve = Callable[..., Served]


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server with the shipped settings that tests share; each uses repositories of its own."""
    place = tmp_path_factory.mktemp("registry")
    with Served(place / "root", place / "serve.log") as served:
        yield served


@pytest.fixture
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serve]:
    """Start servers of this test's own: `serve(REGISTRY_REFLOAT_WINDOW="2s")`. All are stopped at its end."""
    running: list[Served] = []

    def start(**settings: str) -> Served:
        place = tmp_path_factory.mktemp("served")
        served = Served(place / "root", place / "serve.log", settings)
        running.append(served)
        return served.start()

    yield start
    for served in running:
        served.stop()


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A Docker engine."""
    needed_root()
    needed("docker")
    with Engine(needed("dockerd"), tmp_path_factory.mktemp("e")) as running:
        yield running
