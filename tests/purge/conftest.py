from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.purge.registry import Registry


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    registry = Registry(tmp_path / "refloat")
    yield registry
    registry.close()
