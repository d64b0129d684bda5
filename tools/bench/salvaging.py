"""Rows of `refloat salvage`: a registry:2's directory of a million blobs, of which people deleted much."""

import os
import resource
import stat
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from tools.bench.disk import disk_of_its_own
from tools.bench.plan import OURS, Plan, Results
from tools.bench.rows import SALVAGE, Row
from tools.bench.trees import INSIDE, LEAST_LAYER, Grown, grow
from tools.provision import find
from tools.serving import REFLOAT
from tools.tracing import reads, tracing

BLOBS_AN_IMAGE = 100
"""Blobs of this directory for each image of the plan's large registry."""
INTERVAL = 0.02
"""Seconds between two looks at the process."""
INODES = 2.8
"""Of the filesystem, for each blob: its directory and that of a link to it, and what manifests and tags need."""
BEGINNING = 64
"""Bytes that tell of a blob which no repository names whether it can be a manifest."""


class Watched:
    """Looks at one process until it ends: its most resident memory and the bytes of all its reads, files or not."""

    def __init__(self, pid: int) -> None:
        self._place = Path(f"/proc/{pid}")
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.resident = 0
        self.read = 0

    def _watch(self) -> None:
        while not self._stop.wait(INTERVAL):
            self.resident = max(self.resident, self._number("status", "VmHWM:") * 1024)
            self.read = max(self.read, self._number("io", "rchar:"))

    def _number(self, name: str, field: str) -> int:
        try:
            lines = (self._place / name).read_text().splitlines()
        except OSError:
            return 0
        return next((int(line.split()[1]) for line in lines if line.startswith(field)), 0)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()


def measure(plan: Plan, results: Results) -> None:
    """Measure the rows of salvage that are wanted. They are about refloat alone."""
    rows = {row.key: row for row in plan.wants(SALVAGE)}
    if not rows or not any(kind.name == OURS for kind in plan.kinds):
        return
    blobs = plan.images * BLOBS_AN_IMAGE
    with disk_of_its_own(plan.directory / "salvage", int(blobs * INODES)) as disk:
        root = disk / "registry"
        began = time.perf_counter()
        grown = grow(root, blobs)
        results.remarks.append(
            f"the directory that is salvaged has {grown.blobs:,} blobs, layers of {grown.layer_bytes / 1e12:.1f} TB "
            f"among them, and was written in {time.perf_counter() - began:.0f} s; {grown.whole:,} images are found "
            f"whole in it, {grown.broken:,} not."
        )
        for _ in range(plan.rounds):
            numbers = _run(root, grown)
            for key, row in rows.items():
                if key in numbers:
                    results.add(row, OURS, numbers[key])
        if "salvage-layers" in rows:
            _look(root, grown, rows["salvage-layers"], results)


def _look(root: Path, grown: Grown, row: Row, results: Results) -> None:
    """See which layers are read, where there is a program that tells."""
    strace = find("strace")
    if strace is None:
        return
    traced = _trace(root, strace, grown)
    results.add(row, OURS, traced.others)
    results.remarks.append(
        f"of {traced.beginnings:,} layers that no repository names, and that are small enough to be manifests, salvage "
        f"read the first {BEGINNING} bytes; it opened no other."
    )


def _run(root: Path, grown: Grown) -> dict[str, float]:
    """Run the command. Returns a number for each row but the last."""
    lines = root.with_suffix(".lines")
    with lines.open("wb") as out:
        before, began = _worked(), time.perf_counter()
        process = subprocess.Popen(
            [str(REFLOAT), "salvage", str(root)], stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.DEVNULL
        )
        with Watched(process.pid) as seen:
            code = process.wait()
        took, worked = time.perf_counter() - began, _worked() - before
    _check(lines, code, grown)
    return {
        "salvage": took, "salvage-cpu": worked,
        "salvage-memory": seen.resident / 2**20, "salvage-read": seen.read / 1e6,
    }  # fmt: skip


def _worked() -> float:
    """Return the processor time of all children that have ended, in seconds."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _check(lines: Path, code: int, grown: Grown) -> None:
    """Raise RuntimeError unless everything was found."""
    with lines.open() as found:
        missing = [line.rstrip("\n").split("\t")[-1] for line in found]
    whole = missing.count("")
    if code or (whole, len(missing) - whole) != (grown.whole, grown.broken):
        raise RuntimeError(
            f"salvage ended with {code} and found {whole:,} images whole, {len(missing) - whole:,} not; "
            f"there are {grown.whole:,} and {grown.broken:,}"
        )


@dataclass
class Traced:
    """How many layers were read at their beginning only, and how many otherwise."""

    beginnings: int
    others: int


def _trace(root: Path, strace: Path, grown: Grown) -> Traced:
    """Run the command with what it opens and reads written down. A layer is a blob larger than any manifest here."""
    trace, lines = root.with_suffix(".trace"), root.with_suffix(".lines")
    with lines.open("wb") as out:
        done = subprocess.run(
            [*tracing(strace, trace, "openat,read"), str(REFLOAT), "salvage", str(root)],
            stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.DEVNULL, check=False,
        )  # fmt: skip
    _check(lines, done.returncode, grown)
    read = reads(trace, root / INSIDE / "blobs")
    sizes = ((os.stat(path), count) for path, count in read.items())
    layers = [count for seen, count in sizes if stat.S_ISREG(seen.st_mode) and seen.st_size >= LEAST_LAYER]
    trace.unlink()
    beginnings = layers.count(BEGINNING)
    return Traced(beginnings, len(layers) - beginnings)
