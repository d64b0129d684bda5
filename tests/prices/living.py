"""A real registry under a daily life: requests, rounds with a clock that is put forward, a backup each day.

What is forecast is compared with what leaves the directory; the files are listed here, by nobody else.
"""

import asyncio
import random
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from refloat.blobs.filesystem import FileBlobs
from refloat.core.clock import HOUR, Tick
from refloat.core.errors import RefloatError
from refloat.core.identity import key_at
from refloat.core.names import Digest, Reference, RepositoryName, Tag
from refloat.core.prices import BACKUP_EVERY, BACKUPS_KEPT, FOREVER, Departure, Forecast, UsageClass
from refloat.core.records import Upload
from refloat.metadata.migrate import migrate
from refloat.metadata.store import SqliteMetadata
from refloat.usecases import upload
from refloat.usecases.collect import CollectTerms, plan_round, run_round
from refloat.usecases.delete import delete_reference
from refloat.usecases.price import price, price_all
from refloat.usecases.remove import Selection, remove
from refloat.usecases.undo import UndoRequest, undo
from refloat.usecases.usage import usage
from tests.usecases.conftest import DAY, Registry, index_of

REPOSITORIES = [RepositoryName("team/api"), RepositoryName("team/web")]
TAGS = [Tag("t"), Tag("u")]
REQUESTS = 9
SEEDS = ["a", "b", "c", "d"]
EVERY = 4 * HOUR  # between two rounds
GRAVEYARDS = [0, DAY, 9 * DAY]
_KEY = """
SELECT b.digest, coalesce(u.expires, d.condemned_at), coalesce(d.was_live, 0) FROM keys k
LEFT JOIN blobs b ON b.key = k.key LEFT JOIN uploads u ON u.key = k.key LEFT JOIN doomed d ON d.key = k.key
WHERE k.key = ?"""
WINDOWS = [3 * HOUR, 20 * HOUR, DAY, 2 * DAY, 3 * DAY]


class Life(Registry):
    """A registry in a directory; `now` only moves by `wait`, which lets the collector do what it does by itself."""

    def __init__(self, directory: Path, dice: random.Random) -> None:
        migrate(directory / "refloat.db")
        self.blobs = FileBlobs(directory, 1.0)  # no ballast
        super().__init__(SqliteMetadata(directory / "refloat.db", directory, lambda: False))
        self.directory, self.dice = directory, dice
        self.departure = Departure(interval=EVERY, graveyard=dice.choice(GRAVEYARDS))
        self.next_round = self.started = self.now
        self.sizes: dict[str, int] = {}
        self.wait(0)

    def close(self) -> None:
        self.metadata.close()
        self.blobs.close()

    # what clients do

    def request(self) -> None:
        """Do something at random; what the rules refuse is refused."""
        self.window, self.lease = self.dice.choice(WINDOWS), self.dice.choice([HOUR, DAY, 5 * DAY])
        acts: list[Callable[[RepositoryName, Tag, str], object]] = [
            self.push, self.push, self.push, self.push_index, self.push_referrer, self.mount, self.leave_upload,
            self.delete, self.rm, self.rm, self.delete_digest, self.rm_digest, self.undo,
        ]  # fmt: skip
        with suppress(RefloatError):
            self.dice.choice(acts)(self.dice.choice(REPOSITORIES), self.dice.choice(TAGS), self.dice.choice(SEEDS))

    def push(self, repository: RepositoryName, tag: Tag, seed: str) -> None:
        body = self.image(seed, repository=repository)
        self.put(self.dice.choice([tag, Digest.of(body)]), body, repository=repository)

    def push_index(self, repository: RepositoryName, tag: Tag, seed: str) -> None:
        images = [self.image(one, repository=repository) for one in sorted({seed, self.dice.choice(SEEDS)})]
        for image in images:
            self.put(Digest.of(image), image, repository=repository)
        self.put(tag, index_of(*images), repository=repository)

    def push_referrer(self, repository: RepositoryName, tag: Tag, seed: str) -> None:
        subject = self.tips(repository).get(tag)
        if subject is not None:
            body = self.image(f"signs {seed}", subject, repository)
            self.put(Digest.of(body), body, repository=repository)

    def mount(self, repository: RepositoryName, _: Tag, seed: str) -> None:
        digest = Digest.of(self.content(f"layer {seed}".encode()))
        for source in REPOSITORIES:
            self.do(lambda tx, source=source: upload.mount(  # type: ignore[misc]
                tx, repository, source, digest, self.now, self.lease))  # fmt: skip

    def leave_upload(self, repository: RepositoryName, _: Tag, seed: str) -> None:
        session = self.session(repository)
        self.append(session, self.content(f"unfinished {seed}".encode()))

    def delete(self, repository: RepositoryName, tag: Tag, _: str) -> None:
        self.do(lambda tx: delete_reference(tx, repository, tag, self.cause()))

    def rm(self, repository: RepositoryName, tag: Tag, _: str) -> None:
        self.remove(repository, tag)

    def delete_digest(self, repository: RepositoryName, _: Tag, __: str) -> None:
        digest = self.any_digest(repository)
        self.do(lambda tx: delete_reference(tx, repository, digest, self.cause()))

    def rm_digest(self, repository: RepositoryName, _: Tag, __: str) -> None:
        self.remove(repository, self.any_digest(repository))

    def any_digest(self, repository: RepositoryName) -> Digest:
        digests = [tip for tip in self.tips(repository) if isinstance(tip, Digest)]
        return self.dice.choice(digests) if digests else Digest.of(b"never pushed")

    def remove(self, repository: RepositoryName, reference: Reference) -> None:
        self.do(lambda tx: remove(tx, Selection({repository: [reference]}), self.cause(), "image"))

    def undo(self, *_: object) -> None:
        changes = self.metadata.listing.changes(None, None, 5)
        if changes:
            self.do(lambda tx: undo(tx, UndoRequest(self.dice.choice(changes).id), self.cause()))

    # bytes, as clients send them: each content has a size that no sum of others has

    def content(self, name: bytes) -> bytes:
        size = self.sizes.setdefault(name.decode(), 1 << len(self.sizes))
        return name.ljust(size)[:size] if size > len(name) else Digest.of(name).encode()[-size:]

    def session(self, repository: RepositoryName) -> Upload:
        number = next(self._count)
        key = key_at(self.now, number.to_bytes(10, "big"))
        session = Upload(f"u{number}", repository, key, 0, 0, self.now + self.dice.choice([2 * HOUR, DAY]))
        self.do(lambda tx: upload.begin(tx, session))
        self.blobs.create(session.key)
        return session

    def append(self, session: Upload, content: bytes) -> Upload:
        with self.blobs.open_upload(session) as file:
            file.cut(0)
            file.append(content)
        return self.do(lambda tx: upload.record_append(tx, session, len(content), session.expires, self.now))

    def blob(self, content: bytes, repository: RepositoryName = REPOSITORIES[0]) -> Digest:
        content = self.content(content)
        session = self.append(self.session(repository), content)
        digest = Digest.of(content)
        asyncio.run(self.blobs.seal(session.key))
        trusted = upload.judge_live(self.metadata.read, self.blobs, digest, self.now)
        terms = upload.Terms(self.now, len(content), self.lease, self.departure.graveyard)
        self.do(lambda tx: upload.finish(tx, session, digest, trusted, terms))
        return digest

    # what the server does by itself

    def wait(self, time: int) -> None:
        """Let time pass, with the rounds and the backups that fall into it."""
        until = self.now + time
        while self.next_round <= until:
            self.now = max(self.now, self.next_round)
            self.round()
            self.next_round += EVERY
        self.now = max(self.now, until)

    def round(self) -> None:
        tick = Tick(self.now, self.now - self.started, "one")
        terms = CollectTerms(self.departure.graveyard, 400 * DAY)
        planned = plan_round(self.metadata, tick, terms)
        done = run_round(self.metadata, self.blobs, tick, terms)
        assert (done.reaped, done.reaped_bytes, done.waiting) == (planned.reaped, planned.reaped_bytes, planned.waiting)
        assert done.waiting.size == self.usage()["doomed"]
        last = self.metadata.last_backup()
        if last is None or self.now - last >= BACKUP_EVERY:
            self.metadata.backup(self.now)

    # what is compared

    def files(self) -> dict[str, int]:
        """List what is stored."""
        rooms = [self.directory / room for room in ("incoming", "objects", "quarantine")]
        return {path.name: path.stat().st_size for room in rooms for path in room.rglob("*") if path.is_file()}

    def usage(self) -> Mapping[UsageClass, int]:
        return usage(self.metadata.listing, self.blobs)

    def forecasts(self) -> list[Forecast]:
        """Return what is said of every change that may still hold something."""
        listing = self.metadata.listing
        changes = listing.changes(None, None, 1000)
        alone = {change.id: price(listing, change.id, change.held_until, self.departure) for change in changes}
        assert price_all(listing, changes, self.departure) == alone
        return list(alone.values())

    def unpriced(self) -> list[tuple[int, int, int]]:
        """Return what no change owns and no tip reaches: bytes, and not before and not after when they leave."""
        found = []
        for key, size in self.files().items():
            digest, ends, was_live = self.metadata.listing._execute(_KEY, (key,)).fetchone()
            hold = self.metadata.listing.last_hold(digest) if digest else None
            if hold is not None and hold.ends < FOREVER and not hold.change:
                found.append((size, self.soonest(hold.ends), self.departure.by(hold.ends)))
            elif hold is None:  # an upload, or condemned
                found.append((size, ends, self.departure.by(ends) if was_live else ends + 2 * EVERY))
        return found

    def soonest(self, ends: int) -> int:
        """Return when bytes leave at the soonest: what a backup names stays for all but a day of the time forecast."""
        earliest = self.departure.graveyard
        if ends - self.now > DAY + 2 * EVERY:
            earliest = max(earliest, (BACKUPS_KEPT - 1) * DAY - 2 * EVERY)
        return ends + earliest


def live_through(directory: Path, dice: random.Random) -> None:
    """Live through a history, then ask nothing more until all has left that can. Raises AssertionError."""
    life = Life(directory, dice)
    try:
        for _ in range(REQUESTS):
            life.request()
            life.wait(dice.choice([0, 0, 1, 5, 30]) * HOUR)
            _compare_sums(life)
        _live_out(life)
    finally:
        life.close()


def _compare_sums(life: Life) -> None:
    classes = life.usage()
    assert sum(classes.values()) == sum(life.files().values())
    assert classes["trash"] == sum(forecast.frees for forecast in life.forecasts())
    assert classes["unknown"] == classes["quarantine"] == 0


def _live_out(life: Life) -> None:
    """After each round what is due is gone, and what is not due yet is there."""
    due = [(each.frees, life.soonest(each.ends), each.by) for each in life.forecasts() if each.frees]
    due += life.unpriced()
    before = life.files()
    last = max((by for *_, by in due), default=life.now)
    while life.now < last + 3 * DAY:
        life.wait(EVERY)
        left = life.files()
        gone = sum(size for name, size in before.items() if name not in left)
        assert left.keys() <= before.keys()
        assert gone >= sum(size for size, _, by in due if by <= life.now)
        assert gone <= sum(size for size, soonest, _ in due if soonest <= life.now)
    assert gone == sum(size for size, *_ in due)
