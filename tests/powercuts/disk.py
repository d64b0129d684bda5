"""A disk in memory that loses what was not synced: ext4 in a file on a tmpfs, over a loop device.

The file is what has reached the disk. A copy of it, mounted, is what a machine finds after a power cut.
"""

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

PATIENCE = 30.0  # seconds in which a disk has to stand still, or be let go of
_WRITES, _SECTORS, _IN_FLIGHT = 4, 6, 8  # fields of /sys/block/DEVICE/stat


def missing() -> str | None:
    """Return why no such disk can be had here; None: it can."""
    if os.geteuid() != 0:
        return "needs root: only root may mount"
    for program in ("losetup", "mkfs.ext4", "mount", "umount"):
        if find(program) is None:
            return f"needs {program}"
    return None if Path("/dev/loop-control").exists() else "needs loop devices"


@contextmanager
def memory(place: Path) -> Iterator[Path]:
    """Mount a tmpfs at `place`. In the end whatever is mounted there or below is unmounted, and it is gone."""
    place.mkdir()
    _run("mount", "-t", "tmpfs", "-o", "size=4g,mode=700", "refloat-memory", str(place))
    try:
        yield place
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

    def written(self) -> tuple[str, ...]:
        """Return what is different after anything was written: counters, the requests under way, a time stamp."""
        fields = Path(f"/sys/block/{self.device}/stat").read_text().split()
        return (fields[_WRITES], fields[_SECTORS], fields[_IN_FLIGHT], f"{self.image.stat().st_mtime_ns}")

    def stands_still(self) -> bool:
        """Is nothing being written?"""
        return self.written()[2] == "0"


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


def copy_still(disks: Sequence[Disk], to: Path) -> list[Path]:
    """Copy all disks as they are at one instant. Raises TimeoutError if they never stand still.

    The kernel writes when it likes. A copy during which it did is a mixture of two instants, which no power
    cut leaves; it is thrown away and taken again.
    """
    to.mkdir()
    copies = [to / disk.image.name for disk in disks]
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        before = [disk.written() for disk in disks]
        if not all(disk.stands_still() for disk in disks):
            continue
        for disk, copy in zip(disks, copies, strict=True):
            copy_data(disk.image, copy)
        if [disk.written() for disk in disks] == before:
            return copies
    raise TimeoutError("the disks never stand still")


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


def loses_what_is_not_synced(place: Path) -> bool:
    """Try it: of two files written alike, does a cut leave only the one that was synced?"""
    with ExitStack() as held:
        disk = make_disk(place / "tried.img", place / "tried", 300)
        held.callback(let_go, disk.place)
        for name in ("synced", "not-synced"):
            with (disk.place / name).open("wb", buffering=0) as file:
                file.write(b"bytes")
                if name == "synced":
                    os.fsync(file.fileno())
        (copy,) = copy_still([disk], place / "tried-cut")
        left = attach(copy, place / "tried-left")
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
