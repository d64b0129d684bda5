"""What every power cut needs."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.powercuts import disk
from tests.powercuts.disk import Memory


@pytest.fixture(autouse=True)
def _disks() -> None:
    reason = disk.missing()
    if reason is not None:
        pytest.skip(f"a disk in memory {reason}")


@pytest.fixture
def space(tmp_path: Path) -> Iterator[Memory]:
    """Space in memory for disks."""
    with disk.memory(tmp_path / "memory") as space:
        yield space
