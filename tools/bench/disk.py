"""A filesystem in one file, for directories of millions of files: removing the file removes them at once."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tools.provision import find

INODE = 256  # bytes: a directory of one entry is kept in it
SPARE = 2048  # bytes of disk for each inode


@contextmanager
def disk_of_its_own(place: Path, inodes: int) -> Iterator[Path]:
    """Mount a new ext4 of so many inodes at `place`, kept in a file beside it. Where that is not allowed, and it
    takes root, `place` is a plain directory, whose removal takes as long as it takes.
    """
    image = place.with_suffix(".ext4")
    place.mkdir()
    if not _made(image, inodes) or not _ran("mount", "-o", "loop,nodiscard", image, place):
        image.unlink(missing_ok=True)
        yield place
        return
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)
        image.unlink()


def _made(image: Path, inodes: int) -> bool:
    """Make a sparse file that has a filesystem."""
    if os.geteuid() != 0 or find("mkfs.ext4") is None:
        return False
    with image.open("wb") as file:
        file.truncate(inodes * (INODE + SPARE))
    features = ("-O", "^has_journal,inline_data", "-E", "nodiscard,lazy_itable_init=1")
    sizes = ("-b", "4096", "-I", str(INODE), "-N", str(inodes), "-m", "0")
    return _ran(str(find("mkfs.ext4")), "-q", "-F", *features, *sizes, image)


def _ran(*command: str | Path) -> bool:
    return subprocess.run([str(part) for part in command], capture_output=True, check=False).returncode == 0
