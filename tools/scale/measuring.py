"""Both registries served side by side, and asked in turns."""

import http.client
import json
import select
import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from statistics import median
from typing import Self

from tools.scale.filling import objects, read_through
from tools.scale.rows import COLLECT, DELETE, OURS, READING, REAP, UNDO, Chooser, Request, Row
from tools.scale.shape import Shape
from tools.serving import Served

SAMPLES, PATIENCE = 60, 3.0
"""So many answers, or as many as come in so many seconds, make one round's median of a row."""

DUE = 1000
HELD = 2.0
"""Seconds that what is deleted here is held, and its bytes after that, so that a run need not wait 31 days."""

SETTINGS = {
    "REGISTRY_REFLOAT_WINDOW": f"{HELD:g}s",
    "REGISTRY_REFLOAT_GRAVEYARD": f"{HELD:g}s",
    "REGISTRY_REFLOAT_COLLECT_INTERVAL": "24h",
}
OWN_IMAGES = (4, 5, 6)
"""Images of each block that share neither configuration nor application with another: one for each collection."""


@dataclass
class Results:
    """The medians of every round, in seconds, by a row's key and a registry's tags."""

    medians: dict[tuple[str, int], list[float]] = field(default_factory=lambda: defaultdict(list))

    def add(self, row: Row, tags: int, seconds: float) -> None:
        self.medians[row.key, tags].append(seconds)
        print(f"  {row.key:17} {tags:9,} tags {seconds * 1000:10.2f} ms", flush=True)

    def middle(self, row: Row, tags: int) -> float:
        """Return the median of the rounds' medians, in seconds."""
        return median(self.medians[row.key, tags])

    def ratio(self, row: Row, large: int, small: int) -> float:
        """Return how many times longer the large one took: the median of each round's ratio."""
        pairs = zip(self.medians[row.key, large], self.medians[row.key, small], strict=True)
        return median(many / few for many, few in pairs)


class Registry:
    """One generated registry, served for as long as this is entered."""

    def __init__(self, root: Path, shape: Shape) -> None:
        self.root = root
        self.shape = shape
        self.chooser = Chooser(shape)
        self._served = Served(root, root.with_name(root.name + ".log"), SETTINGS)

    def __enter__(self) -> Self:
        read_through(self.root)
        self._served.start()
        self._connection = http.client.HTTPConnection(self._served.address, timeout=600)
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()
        self._served.stop()

    def _open(self) -> None:
        """Open the connection, also where the server let go of it while another one was measured."""
        sock = self._connection.sock
        if sock is not None and select.select([sock], [], [], 0)[0]:
            self._connection.close()
        if self._connection.sock is None:
            self._connection.connect()

    def ask(self, request: Request) -> tuple[float, http.client.HTTPResponse, bytes]:
        """Return how long the whole answer took, in seconds, and the answer.

        Raises RuntimeError if it has another status.
        """
        self._open()
        began = time.perf_counter()
        self._connection.request(request.method, request.path, request.body)
        answer = self._connection.getresponse()
        said = answer.read()
        took = time.perf_counter() - began
        if answer.status != request.status:
            raise RuntimeError(f"{request.method} {request.path} answered {answer.status}: {said[:500]!r}")
        return took, answer, said


def measure(registries: list[Registry], wanted: Iterable[Row], rounds: int, results: Results) -> None:
    """Measure rows; in every round each registry has its turn, and whoever was first is last in the next."""
    chosen = set(wanted)
    for number in range(rounds):
        print(f"round {number + 1}:", flush=True)
        turn = _turn(registries, number)
        for row, registry in product([row for row in READING if row in chosen], turn):
            results.add(row, registry.shape.tags, _read(registry, row))
        for registry in turn if chosen & {DELETE, UNDO} else ():
            _delete_and_undo(registry, results)
    for number, image in enumerate(OWN_IMAGES if chosen & {COLLECT, REAP} else ()):
        print(f"collection {number + 1}:", flush=True)
        for registry in _turn(registries, number):
            _collect(registry, image, results)


def _turn(registries: list[Registry], number: int) -> list[Registry]:
    return registries if number % 2 == 0 else registries[::-1]


def _read(registry: Registry, row: Row) -> float:
    assert row.ask is not None
    registry.ask(row.ask(registry.chooser))  # whatever is only slow the first time
    times: list[float] = []
    while len(times) < SAMPLES and sum(times) < PATIENCE:
        times.append(registry.ask(row.ask(registry.chooser))[0])
    return median(times)


def _delete_and_undo(registry: Registry, results: Results) -> None:
    """Delete tags, then take every delete back, so that the next round finds what this one found."""
    deletes, undos, changes = [], [], []
    for block in registry.chooser.blocks(SAMPLES):
        took, answer, _ = registry.ask(Request("DELETE", f"/v2/{block.name}/manifests/{block.tag(1)}", None, 202))
        deletes.append(took)
        changes.append(answer.headers["Refloat-Change"])
    for change in changes:
        undos.append(registry.ask(Request("POST", f"{OURS}/changes/{change}/undo", b"{}", 201))[0])
    results.add(DELETE, registry.shape.tags, median(deletes))
    results.add(UNDO, registry.shape.tags, median(undos))


def _collect(registry: Registry, which: int, results: Results) -> None:
    """Delete images by digest and collect them: first what history held, then the bytes of their own blobs."""
    blocks = registry.chooser.blocks(DUE)
    own = [block.blob(what, which) for block in blocks for what in ("config", "application")]
    objects(registry.root, own)
    time.sleep(HELD)  # what the rows before deleted is due too, and no part of this round
    _collect_now(registry)
    for block in blocks:
        registry.ask(Request("DELETE", f"/v2/{block.name}/manifests/{block.images[which].digest}", None, 202))
    time.sleep(HELD)
    took, done = _collect_now(registry)
    _expect(done, pruned=len(blocks), swept=len(blocks), condemned=len(own))
    results.add(COLLECT, registry.shape.tags, took)
    time.sleep(HELD)
    took, done = _collect_now(registry)
    _expect(done, reaped=len(own))
    results.add(REAP, registry.shape.tags, took)


def _collect_now(registry: Registry) -> tuple[float, dict[str, object]]:
    took, _, said = registry.ask(Request("POST", f"{OURS}/collect", b"{}"))
    done: dict[str, object] = json.loads(said)
    return took, done


def _expect(done: dict[str, object], **counts: int) -> None:
    """Raise RuntimeError unless a round did exactly so much: else its time is that of something else."""
    found = {name: done[name] for name in counts}
    if found != counts:
        raise RuntimeError(f"a round of the collector did {found}, not {counts}")
