"""One registry for many schedules: real stores in a directory, the real application, time put forward by hand."""

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import cast

from refloat.blobs.filesystem import FileBlobs
from refloat.core.clock import HOUR, Tick
from refloat.core.identity import change_id
from refloat.core.names import Digest, RepositoryName
from refloat.core.records import Cause
from refloat.metadata.migrate import migrate
from refloat.metadata.store import SqliteMetadata
from refloat.metadata.transaction import SqliteTransaction
from refloat.ports import BlobShelf, BlobStore, Metadata
from refloat.purge_ports import PurgeMetadata
from refloat.reaping import BlobReaper, StrayReaper
from refloat.usecases.collect import CollectTerms, Round, run_round
from refloat.usecases.purge import PurgeRequest, finish, purge
from refloat.web.app import application
from refloat.web.management import application as management
from refloat.web.services import Collecting, DoorSettings, Purging, Services
from tests.schedules.asking import Answer, Line
from tests.schedules.baton import Baton, Chooser
from tests.schedules.paused import PausedBlobs, PausedMetadata
from tools.content import CONFIG, LAYER, MANIFEST, Part

MOST_ACTORS = 4
START = 1_764_000_000_000_000
WINDOW = HOUR
LEASE = 24 * HOUR
IDLE = 12 * HOUR
TERMS = CollectTerms(graveyard=0, history_keep=HOUR)  # no graveyard: no patience may be what saves an image
SETTINGS = DoorSettings(
    window=WINDOW, lease=LEASE, graveyard=0, collect_interval=0, uploads_idle=IDLE, receive_timeout=60_000_000,
    delete_enabled=True, catalog_max=100, tags_max=100, headers={}, relative_urls=True,
    host="", prefix="", timetravel_prefix="_at",
)  # fmt: skip
Values = dict[tuple[str, str], str]  # what each repository's references point to
Effect = Callable[[Values], None]


class World:
    """The stores, the application over them, and what was acknowledged."""

    def __init__(self, directory: Path) -> None:
        migrate(directory / "refloat.db")
        self.now = START
        self.blobs = FileBlobs(directory, 0.0)
        self.metadata = SqliteMetadata(directory / "refloat.db", directory, self.blobs.make_room)
        self.backups = directory / "backups"
        self.baton = Baton(MOST_ACTORS)
        self._random = 0
        self.paused_blobs = PausedBlobs(self.blobs, self.baton.step)
        self.paused_metadata = PausedMetadata(self.metadata, self.baton.step, self._committed)
        app = application(self._services())
        self._lines = [Line(app) for _ in range(MOST_ACTORS + 1)]  # the last is for what happens before
        self.forget()

    def begin_again(self) -> None:
        """Put the clocks back where they began. Only for a registry in which nothing is left."""

        def begin(tx: SqliteTransaction) -> None:
            tx._execute("DELETE FROM rounds WHERE number < (SELECT max(number) FROM rounds)")
            tx._execute("UPDATE rounds SET clock = ?1, wall = ?1, uptime = 0", (START,))
            for table in ("blocks", "purged", "purges", "repositories"):
                tx._execute(f"DELETE FROM {table}")

        self.metadata.write_now(begin)
        (self.backups.parent / "purges.jsonl").unlink(missing_ok=True)
        self.now = START
        self.forget()

    def forget(self) -> None:
        """Begin a schedule: nothing was acknowledged yet."""
        self.commits = 0
        self.commit_of: dict[int | None, int] = {}
        self.deeds: list[tuple[int, Effect]] = []
        self.broken: list[str] = []
        self.released: set[tuple[str, str]] = set()
        self.facts: dict[str, str] = {}

    def ask(self, method: str, address: str, body: bytes = b"", content_type: str = "") -> Answer:
        """Send a request for the actor that runs, or outside a run."""
        number = self.baton.current
        answer = self._lines[MOST_ACTORS if number is None else number].ask(method, address, body, content_type)
        if answer.status >= 500:
            self.broken.append(f"{method} {address} was answered {answer.status}")
        return answer

    def acknowledged(self, effect: Effect) -> None:
        """Write down what the answer to the running actor's last write promised."""
        self.deeds.append((self.commit_of.get(self.baton.current, 0), effect))

    def expected(self) -> Values:
        """Return what the references point to by what was acknowledged, in the order of the commits."""
        values: Values = {}
        for _, effect in sorted(self.deeds, key=lambda deed: deed[0]):
            effect(values)
        return values

    def pass_time(self, microseconds: int) -> None:
        """Put the clock forward; a step of its own."""
        self.baton.step("time passes")
        self.now += microseconds

    def collect(self) -> Round:
        """Run a round of collection, every piece of it a step."""
        metadata = cast("Metadata", self.paused_metadata)
        return run_round(metadata, cast("BlobReaper", self.paused_blobs), self.tick(), TERMS)

    def purge(self, repository: str, content: bytes) -> set[Digest]:
        """End a blob everywhere, every piece of it a step. Returns the manifests that ended with it."""
        metadata = cast("PurgeMetadata", self.paused_metadata)
        names = (digest(content), Digest.of(content, "sha512"))
        request = PurgeRequest(repository, RepositoryName(repository), names, "everywhere")
        cause = Cause(self.now, change_id(self.dice(8)), self.now + WINDOW)
        whole = metadata.purge(lambda tx: purge(tx, request, cause))
        self._committed()
        finish(metadata, cast("StrayReaper", self.paused_blobs), self.now)
        return set(whole.receipt.manifests)

    def back_up(self) -> None:
        """Write a backup, as the collector does between two rounds."""
        self.paused_metadata.backup(self.now)

    def tick(self) -> Tick:
        """Return a reading of this world's clocks."""
        return Tick(self.now, self.now - START, "one")

    def run(self, actors: Sequence[Callable[[], None]], chooser: Chooser) -> None:
        """Run actors to their ends."""
        self.baton.run(actors, chooser)

    def close(self) -> None:
        """End the threads and close the stores."""
        self.baton.close()
        for line in self._lines:
            line.close()
        self.metadata.close()
        self.blobs.close()

    def _committed(self) -> None:
        self.commits += 1
        self.commit_of[self.baton.current] = self.commits

    def _services(self) -> Services:
        return Services(
            metadata=cast("Metadata", self.paused_metadata),
            blobs=cast("BlobStore", self.paused_blobs),
            shelf=cast("BlobShelf", None),
            settings=SETTINGS,
            now=self._count_time,
            random=self.dice,
            collector=cast("Collecting", None),
            purger=cast("Purging", None),
            is_admin=lambda _: False,
            management=management,
            access=None,
        )

    def _count_time(self) -> int:
        self.now += 1
        return self.now

    def dice(self, length: int) -> bytes:
        """Return bytes that no earlier call returned."""
        self._random += 1
        return hashlib.sha256(b"%d" % self._random).digest()[:length]


def image_of(name: str, contents: Sequence[bytes]) -> Part:
    """Return the manifest of an image: its config and its layers are `contents`."""
    config, *layers = [Part(LAYER if place else CONFIG, content).descriptor() for place, content in enumerate(contents)]
    document = {"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers}
    return Part(MANIFEST, json.dumps({**document, "annotations": {"name": name}}).encode())


def digest(content: bytes) -> Digest:
    """Return the digest of a blob."""
    return Digest.of(content)
