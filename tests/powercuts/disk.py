"""A disk in memory that loses what was not synced: ext4 in a file on a tmpfs, over a loop device.

The file is what has reached the disk. A copy of it, mounted, is what a machine finds after a power cut. Copies are
taken while every write to the file is held back, so they are of one instant, often in the middle of a sync.
"""

import fcntl
import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tools.provision import find

SIZE = 96 << 20
"""Bytes of a disk: plenty for what is pushed, and too few for refloat's ballast, which would only be copied."""

DRIVE_SIZE = 512 << 20  # bytes for the files of the disks of one server
PATIENCE = 30.0  # seconds until a mount is no longer used
_FREEZE, _THAW = 0xC0045877, 0xC0045878  # FIFREEZE, FITHAW of linux/fs.h


def missing() -> str | None:
    """Return why no such disk can be had here; None: it can."""
    if os.geteuid() != 0:
        return "needs root: only root may mount"
    for program in ("losetup", "mkfs.ext4", "mount", "umount"):
        if find(program) is None:
            return f"needs {program}"
    return None if Path("/dev/loop-control").exists() else "needs loop devices"


@dataclass(frozen=True, slots=True)
class Memory:
    """Space in memory: `place` for anything, and `drive` for the files of disks, which can be made to stand still."""

    place: Path
    drive: Path

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Hold back every write to the files of disks: a sync of a disk that is under way stops half-way."""
        drive = os.open(self.drive, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.ioctl(drive, _FREEZE, 0)
            try:
                yield
            finally:
                fcntl.ioctl(drive, _THAW, 0)
        finally:
            os.close(drive)


@contextmanager
def memory(place: Path) -> Iterator[Memory]:
    """Take space in memory. In the end whatever is mounted there is unmounted, and it is gone.

    The files of disks lie on a file system of their own, itself in a file, because a tmpfs cannot be frozen.
    """
    place.mkdir()
    _run("mount", "-t", "tmpfs", "-o", "size=4g,mode=700", "refloat-memory", str(place))
    try:
        image, drive = place / "drive.img", place / "drive"
        with image.open("wb") as file:
            file.truncate(DRIVE_SIZE)
        _run("mkfs.ext4", "-q", "-F", "-m", "0", "-N", "256", "-O", "^has_journal", str(image))
        attach(image, drive, "noatime,discard")
        yield Memory(place, drive)
    finally:
        for mounted in sorted(_mounts_below(place), reverse=True):  # the deepest first
            let_go(mounted)
        place.rmdir()


@dataclass(frozen=True, slots=True)
class Disk:
    """A mounted disk: the file with what has reached it, where it is mounted, and its loop device."""

    image: Path
    place: Path
    device: str


def make_disk(image: Path, place: Path, commit: int) -> Disk:
    """Make a file system and mount it. `commit`: seconds after which ext4 writes its journal unasked."""
    with image.open("wb") as file:
        file.truncate(SIZE)
    options = "lazy_itable_init=0,lazy_journal_init=0"
    _run("mkfs.ext4", "-q", "-F", "-m", "0", "-J", "size=4", "-E", options, str(image))
    return attach(image, place, f"commit={commit}")


def attach(image: Path, place: Path, options: str = "rw") -> Disk:
    """Mount what is in a file; ext4 replays its journal."""
    place.mkdir(parents=True, exist_ok=True)
    _run("mount", "-t", "ext4", "-o", f"loop,{options}", str(image), str(place))
    return Disk(image, place, _mounts_below(place)[place].rpartition("/")[2])


def let_go(place: Path) -> None:
    """Unmount; the loop device goes with it. The last process may need a moment to be gone."""
    deadline = time.monotonic() + PATIENCE
    while subprocess.run(["umount", str(place)], capture_output=True, check=False).returncode:
        if time.monotonic() > deadline:
            _run("umount", "--lazy", str(place))
            return
        time.sleep(0.02)  # nothing tells when a mount is no longer used


def copy_to(disks: Sequence[Disk], to: Path) -> list[Path]:
    """Copy what has reached the disks. Unless they are frozen the copies are of no one instant."""
    to.mkdir()
    copies = [to / disk.image.name for disk in disks]
    for disk, copy in zip(disks, copies, strict=True):
        copy_data(disk.image, copy)
    return copies


def copy_data(source: Path, target: Path) -> None:
    """Copy a file without its holes."""
    with source.open("rb") as old, target.open("wb") as new:
        size, place = os.fstat(old.fileno()).st_size, 0
        while place < size:
            try:
                place = os.lseek(old.fileno(), place, os.SEEK_DATA)
            except OSError:  # only a hole is left
                break
            end = os.lseek(old.fileno(), place, os.SEEK_HOLE)
            os.lseek(new.fileno(), place, os.SEEK_SET)
            while place < end:
                place += os.sendfile(new.fileno(), old.fileno(), place, end - place)
        new.truncate(size)


def loses_what_is_not_synced(space: Memory) -> bool:
    """Try it: of two files written alike, does a cut leave only the one that was synced?"""
    with ExitStack() as held:
        disk = make_disk(space.drive / "tried.img", space.place / "tried", 300)
        held.callback(disk.image.unlink)
        held.callback(let_go, disk.place)
        for name in ("synced", "not-synced"):
            with (disk.place / name).open("wb", buffering=0) as file:
                file.write(b"bytes")
                if name == "synced":
                    os.fsync(file.fileno())
        with space.frozen():
            (copy,) = copy_to([disk], space.place / "tried-cut")
        left = attach(copy, space.place / "tried-left")
        held.callback(let_go, left.place)
        sizes = {path.name: path.stat().st_size for path in left.place.iterdir() if path.is_file()}
        return sizes.get("synced") == len(b"bytes") and not sizes.get("not-synced")


def _mounts_below(place: Path) -> dict[Path, str]:
    """Return what is mounted at a place and below it, with the devices."""
    found = {}
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        mounted = Path(line.split()[4])
        if mounted == place or place in mounted.parents:
            found[mounted] = line.partition(" - ")[2].split()[1]
    return found


def _run(program: str, *arguments: str) -> None:
    path = find(program)
    assert path is not None, program
    done = subprocess.run([str(path), *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{program} {' '.join(arguments)}: {done.stderr.strip()}")
