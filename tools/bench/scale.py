"""Rows of a large registry: a page deep in the catalog, and collection of one image in a hundred."""

import json
import subprocess
import time
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from tools.bench.generators import finished, load, loading, wrk
from tools.bench.plan import Plan, Results
from tools.bench.rows import SCALE, Row
from tools.bench.seeding import seed
from tools.bench.seeds import Image, catalogue
from tools.bench.servers import Server
from tools.content import digest_of
from tools.wire import Wire

PAGE = 100
SOON = 2.0
"""Seconds that refloat holds what was deleted, and as long again its bytes, so that a run need not wait 31 days."""

SETTINGS = {
    "REGISTRY_REFLOAT_WINDOW": f"{SOON:g}s",
    "REGISTRY_REFLOAT_LEASE": f"{SOON:g}s",
    "REGISTRY_REFLOAT_GRAVEYARD": f"{SOON:g}s",
    "REGISTRY_REFLOAT_COLLECT_INTERVAL": "24h",
}


@dataclass(frozen=True)
class Collected:
    """How long a collection worked, in seconds, and how long the slowest pull took meanwhile, in milliseconds."""

    seconds: float
    slowest_pull: float | None


def measure(plan: Plan, results: Results) -> None:
    """Measure the rows of a large registry that are wanted."""
    rows = {row.key: row for row in plan.wants(SCALE)}
    if not rows:
        return
    servers = [Server(kind, plan.place("scale", kind), {} if kind.tree else SETTINGS) for kind in plan.kinds]
    try:
        for server in servers:
            _fill(server, plan, results)
        if "catalog" in rows:
            _pages(servers, plan, results, rows["catalog"])
        if rows.keys() & {"gc", "gc-pull"}:
            _collections(servers, plan, results, rows)
    finally:
        for server in servers:
            server.stop()


def _fill(server: Server, plan: Plan, results: Results) -> None:
    """Seed a registry and leave it running; what refloat still owes for the seeding is collected and told."""
    if server.kind.tree:
        seed(server, catalogue(plan.images))
        server.start()
        return
    server.start()
    began = time.perf_counter()
    seed(server, catalogue(plan.images))
    seeded = time.perf_counter() - began
    time.sleep(SOON)
    spent = _collect(server)
    results.remarks.append(
        f"refloat took {plan.images:,} images over the wire in {seeded:.0f} s; looking after the ends of their "
        f"{2 * plan.images:,} leases cost its collector {spent:.2f} s once, which no row counts."
    )


def _pages(servers: list[Server], plan: Plan, results: Results, row: Row) -> None:
    middle = next(islice(catalogue(plan.images), plan.images // 2, None)).repository
    for turn in plan.turns(servers):
        for server in turn:
            answered = wrk(server.address, f"/v2/_catalog?n={PAGE}&last={middle}", connections=1, seconds=plan.seconds)
            results.add(row, server.name, answered.rate)


def _collections(servers: list[Server], plan: Plan, results: Results, rows: dict[str, Row]) -> None:
    """Delete another hundredth of the images in each round, and collect it."""
    share = max(1, plan.images // 100)
    kept = next(islice(catalogue(plan.images), plan.images - 1, None))
    for number, turn in enumerate(plan.turns(servers)):
        doomed = list(islice(catalogue(plan.images), number * share, (number + 1) * share))
        for server in turn:
            _delete(server, doomed)
            collected = _stopped(server) if server.kind.tree else _serving(server, kept)
            _check(server, doomed)
            if "gc" in rows:
                results.add(rows["gc"], server.name, collected.seconds)
            if "gc-pull" in rows and collected.slowest_pull is not None:
                results.add(rows["gc-pull"], server.name, collected.slowest_pull)


def _delete(server: Server, images: Iterable[Image]) -> None:
    plan = server.root.with_name(server.root.name + ".deletes")
    with plan.open("w") as lines:
        for image in images:
            path = image.by(image.manifest.digest)
            lines.write(json.dumps([{"method": "DELETE", "path": path}]) + "\n")
    load("replay", server.address, file=plan)
    plan.unlink()


def _stopped(server: Server) -> Collected:
    """Run garbage-collect on a registry:2, which must be stopped for it, and start it again."""
    server.stop()
    config = server.kind.configure(server.root, port=0)
    command = [str(server.kind.program), "garbage-collect", "-m", str(config)]
    log = server.root.with_name(server.root.name + ".log")
    with log.open("ab") as out:
        began = time.perf_counter()
        subprocess.run(command, stdout=out, stderr=subprocess.STDOUT, check=True)
        took = time.perf_counter() - began
    server.start()
    return Collected(took, None)


def _serving(server: Server, kept: Image) -> Collected:
    """Let refloat collect while somebody pulls without pause: history lets go, then bytes are removed."""
    time.sleep(SOON)
    pulling = loading("download", server.address, path=kept.by("latest"), lasting=f"{SOON + 2:g}s")
    took = _collect(server)
    time.sleep(SOON)
    took += _collect(server)
    return Collected(took, finished(pulling).most_ms)


def _collect(server: Server) -> float:
    """Run rounds of refloat's collector. Returns how long they took."""
    began = time.perf_counter()
    Wire(server.address).ask("POST", "/v2/_refloat/v1/collect", b"{}", Content_Type="application/json").expect(200)
    return time.perf_counter() - began


def _check(server: Server, gone: list[Image]) -> None:
    """Raise RuntimeError unless the bytes of every deleted image are off the disk."""
    layers = {blob.digest for image in gone for blob in image.blobs}
    left = layers & _digests(server.root, layers)
    if left:
        raise RuntimeError(f"{server.name} still has {len(left)} of {len(layers)} deleted blobs")


def _digests(root: Path, looked_for: set[str]) -> set[str]:
    """Return those digests whose bytes lie under a data directory, whatever the files are called."""
    if (root / "docker").exists():
        blobs = root / "docker" / "registry" / "v2" / "blobs" / "sha256"
        names = {digest: digest.partition(":")[2] for digest in looked_for}
        return {digest for digest, name in names.items() if (blobs / name[:2] / name / "data").exists()}
    return {digest_of(path.read_bytes()) for path in (root / "refloat" / "objects").rglob("*") if path.is_file()}
