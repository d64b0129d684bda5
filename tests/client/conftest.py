"""Registries that several files of tests ask, one after the other."""

from collections.abc import Iterator

import pytest

from tests.programs import needed
from tools.bench.servers import Server, kinds

KINDS = {"refloat": "refloat", "docker-registry": "docker-registry", "distribution 3": "registry"}
"""What a registry is called, and its program."""


@pytest.fixture(scope="module", params=list(KINDS))
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Each registry in turn."""
    if request.param != "refloat":
        needed(KINDS[request.param])
    with Server(kinds()[request.param], tmp_path_factory.mktemp("registry") / "root") as running:
        yield running
