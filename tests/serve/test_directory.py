"""Who may serve a data directory."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from refloat.main.directory import claim
from refloat.main.refusing import LOCKED, StartRefused
from refloat.settings import Flags, Settings, load

SOMEBODY = 12345  # a user that is nobody's
HOLDER = """
import sys
from pathlib import Path
from refloat.main.directory import claim
from refloat.settings import Flags, load
claim(load(None, {}, Flags(root=Path(sys.argv[1]))).settings)
print("held", flush=True)
sys.stdin.read()
"""


def settings_for(root: Path) -> Settings:
    return load(None, {}, Flags(root=root)).settings


def test_a_directory_is_made_and_locked(tmp_path: Path) -> None:
    root = tmp_path / "a" / "b"
    lock = claim(settings_for(root))
    pid, _, host = (root / "refloat" / "lock").read_text().strip().partition(" ")
    assert int(pid) == os.getpid()
    assert host
    os.close(lock)
    os.close(claim(settings_for(root)))


def test_images_of_an_unadopted_registry_are_not_served_empty(tmp_path: Path) -> None:
    (tmp_path / "docker" / "registry" / "v2").mkdir(parents=True)
    with pytest.raises(StartRefused) as refused:
        claim(settings_for(tmp_path))
    assert "holds the images of a registry:2" in refused.value.sentence
    assert "--root DIR" in refused.value.hint
    assert sorted(path.name for path in tmp_path.iterdir()) == ["docker"]  # nothing was written


def test_the_holder_of_a_directory_is_named_and_its_end_lets_go(tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(StartRefused, match=rf"another refloat \(pid {holder.pid} on host .+\) has") as refused:
            claim(settings_for(tmp_path))
        assert refused.value.code == LOCKED
        holder.kill()
    os.close(claim(settings_for(tmp_path)))


def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StartRefused, match="Not a directory"):
        claim(settings_for(tmp_path / "file" / "root"))


def test_bytes_without_their_database_are_not_served_as_an_empty_registry(tmp_path: Path) -> None:
    settings = settings_for(tmp_path)
    day = settings.root / "refloat" / "objects" / "20261124"
    day.mkdir(parents=True)
    with pytest.raises(StartRefused) as refused:
        claim(settings)
    assert "would look empty" in refused.value.sentence


def test_a_database_without_its_bytes_is_not_served(tmp_path: Path) -> None:
    settings = settings_for(tmp_path)
    settings.database.parent.mkdir(parents=True)
    settings.database.touch()
    (settings.root / "refloat" / ".epoch").write_text("1\n")
    with pytest.raises(StartRefused) as refused:
        claim(settings)
    assert "no image could be pulled" in refused.value.sentence


def test_no_link_is_followed_to_the_lock(tmp_path: Path) -> None:
    victim, ours = tmp_path / "victim", tmp_path / "root" / "refloat"
    victim.write_text("precious")
    ours.mkdir(parents=True)
    (ours / "lock").symlink_to(victim)
    with pytest.raises(StartRefused, match="is a symbolic link, and none is followed there"):
        claim(settings_for(tmp_path / "root"))
    assert victim.read_text() == "precious"


def test_a_directory_of_another_user_is_not_served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = settings_for(tmp_path)
    os.close(claim(settings))
    if os.geteuid() == 0:
        os.chown(settings.root / "refloat", SOMEBODY, SOMEBODY)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: SOMEBODY)
    with pytest.raises(StartRefused, match="belongs to"):
        claim(settings)
