"""The locks hold every dependency with its hashes and name no index, so that any mirror serves them."""

import re
import tomllib
from pathlib import Path

import pytest

from tools.provision import HOME

LOCKS = ("serve", "develop", "go")


def locked(name: str) -> dict[str, str]:
    """Return the version each package is locked to."""
    text = (HOME / "requirements" / f"{name}.txt").read_text()
    return dict(re.findall(r"^([a-z0-9._-]+)==([^ ;\\]+)", text, re.MULTILINE))


def wanted(requirements: list[str]) -> set[str]:
    return {re.split(r"[\[<>=~ ]", requirement)[0].lower() for requirement in requirements}


@pytest.mark.parametrize("name", LOCKS)
def test_lock_is_hashed_and_names_no_index(name: str) -> None:
    text = (HOME / "requirements" / f"{name}.txt").read_text()
    assert "--index" not in text
    assert "://" not in text
    entries = re.split(r"^(?=[a-z])", text, flags=re.MULTILINE)
    assert all("--hash=sha256:" in entry for entry in entries if "==" in entry)


def test_locks_hold_what_the_project_asks_for() -> None:
    project = tomllib.loads((HOME / "pyproject.toml").read_text())
    run = wanted(project["project"]["dependencies"])
    assert run <= locked("serve").keys()
    assert run | wanted(project["dependency-groups"]["dev"]) <= locked("develop").keys()
    shared = locked("serve").keys() & locked("develop").keys()
    assert [name for name in shared if locked("serve")[name] != locked("develop")[name]] == []


def test_nothing_under_version_control_is_a_lock_with_hosts() -> None:
    assert not Path(HOME / "uv.lock").exists()
