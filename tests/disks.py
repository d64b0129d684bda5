"""Disks small enough to be filled."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest


@contextmanager
def small_disk(place: Path, size: str) -> Iterator[Path]:
    """Mount an empty filesystem of `size` (such as `8m`) at `place`, in memory. Skips where that is not allowed."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount a disk that is small enough to be filled")
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "refloat-test", str(place)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if mounted.returncode != 0:
        pytest.skip(f"this root may not mount: {mounted.stderr.strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def fill(place: Path) -> Path:
    """Take every byte that is left on a disk, also while somebody else takes some. Returns the file that has them."""
    filler = place / "filler"
    with filler.open("ab") as file:
        while left := free(place):
            with suppress(OSError):
                os.posix_fallocate(file.fileno(), file.seek(0, os.SEEK_END), left)
    return filler


def free(place: Path) -> int:
    """Return how many bytes a disk has left."""
    disk = os.statvfs(place)
    return disk.f_bavail * disk.f_frsize
