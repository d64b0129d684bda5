"""Rows of pulling: every registry is up at once and holds the same images; they take turns."""

from collections.abc import Callable
from dataclasses import dataclass

from tools.bench.generators import ab_head, load, wrk
from tools.bench.plan import Plan, Results
from tools.bench.rows import READING
from tools.bench.seeding import seed
from tools.bench.seeds import MB, Image, image_of_files, make_file, small_image
from tools.bench.servers import Server

TAGS = 10_000
CALLERS = 16
SPAN = 8 * MB
SIZES = {"blob-100mb": 100 * MB, "blob-1gb": 1000 * MB, "range": 1000 * MB}


@dataclass(frozen=True)
class Shelf:
    """What is pulled."""

    app: Image
    large: Image
    tagged: Image
    digests: dict[int, str]
    seconds: float

    @property
    def images(self) -> tuple[Image, ...]:
        return (self.app, self.large, self.tagged)


def measure(plan: Plan, results: Results) -> None:
    """Measure the rows of reading that are wanted."""
    rows = plan.wants(READING)
    if not rows:
        return
    shelf = fill(plan)
    servers = [Server(kind, plan.place("reading", kind)) for kind in plan.kinds]
    try:
        for server in servers:
            stock(server, shelf)
            warm(server, shelf)
        for turn in plan.turns(servers):
            for row in rows:
                for server in turn:
                    results.add(row, server.name, CELLS[row.key](server.address, shelf))
    finally:
        for server in servers:
            server.stop()


def fill(plan: Plan) -> Shelf:
    """Make the content: an image as people have them, one with two large layers, one with very many tags."""
    directory = plan.directory / "files"
    directory.mkdir(parents=True, exist_ok=True)
    files = [make_file(directory / f"{size // MB}MB", size) for size in sorted({*SIZES.values()})]
    tags = tuple(f"v{number:05}" for number in range(min(TAGS, plan.images)))
    return Shelf(
        small_image("bench/app", 1, layers=10),
        image_of_files("bench/large", files),
        small_image("bench/tagged", 1, tags=tags),
        {file.size: file.digest for file in files},
        plan.seconds,
    )


def stock(server: Server, shelf: Shelf) -> None:
    """Seed a registry and leave it running."""
    if server.kind.tree:
        seed(server, shelf.images)
        server.start()
    else:
        server.start()
        seed(server, shelf.images)


def warm(server: Server, shelf: Shelf) -> None:
    """Let every byte and every path be read once before anything counts."""
    for size in sorted({*SIZES.values()}):
        load("download", server.address, path=shelf.large.blob(shelf.digests[size]))
    wrk(server.address, shelf.app.by("latest"), connections=CALLERS, seconds=1)
    wrk(server.address, f"/v2/{shelf.tagged.repository}/tags/list", connections=1, seconds=1)


def _manifest_by_tag(address: str, shelf: Shelf) -> float:
    return wrk(address, shelf.app.by("latest"), connections=CALLERS, seconds=shelf.seconds).rate


def _manifest_by_digest(address: str, shelf: Shelf) -> float:
    path = shelf.app.by(shelf.app.manifest.digest)
    return wrk(address, path, connections=CALLERS, seconds=shelf.seconds).rate


def _blob_head(address: str, shelf: Shelf) -> float:
    path = shelf.app.blob(shelf.app.blobs[0].digest)
    return ab_head(address, path, connections=CALLERS, seconds=shelf.seconds).rate


def _whole(key: str, count: int) -> Callable[[str, Shelf], float]:
    def get(address: str, shelf: Shelf) -> float:
        path = shelf.large.blob(shelf.digests[SIZES[key]])
        return load("download", address, path=path, count=count).gigabytes_per_second

    return get


def _range(address: str, shelf: Shelf) -> float:
    size = SIZES["range"]
    path = shelf.large.blob(shelf.digests[size])
    return load("download", address, path=path, size=size, span=SPAN, count=100).gigabytes_per_second


def _tags(address: str, shelf: Shelf) -> float:
    path = f"/v2/{shelf.tagged.repository}/tags/list"
    return wrk(address, path, connections=1, seconds=shelf.seconds).rate


CELLS: dict[str, Callable[[str, Shelf], float]] = {
    "manifest-tag": _manifest_by_tag,
    "manifest-digest": _manifest_by_digest,
    "blob-head": _blob_head,
    "blob-100mb": _whole("blob-100mb", 40),
    "blob-1gb": _whole("blob-1gb", 4),
    "range": _range,
    "tags": _tags,
}
