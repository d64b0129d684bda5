"""A registry in which every body may come as a manifest and as a blob, in any order; what it names is known by name."""

import json
from collections.abc import Callable, Mapping

import pytest
from hypothesis import strategies as st

from refloat.blobs.filesystem import FileBlobs
from refloat.core.clock import Tick
from refloat.core.errors import RefloatError
from refloat.core.names import Digest, Reference, RepositoryName, Tag
from refloat.metadata.store import SqliteMetadata
from refloat.usecases import upload
from refloat.usecases.collect import CollectTerms, run_round
from refloat.usecases.delete import delete_reference
from refloat.usecases.purge import PurgeRequest, purge
from refloat.usecases.remove import Selection, remove
from refloat.usecases.undo import UndoRequest, undo
from tests.usecases.conftest import DAY, TEAM, Registry, index_of

WEB = RepositoryName("team/web")
PARTS: Mapping[str, tuple[str, ...]] = {"index": ("one", "two"), "nest": ("index",), "bundle": ("one", "index")}
NAMES = ("one", "two", "index", "nest", "bundle", "note")
TAGS = {name: Tag(f"tag-of-{name}") for name in NAMES}
Step = tuple[str, RepositoryName, str]

repositories, names = st.sampled_from([TEAM, WEB]), st.sampled_from(NAMES)
steps = st.one_of(
    st.tuples(st.sampled_from(["blob", "mount"]), repositories, names),
    st.tuples(st.sampled_from(["put", "tag"]), repositories, names),
    st.tuples(st.sampled_from(["delete", "delete tag", "rm", "rm tag"]), repositories, names),
    st.tuples(st.just("undo"), repositories, st.sampled_from(["1", "2", "4"])),
    st.tuples(st.just("days"), repositories, st.sampled_from(["2", "12"])),
    st.tuples(st.just("purge"), repositories, names),
)


class Both:
    """A registry and what must be true of it, known without a look at what binds a manifest to its parts."""

    def __init__(self, metadata: SqliteMetadata, blobs: FileBlobs) -> None:
        self.metadata, self.blobs = metadata, blobs
        self.registry = Registry(metadata)
        self.registry.window, self.registry.lease = 10 * DAY, DAY
        self.bodies = self.made()
        self.held: set[tuple[RepositoryName, str, str]] = set()  # a manifest, and what it names and had as a blob

    def made(self) -> dict[str, bytes]:
        bodies = {name: self.registry.image(name, repository=TEAM) for name in ("one", "two")}
        bodies["index"] = index_of(bodies["one"], bodies["two"])
        bodies["nest"] = index_of(bodies["index"])
        named = [{"digest": Digest.of(bodies[name])} for name in PARTS["bundle"]]
        bodies["bundle"] = json.dumps({"mediaType": "application/vnd.example.bundle", "has": named}).encode()
        bodies["note"] = self.registry.image("note", Digest.of(bodies["one"]), TEAM)
        return bodies

    def do(self, what: str, repository: RepositoryName, name: str) -> None:
        acts: dict[str, Callable[[RepositoryName, str], object]] = {
            "blob": lambda repository, name: self.registry.blob(self.bodies[name], repository),
            "mount": self.mount,
            "put": lambda repository, name: self.put(repository, name, str(self.digest(name))),
            "tag": lambda repository, name: self.put(repository, name, TAGS[name]),
            "delete": lambda repository, name: self.delete(repository, self.digest(name)),
            "delete tag": lambda repository, name: self.delete(repository, TAGS[name]),
            "rm": lambda repository, name: self.rm(repository, self.digest(name)),
            "rm tag": lambda repository, name: self.rm(repository, TAGS[name]),
            "undo": lambda _, back: self.undo(int(back)),
            "days": lambda _, days: self.pass_days(int(days)),
            "purge": self.purge,
        }
        try:
            acts[what](repository, name)
        except RefloatError:
            return  # refused, whole

    def digest(self, name: str) -> Digest:
        return Digest.of(self.bodies[name])

    def put(self, repository: RepositoryName, name: str, reference: str) -> None:
        if name in ("one", "two", "note"):
            self.registry.image(name, repository=repository)
        self.registry.put(reference, self.bodies[name], repository=repository)

    def mount(self, repository: RepositoryName, name: str) -> None:
        source = WEB if repository == TEAM else TEAM
        now, lease = self.registry.now, self.registry.lease
        self.registry.do(lambda tx: upload.mount(tx, repository, source, self.digest(name), now, lease))

    def delete(self, repository: RepositoryName, reference: Reference) -> None:
        self.registry.do(lambda tx: delete_reference(tx, repository, reference, self.registry.cause()))

    def rm(self, repository: RepositoryName, reference: Reference) -> None:
        self.registry.do(lambda tx: remove(tx, Selection({repository: [reference]}), self.registry.cause(), "image"))

    def undo(self, back: int) -> None:
        changes = self.metadata.listing.changes(None, None, back)
        if len(changes) == back:
            wanted = UndoRequest(changes[-1].id, "replace")
            self.registry.do(lambda tx: undo(tx, wanted, self.registry.cause()))

    def pass_days(self, days: int) -> None:
        self.registry.now += days * DAY
        tick = Tick(self.registry.now, self.registry.now, "run")
        run_round(self.metadata, self.blobs, tick, CollectTerms(graveyard=DAY, history_keep=400 * DAY))

    def purge(self, repository: RepositoryName, name: str) -> None:
        digest = self.digest(name)
        request = PurgeRequest(name, repository, (digest,), "everywhere", "allow")
        self.metadata.purge(lambda tx: purge(tx, request, self.registry.cause()))
        for place in (TEAM, WEB):
            assert not self.metadata.read.holds(place, digest)
            assert not self.is_stored(place, name)
        self.held = {(place, parent, part) for place, parent, part in self.held if part != name}

    # what holds after every step

    def check(self) -> None:
        for repository in (TEAM, WEB):
            untagged = {entry.digest for entry in self.metadata.listing.untagged(repository, "", 100)}
            for parent, parts in PARTS.items():
                for part in parts:
                    self.check_part(repository, parent, part, untagged)

    def check_part(self, repository: RepositoryName, parent: str, part: str, untagged: set[Digest]) -> None:
        digest, is_live = self.digest(part), self.is_live(repository, parent)
        if is_live and self.is_stored(repository, part):
            assert self.is_live(repository, part), f"{part} is a part of {parent} in {repository}, which is live"
            assert digest not in untagged
            with pytest.raises(RefloatError, match="is part of"):
                self.delete(repository, digest)
        self.check_blob(repository, parent, part)

    def check_blob(self, repository: RepositoryName, parent: str, part: str) -> None:
        """What a manifest names and the repository had as a blob is held as long as the manifest is."""
        edge, digest = (repository, parent, part), self.digest(part)
        if not self.is_stored(repository, parent):
            self.held.discard(edge)
            return
        if edge in self.held:
            assert self.metadata.read.holds(repository, digest), f"{part} was a blob of {parent} in {repository}"
            is_readable = self.metadata.read.blob(repository, digest, self.registry.now) is not None
            assert is_readable or not self.is_live(repository, parent)
        elif self.metadata.read.holds(repository, digest):
            self.held.add(edge)

    def is_live(self, repository: RepositoryName, name: str) -> bool:
        return self.metadata.read.manifest(repository, self.digest(name)) is not None

    def is_stored(self, repository: RepositoryName, name: str) -> bool:
        return self.metadata.listing.stored(repository, self.digest(name)) is not None
