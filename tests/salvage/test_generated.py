"""The generated directory that `make bench` salvages: what it says it holds is what is found, and no layer is read."""

from pathlib import Path

import pytest

from tests.serve.program import refloat
from tools.bench import trees
from tools.bench.trees import BLOBS, grow


def lines_of(root: Path) -> list[list[str]]:
    done = refloat("salvage", str(root), home=root.parent)
    assert done.returncode == 0, done.stderr
    return [line.split("\t") for line in done.stdout.splitlines()]


def test_what_it_holds_is_found(tmp_path: Path) -> None:
    grown = grow(tmp_path / "registry", BLOBS + 1)
    lines = lines_of(tmp_path / "registry")
    assert grown.blobs == 2 * BLOBS - 2  # a layer of each repository is missing
    assert (grown.whole, grown.broken) == (sum(not line[-1] for line in lines), sum(bool(line[-1]) for line in lines))
    assert {line[7] for line in lines} == {"deleted", "replaced", "untagged"}


def test_what_a_removed_folder_held_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trees, "FOLDER_GONE", 2)
    grown = grow(tmp_path / "registry", BLOBS + 1)
    lines = lines_of(tmp_path / "registry")
    assert (grown.whole, grown.broken) == (sum(not line[-1] for line in lines), sum(bool(line[-1]) for line in lines))
    assert sum(line[0].startswith("lost-found/") for line in lines) == 80
