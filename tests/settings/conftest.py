"""Loading a configuration written in a test."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from refloat.settings import Flags, Loaded, load

Load = Callable[..., Loaded]


@pytest.fixture
def loading(tmp_path: Path) -> Load:
    """Load `text` as a configuration file, `variables` as the environment."""

    def run(text: str | None = None, variables: Mapping[str, str] | None = None, flags: Flags | None = None) -> Loaded:
        path = None
        if text is not None:
            path = tmp_path / "config.yml"
            path.write_text(text if "version:" in text else f"version: 0.1\n{text}")
        return load(path, {"HOME": "/home/ann", **(variables or {})}, flags)

    return run
