"""The trash as a directory: an OCI image layout that other tools read too. Spec: OCI Image 1.1 "Image Layout".

`index.json` names the kept images, so that they can be copied anywhere, and the artifacts with the facts. One directory
may serve several repositories; what an entry kept stays in it until the directory is removed.
"""

import fcntl
import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from refloat import durable
from refloat.client.registry import Registry
from refloat.core.errors import RefloatError
from refloat.core.media import OCI_INDEX, OCI_MANIFEST
from refloat.core.names import Digest, RepositoryName
from refloat.language import say
from refloat.portable.facts import ARTIFACT, Facts, artifact_of, read, written
from refloat.portable.refusals import TrashLost
from refloat.portable.shelf import Entry, Mark

LAYOUT = b'{"imageLayoutVersion":"1.0.0"}'
NAMED = "org.opencontainers.image.ref.name"
MARKS = "dev.refloat.trash.marks"  # on an artifact's descriptor: how far its delete came
LOCK = "refloat.lock"
PIECE = 1 << 20
Descriptor = dict[str, object]


class SavedLayout:
    """The trash of a repository in a directory. See `shelf.Shelf`."""

    def __init__(self, registry: Registry, repository: RepositoryName, directory: Path) -> None:
        self._registry = registry
        self._repository = repository
        self._directory = directory
        self.damaged: list[str] = []

    @property
    def place(self) -> str:
        """The directory."""
        return str(self._directory)

    def keep(self, digest: Digest, size: int) -> None:
        """Download a blob, durably. Raises Broken, OSError."""
        if self.size(digest) != size:  # a file has its name only when it is whole
            self._store(digest, self._registry.download(self._repository, digest))

    def keep_bytes(self, body: bytes, digest: Digest) -> None:
        """Store the bytes of a manifest."""
        if self.size(digest) != len(body):
            self._store(digest, iter((body,)))

    def mark(self, facts: Facts, mark: Mark) -> None:
        """Name the images and the artifact in the index, which changes from one state to the next at once."""
        document, artifact = written(facts), artifact_of(facts)
        self.keep_bytes(document, Digest.of(document))
        digest = Digest.of(artifact)
        self.keep_bytes(artifact, digest)
        with self._alone():
            there = self._descriptors()
            before = next((_marks(entry) for entry in there if entry.get("digest") == digest), frozenset())
            others = [entry for entry in there if entry.get("digest") != digest and not _names(entry, facts)]
            self._write([*others, *_images(facts), _artifact(digest, len(artifact), before | {mark})])

    def holds(self, facts: Facts, mark: Mark) -> bool:
        """Read the index, and the facts its artifact names."""
        return any(entry.facts == facts and mark in entry.marks for entry in self.entries())

    def unties(self, facts: Facts) -> bool:
        """Nothing of ours is in the registry to try it with."""
        return True

    def entries(self) -> Sequence[Entry]:
        """Read the facts behind every artifact of this repository of this server. Raises TrashLost."""
        self.damaged = []
        entries = [self._entry(descriptor) for descriptor in self._descriptors() if _marks(descriptor)]
        mine = (self._registry.origin.netloc, self._repository)
        found = [entry for entry in entries if entry is not None and (entry.facts.host, entry.facts.repository) == mine]
        return sorted(found, key=lambda entry: entry.facts.at)

    def drop(self, entry: Entry) -> None:
        """Take an artifact out of the index. The bytes stay, for others may need them."""
        with self._alone():
            self._write([each for each in self._descriptors() if each.get("digest") != entry.artifact])

    def size(self, digest: Digest) -> int | None:
        """Return the size of the file; it has its name only since it was whole."""
        try:
            return self._path(digest).stat().st_size
        except FileNotFoundError:
            return None

    def body(self, digest: Digest) -> bytes:
        """Read a kept manifest. Raises TrashLost where it is not what its name says."""
        try:
            body = self._path(digest).read_bytes()
        except OSError as problem:
            raise self._lost(str(problem)) from None
        if Digest.of(body, digest.algorithm) != digest:
            raise self._lost(say("{digest} is damaged", digest=digest))
        return body

    def give(self, digest: Digest, size: int) -> None:
        """Upload a blob, once it was read and compared with its digest. Raises TrashLost."""
        self._compare(digest)
        self._registry.upload(self._repository, digest, size, _from(self._path(digest)))

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the index for oneself while it is read and written."""
        file = durable.open_plain(self._directory / LOCK, os.O_RDWR | os.O_CREAT)
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield
        finally:
            os.close(file)

    def _compare(self, digest: Digest) -> None:
        running = hashlib.new(digest.algorithm)
        try:
            for piece in _from(self._path(digest))(0):
                running.update(piece)
        except OSError as problem:
            raise self._lost(str(problem)) from None
        if running.hexdigest() != digest.partition(":")[2]:
            raise self._lost(say("{digest} is damaged", digest=digest))

    def _path(self, digest: Digest) -> Path:
        algorithm, _, digits = digest.partition(":")
        return self._directory / "blobs" / algorithm / digits

    def _store(self, digest: Digest, pieces: Iterable[bytes]) -> None:
        path = self._path(digest)
        durable.make_directory(path.parent)
        unfinished = path.with_name(f"unfinished-{os.getpid()}")
        durable.unlink(unfinished)
        file = durable.create(unfinished)
        try:
            running = hashlib.new(digest.algorithm)
            for piece in pieces:
                running.update(piece)
                durable.write(file, piece)
            durable.fsync(file)
        except BaseException:  # what is unfinished takes room that somebody may be short of
            durable.unlink(unfinished)
            raise
        finally:
            os.close(file)
        if running.hexdigest() != path.name:
            durable.unlink(unfinished)
            raise self._lost(say("{digest} is damaged", digest=digest))
        durable.rename(unfinished, path)
        durable.fsync_directory(path.parent)

    def _descriptors(self) -> list[Descriptor]:
        try:
            manifests = msgspec.json.decode((self._directory / "index.json").read_bytes())["manifests"]
        except FileNotFoundError:
            return []
        except (OSError, ValueError, TypeError, KeyError) as problem:
            raise self._lost(str(problem)) from None
        return [entry for entry in manifests if isinstance(entry, dict)] if isinstance(manifests, list) else []

    def _write(self, descriptors: list[Descriptor]) -> None:
        index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": descriptors}
        for name, body in (("oci-layout", LAYOUT), ("index.json", msgspec.json.encode(index))):
            fresh = self._directory / f"{name}.{os.getpid()}"
            durable.unlink(fresh)
            file = durable.create(fresh)
            try:
                durable.write(file, body)
                durable.fsync(file)
            finally:
                os.close(file)
            durable.rename(fresh, self._directory / name)
        durable.fsync_directory(self._directory)

    def _entry(self, descriptor: Descriptor) -> Entry | None:
        try:
            digest = Digest.parse(str(descriptor["digest"]))
            config = Digest.parse(msgspec.json.decode(self.body(digest))["config"]["digest"])
            return Entry(read(self.body(config)), _marks(descriptor), digest)
        except (RefloatError, TrashLost, ValueError, TypeError, KeyError) as problem:
            self.damaged.append(f"{self._directory}: {problem}")
            return None

    def _lost(self, problem: str) -> TrashLost:
        return TrashLost(say("{place} cannot be read: {problem}", place=self._directory, problem=problem))


def _marks(descriptor: Descriptor) -> frozenset[Mark]:
    annotations = descriptor.get("annotations")
    text = annotations.get(MARKS) if isinstance(annotations, dict) else None
    known: tuple[Mark, ...] = ("begun", "deleted", "restored")
    return frozenset(mark for mark in known if isinstance(text, str) and mark in text.split())


def _artifact(digest: Digest, size: int, marks: frozenset[Mark]) -> Descriptor:
    return {
        "mediaType": OCI_MANIFEST,
        "artifactType": ARTIFACT,
        "digest": str(digest),
        "size": size,
        "annotations": {MARKS: " ".join(sorted(marks))},
    }


def _images(facts: Facts) -> Iterator[Descriptor]:
    own = next(kept for kept in facts.manifests if kept.digest == facts.image)
    for name in facts.names:
        annotations = {NAMED: name}
        yield {"mediaType": own.media_type, "digest": str(own.digest), "size": own.size, "annotations": annotations}


def _names(descriptor: Descriptor, facts: Facts) -> bool:
    """Has the index this name already? The newest delete of a name has it."""
    annotations = descriptor.get("annotations")
    return isinstance(annotations, dict) and annotations.get(NAMED) in facts.names


def _from(path: Path) -> Callable[[int], Iterator[bytes]]:
    def pieces(offset: int) -> Iterator[bytes]:
        with path.open("rb") as file:
            file.seek(offset)
            while piece := file.read(PIECE):
                yield piece

    return pieces
