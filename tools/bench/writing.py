"""Rows of pushing: each turn is a fresh server over a fresh directory, thrown away after it."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from math import nan
from pathlib import Path

from tools.bench.generators import finished, load, loading, wrk
from tools.bench.memory import Peak
from tools.bench.plan import Plan, Results
from tools.bench.rows import WRITING, Row
from tools.bench.seeding import push_one
from tools.bench.seeds import MB, Image, make_file, small_image
from tools.bench.servers import Server

SIZE = 100 * MB
TAIL = 64
"""Bytes the load program adds to the file, so that every upload has a digest of its own."""


@dataclass(frozen=True)
class Turn:
    """One server's turn."""

    server: Server
    file: Path
    image: Image
    seconds: float


def measure(plan: Plan, results: Results) -> None:
    """Measure the rows of writing that are wanted."""
    rows = plan.wants(WRITING)
    if not rows:
        return
    directory = plan.directory / "files"
    directory.mkdir(parents=True, exist_ok=True)
    file = make_file(directory / "upload", SIZE, less=TAIL)
    for turn in plan.turns(list(plan.kinds)):
        for kind in turn:
            root = plan.place("writing", kind)
            os.sync()  # what the server before left to be written must not slow this one
            with Server(kind, root) as server:
                numbers = _numbers(Turn(server, file.path, _app(server), plan.seconds), rows, results)
                for row in rows:
                    results.add(row, server.name, numbers.get(row.key, nan))
            _drop_large(root)


def _drop_large(root: Path) -> None:
    """Give the disk its space back, and keep small files and directories until everything is measured.

    ext4 goes a long way round inodes that were freed a moment ago: whoever came next would pay for it.
    """
    for path in root.rglob("*"):
        if path.is_file() and path.stat().st_size > MB:
            path.unlink()
    root.rename(root.with_name(f"{root.name}-{time.monotonic_ns()}"))


def _app(server: Server) -> Image:
    """Put an image there to be pulled, over the wire in every registry: the server is running."""
    image = small_image("bench/app", 1, layers=10)
    push_one(server.address, image)
    return image


def _numbers(turn: Turn, rows: list[Row], results: Results) -> dict[str, float]:
    """Let one server show what it can. A peer that fails under load fails in this round, and that is told."""
    numbers: dict[str, float] = {}
    wanted = {row.key for row in rows}
    for keys, cell in CELLS:
        try:
            numbers |= cell(turn) if wanted & keys else {}
        except RuntimeError as failure:
            if not turn.server.kind.tree:
                raise
            results.remarks.append(f"{turn.server.name} failed once in {', '.join(sorted(keys))}: {failure}")
    return numbers


def _put_one(turn: Turn) -> dict[str, float]:
    done = load("upload", turn.server.address, file=turn.file, count=6, at_once=1)
    return {"put-1": done.gigabytes_per_second}


def _put_sixteen(turn: Turn) -> dict[str, float]:
    assert turn.server.process is not None
    with Peak(turn.server.process.pid) as peak:
        done = load("upload", turn.server.address, file=turn.file, count=16, at_once=16)
    return {"put-16": done.gigabytes_per_second, "memory": peak.most / MB}


def _pull_while_pushing(turn: Turn) -> dict[str, float]:
    path = turn.image.by("latest")
    wrk(turn.server.address, path, connections=16, seconds=1)
    lasting = f"{2 * max(1, round(turn.seconds)) + 1}s"
    uploads = loading("upload", turn.server.address, file=turn.file, at_once=4, lasting=lasting)
    many = wrk(turn.server.address, path, connections=16, seconds=turn.seconds)
    one = wrk(turn.server.address, path, connections=1, seconds=turn.seconds)
    return {"p99": many.p99, "p99-one": one.p99, "p99-uploads": finished(uploads).gigabytes_per_second}


def _pushes(key: str, at_once: int) -> Callable[[Turn], dict[str, float]]:
    def cell(turn: Turn) -> dict[str, float]:
        done = load(
            "push", turn.server.address, repository=f"bench/{key}", at_once=at_once, lasting=f"{turn.seconds}s"
        )
        return {key: done.per_second}

    return cell


CELLS: tuple[tuple[set[str], Callable[[Turn], dict[str, float]]], ...] = (
    ({"push-1"}, _pushes("push-1", 1)),
    ({"push-8"}, _pushes("push-8", 8)),
    ({"put-1"}, _put_one),
    ({"put-16", "memory"}, _put_sixteen),
    ({"p99", "p99-one", "p99-uploads"}, _pull_while_pushing),
)
"""In this order: the small pushes first, before there is anything for the disk to catch up with."""
