"""A real registry that lives through a history of requests, with everything that has to hold after each of them."""

import asyncio
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import strategies as st

from refloat.blobs.filesystem import FileBlobs
from refloat.core.clock import Tick
from refloat.core.errors import ChangeConflict, ChangeGone, Denied, ManifestBlobUnknown, ManifestUnknown, RequestInvalid
from refloat.core.names import Digest, Reference, RepositoryName, Tag, parse_reference
from refloat.metadata.migrate import migrate
from refloat.metadata.sqlite import connect
from refloat.metadata.store import SqliteMetadata
from refloat.ports import Transaction
from refloat.usecases import upload
from refloat.usecases.collect import CollectTerms, Round, run_round
from refloat.usecases.delete import delete_reference
from refloat.usecases.preview import preview
from refloat.usecases.remove import Selection, remove
from refloat.usecases.undo import RestoreRequest, Undone, UndoRequest, restore, undo
from tests.usecases.conftest import DAY, Registry, index_of

Request = tuple[str, RepositoryName, str, str]  # what, where, tag, and a seed or a number
REPOSITORIES = [RepositoryName("team/api"), RepositoryName("team/web")]
SEEDS, TAGS = ["a", "b", "c"], ["t", "u"]
EXPECTED = (Denied, ManifestUnknown, ManifestBlobUnknown, ChangeConflict, RequestInvalid)
OPEN_TAGS = """
SELECT 1 FROM tips t WHERE NOT EXISTS (
    SELECT 1 FROM tips d WHERE d.repository = t.repository AND d.reference = t.digest)"""
OPEN_CHILDREN = """
SELECT 1 FROM refs r JOIN tips p ON p.repository = r.repository AND p.reference = r.parent
WHERE r.kind = 'child' AND EXISTS (SELECT 1 FROM manifests m WHERE m.repository = r.repository AND m.digest = r.digest)
AND NOT EXISTS (SELECT 1 FROM tips c WHERE c.repository = r.repository AND c.reference = r.digest)"""
WITHOUT_BYTES = """
SELECT 1 FROM refs r WHERE r.required AND NOT EXISTS (
    SELECT 1 FROM blobs b JOIN keys k ON k.key = b.key AND k.state = 'live' WHERE b.digest = r.digest)"""
UNHELD = """
SELECT 1 FROM moves m JOIN changes c ON c.n = m.change
WHERE m.old IS NOT NULL AND m.held IS NULL AND c.held_until > ?"""
OPEN_PARTS = """
SELECT DISTINCT n.name, r.digest FROM refs r JOIN repositories n ON n.id = r.repository
JOIN tips p ON p.repository = r.repository AND p.reference = r.parent
JOIN manifests m ON m.repository = r.repository AND m.digest = r.digest WHERE r.kind = 'child'"""
UNBOUND = """
SELECT 1 FROM refs r WHERE NOT r.required AND (
    r.child IS NULL AND EXISTS (SELECT 1 FROM manifests m WHERE m.repository = r.repository AND m.digest = r.digest)
    OR r.blob IS NULL AND (
        EXISTS (SELECT 1 FROM leases l WHERE l.repository = r.repository AND l.digest = r.digest)
        OR EXISTS (SELECT 1 FROM refs o WHERE o.repository = r.repository AND o.digest = r.digest AND o.required)))"""
UNSIZED = """
SELECT 1 FROM refs r LEFT JOIN blobs b ON b.digest = r.blob WHERE r.size IS NOT b.size"""
LOOSE = """
SELECT 1 FROM manifests m
WHERE NOT EXISTS (SELECT 1 FROM tips t WHERE t.repository = m.repository AND t.reference = m.digest)
AND NOT EXISTS (SELECT 1 FROM moves h WHERE h.repository = m.repository AND h.held = m.digest)
AND NOT EXISTS (SELECT 1 FROM refs r WHERE r.repository = m.repository AND r.child = m.digest)"""
IDLE_BLOBS = """
SELECT 1 FROM blobs b WHERE NOT EXISTS (SELECT 1 FROM refs r WHERE r.blob = b.digest)
AND NOT EXISTS (SELECT 1 FROM leases l WHERE l.digest = b.digest)"""

repositories, seeds, tags = st.sampled_from(REPOSITORIES), st.sampled_from(SEEDS), st.sampled_from(TAGS)
requests = st.one_of(
    st.tuples(st.just("push"), repositories, tags, seeds),
    st.tuples(st.sampled_from(["push index", "push sparse index"]), repositories, tags, st.sampled_from(["ab", "bc"])),
    st.tuples(st.just("push referrer"), repositories, tags, seeds),
    st.tuples(
        st.sampled_from(["keep as a blob", "mount as a blob"]), repositories, tags, st.sampled_from(["a", "b", ""])
    ),
    st.tuples(st.sampled_from(["delete", "rm", "restore", "put back"]), repositories, tags, st.just("")),
    st.tuples(st.sampled_from(["delete digest", "rm digest"]), repositories, tags, seeds),
    st.tuples(st.just("undo"), repositories, tags, st.sampled_from(["1", "2", "3", "5"])),
    st.tuples(st.just("days pass"), repositories, tags, st.sampled_from(["1", "3", "12"])),
)


class Months:
    """A registry that lives through a history of requests."""

    def __init__(self, metadata: SqliteMetadata, blobs: FileBlobs, database: Path) -> None:
        self.registry, self.metadata, self.blobs, self.database = Registry(metadata), metadata, blobs, database
        self.registry.window, self.registry.lease = 10 * DAY, DAY
        self.bodies: dict[tuple[RepositoryName, str], bytes] = {}

    def do(self, what: str, repository: RepositoryName, tag: str, more: str) -> None:
        acts: dict[str, Callable[[RepositoryName, str, str], object]] = {
            "push": self.push,
            "push index": self.push_index,
            "push sparse index": lambda repository, tag, seeds: self.push_index(repository, tag, seeds, sparse=True),
            "push referrer": self.push_referrer,
            "keep as a blob": self.keep_as_blob,
            "mount as a blob": self.mount_as_blob,
            "delete": lambda repository, tag, _: self.delete(repository, Tag(tag)),
            "rm": lambda repository, tag, _: self.rm(repository, Tag(tag)),
            "delete digest": lambda repository, _, seed: self.delete(repository, self.digest(repository, seed)),
            "rm digest": lambda repository, _, seed: self.rm(repository, self.digest(repository, seed)),
            "restore": self.restore,
            "put back": self.put_back,
            "undo": lambda _, __, back: self.undo(int(back)),
            "days pass": lambda _, __, days: self.pass_days(int(days)),
        }
        try:
            acts[what](repository, tag, more)
        except EXPECTED:
            return

    def push(self, repository: RepositoryName, tag: str, seed: str) -> None:
        body = self.registry.image(seed, repository=repository)
        self.bodies[(repository, seed)] = body
        self.registry.put(tag, body, repository=repository)
        self.bodies[(repository, tag)] = body

    def push_index(self, repository: RepositoryName, tag: str, seeds: str, *, sparse: bool = False) -> None:
        images = [self.registry.image(seed, repository=repository) for seed in seeds]
        for image in images[:1] if sparse else images:
            self.registry.put(Digest.of(image), image, repository=repository)
        self.registry.put(tag, index_of(*images), repository=repository)
        self.bodies[(repository, tag)] = index_of(*images)

    def push_referrer(self, repository: RepositoryName, tag: str, seed: str) -> None:
        body = self.registry.image(f"signs {seed}", self.digest(repository, seed), repository)
        self.registry.put(Digest.of(body), body, repository=repository)

    def keep_as_blob(self, repository: RepositoryName, tag: str, seed: str) -> None:
        """Upload the bytes of an image, or of what was pushed with a tag, whether or not it is there."""
        body = self.bodies.get((repository, seed or tag)) or self.registry.image(seed or "a", repository=repository)
        self.registry.blob(body, repository)

    def mount_as_blob(self, repository: RepositoryName, tag: str, seed: str) -> None:
        (source,) = [name for name in REPOSITORIES if name != repository]
        digest = self.digest(source, seed or tag)
        now, lease = self.registry.now, self.registry.lease
        self.registry.do(lambda tx: upload.mount(tx, repository, source, digest, now, lease))

    def put_back(self, repository: RepositoryName, tag: str, _: str) -> None:
        if (repository, tag) in self.bodies:
            self.registry.put(tag, self.bodies[(repository, tag)], repository=repository)

    def digest(self, repository: RepositoryName, seed: str) -> Digest:
        return Digest.of(self.bodies.get((repository, seed), b"never pushed"))

    def delete(self, repository: RepositoryName, reference: Reference) -> None:
        self.registry.do(lambda tx: delete_reference(tx, repository, reference, self.registry.cause()))

    def rm(self, repository: RepositoryName, reference: Reference) -> None:
        self.registry.do(lambda tx: remove(tx, Selection({repository: [reference]}), self.registry.cause(), "image"))

    def restore(self, repository: RepositoryName, tag: str, _: str) -> None:
        wanted = RestoreRequest(repository, parse_reference(tag), revision=1)
        try:
            self.registry.do(lambda tx: restore(tx, wanted, self.registry.cause()))
        except ChangeGone:
            (last,) = self.metadata.listing.history(repository, wanted.reference, None, 1)
            assert not self.is_inside(last.held_until)

    def undo(self, back: int) -> None:
        kept = [change for change in self.metadata.listing.changes(None, None, 50) if self.is_inside(change.held_until)]
        if len(kept) >= back:
            wanted = UndoRequest(kept[back - 1].id)
            self.registry.do(self.undoing(wanted))

    def is_inside(self, held_until: int) -> bool:
        return held_until > self.registry.now + 1_000_000

    def pass_days(self, days: int) -> Round:
        before = [self.registry.tips(repository) for repository in REPOSITORIES]
        self.registry.now += days * DAY
        tick = Tick(self.registry.now, self.registry.now, "run")
        done = run_round(self.metadata, self.blobs, tick, CollectTerms(graveyard=DAY, history_keep=400 * DAY))
        assert [self.registry.tips(repository) for repository in REPOSITORIES] == before  # collection moves nothing
        return done

    # what holds after every request

    def check(self) -> None:
        assert self.rows(OPEN_TAGS) == []
        assert self.rows(OPEN_CHILDREN) == []
        assert self.rows(WITHOUT_BYTES) == []
        assert self.rows(UNHELD, self.registry.now) == []
        assert self.rows(UNSIZED) == []
        assert self.rows(UNBOUND) == []
        assert self.rows("PRAGMA foreign_key_check") == []

    def check_parts(self) -> None:
        """No part of a live index can be deleted alone."""
        for name, digest in self.rows(OPEN_PARTS):
            with pytest.raises(Denied):
                self.delete(RepositoryName(f"{name}"), Digest(f"{digest}"))

    def check_window(self) -> None:
        """Every change inside its window can be taken back by force: nothing it needs is gone."""
        for change in self.metadata.listing.changes(None, None, 1000):
            if self.is_inside(change.held_until):
                asyncio.run(preview(self.metadata, self.undoing(UndoRequest(change.id, "replace"))))

    def undoing(self, wanted: UndoRequest) -> Callable[[Transaction], Undone]:
        cause = self.registry.cause()
        return lambda tx: undo(tx, wanted, cause)

    def check_end(self) -> None:
        """When all windows are over only what is live is left, and when that is deleted too, nothing."""
        self.pass_months()
        assert self.rows(LOOSE) == []
        assert self.rows(IDLE_BLOBS) == []
        assert self.rows("SELECT 1 FROM leases") == []
        assert self.rows("SELECT 1 FROM doomed WHERE reaped_at IS NULL") == []
        assert self.rows("SELECT 1 FROM moves WHERE held IS NOT NULL") == []

    def check_nothing_is_left(self) -> None:
        for repository in REPOSITORIES:
            tips = list(self.registry.tips(repository))
            for tag in tips:
                if isinstance(tag, Tag):
                    self.rm(repository, tag)
            while left := [tip for tip in self.registry.tips(repository) if isinstance(tip, Digest)]:
                self.rm_any(repository, left)
        self.pass_months()
        assert self.rows("SELECT digest FROM manifests") == []
        assert self.rows("SELECT digest FROM blobs") == []
        assert self.rows("SELECT 1 FROM doomed WHERE reaped_at IS NULL") == []

    def rm_any(self, repository: RepositoryName, digests: list[Digest]) -> None:
        """Remove one of some digests; a child of a live index is refused, the index is not."""
        for digest in digests:
            with suppress(Denied):
                self.rm(repository, digest)
                return

    def pass_months(self) -> None:
        for _ in range(3):
            self.pass_days(15)

    def rows(self, statement: str, *values: object) -> list[tuple[object, ...]]:
        connection = connect(self.database)
        try:
            return connection.execute(statement, values).fetchall()
        finally:
            connection.close()


def live_through(blobs: FileBlobs, history: list[Request]) -> None:
    """Live through a history, to the day when nothing is left. Raises AssertionError."""
    with tempfile.TemporaryDirectory() as place:
        database = Path(place) / "refloat.db"
        migrate(database)
        metadata = SqliteMetadata(database, Path(place), lambda: False)
        try:
            months = Months(metadata, blobs, database)
            for request in history:
                months.do(*request)
                months.check()
            months.check_parts()
            months.check_window()
            months.check_end()
            months.check()
            months.check_nothing_is_left()
        finally:
            metadata.close()
