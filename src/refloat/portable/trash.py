"""The trash as a repository of the same registry, filled by mounts: `refloat-trash/REPO`."""

from collections.abc import Iterator, Sequence

from refloat.client.errors import Broken, Refused
from refloat.client.registry import Registry
from refloat.core.descriptors import document_in
from refloat.core.errors import RefloatError
from refloat.core.media import OCI_MANIFEST
from refloat.core.names import Digest, RepositoryName
from refloat.language import say
from refloat.portable.facts import ARTIFACT, Facts, artifact_of, read, written
from refloat.portable.reading import readable
from refloat.portable.shelf import Entry, Mark, marked, tag_of

PREFIX = "refloat-trash"
PIECE = 8 << 20  # bytes that are held at once where a blob is copied through
FACTS_LIMIT = 16 << 20  # bytes


def trashes_in(registry: Registry, prefix: str = PREFIX) -> Iterator[RepositoryName]:
    """Return the repositories that have a trash in a registry. Raises what client.errors names where it lists none."""
    for name in registry.repositories():
        if name.startswith(f"{prefix}/"):
            yield RepositoryName(name.removeprefix(f"{prefix}/"))


def trash_of(repository: RepositoryName, prefix: str = PREFIX) -> RepositoryName:
    """Return the repository that is the trash of another. Raises NameInvalid."""
    return RepositoryName.parse(f"{prefix}/{repository}")


class TrashRepository:
    """The trash of one repository. See `shelf.Shelf`."""

    def __init__(self, registry: Registry, repository: RepositoryName, prefix: str = PREFIX) -> None:
        self._registry = registry
        self._repository = repository
        self._name = trash_of(repository, prefix)
        self.damaged: list[str] = []

    @property
    def place(self) -> str:
        """The repository's name."""
        return self._name

    def keep(self, digest: Digest, size: int) -> None:
        """Mount a blob here, or copy it through this machine where the registry mounts nothing."""
        self._move(digest, size, self._repository, self._name)

    def keep_bytes(self, body: bytes, digest: Digest) -> None:
        """Upload the bytes of a manifest as a blob: as a manifest it might be refused here, or collected."""
        self._registry.upload(self._name, digest, len(body), lambda offset: iter((body[offset:],)))

    def mark(self, facts: Facts, mark: Mark) -> None:
        """Put the artifact under the tag of a mark, its facts before it."""
        document = written(facts)
        self.keep_bytes(document, Digest.of(document))
        self._registry.put(self._name, tag_of(facts.id, mark), OCI_MANIFEST, artifact_of(facts))

    def holds(self, facts: Facts, mark: Mark) -> bool:
        """Read the artifact behind the tag of a mark, and the facts behind it."""
        entry = self._entry(facts.id, frozenset({mark}))
        return entry is not None and entry.facts == facts

    def unties(self, facts: Facts) -> bool:
        """Put a second tag on the artifact and delete it: the first one has to stand, and what it points to."""
        probe = f"probe-{facts.id}"
        self._registry.put(self._name, probe, OCI_MANIFEST, artifact_of(facts))
        try:
            self._registry.delete(self._name, probe)
        except Refused:
            return False
        return self.holds(facts, "begun") and self._registry.resolve(self._name, probe) is None

    def entries(self) -> Sequence[Entry]:
        """Read the facts behind every tag that is one of ours."""
        self.damaged = []
        marks: dict[str, set[Mark]] = {}
        for tag in self._registry.tags(self._name):
            if (found := marked(tag)) is not None:
                marks.setdefault(found[0], set()).add(found[1])
        entries = (self._entry(identity, frozenset(found)) for identity, found in marks.items())
        return sorted((entry for entry in entries if entry), key=lambda entry: entry.facts.at)

    def drop(self, entry: Entry) -> None:
        """Delete the artifact, and with it every tag on it."""
        self._registry.delete(self._name, entry.artifact)

    def size(self, digest: Digest) -> int | None:
        """Ask for the blob, and read its first and last byte."""
        return readable(self._registry, self._name, digest)

    def body(self, digest: Digest) -> bytes:
        """Download a kept manifest. Raises Broken."""
        return b"".join(self._registry.download(self._name, digest))

    def give(self, digest: Digest, size: int) -> None:
        """Mount a blob back, or copy it through."""
        self._move(digest, size, self._name, self._repository)

    def _entry(self, identity: str, marks: frozenset[Mark]) -> Entry | None:
        """Return an entry; None for what is not ours, or not there any more, or damaged."""
        try:
            tag = tag_of(identity, min(marks))
            held = self._registry.manifest(self._name, tag)
            if held is None and tag in self._registry.tags(self._name):  # nobody let go of it just now
                raise Broken(say("{server} lists it and does not have it", server=self._registry.origin.netloc))
            said = {} if held is None else document_in(held.body)
            if held is None or said.get("artifactType") != ARTIFACT:
                return None
            facts = self._facts(said)
        except (RefloatError, ValueError, TypeError, KeyError, Broken, Refused) as problem:
            self.damaged.append(f"{self._name}:{identity}: {problem}")
            return None
        return Entry(facts, marks, held.digest)

    def _facts(self, artifact: dict[str, object]) -> Facts:
        """Read the facts of an artifact. Raises ValueError and its like: anybody who may push here may have put it."""
        config = artifact["config"]
        if not isinstance(config, dict) or not 0 < config["size"] <= FACTS_LIMIT:
            raise ValueError(config)
        facts = read(b"".join(self._registry.download(self._name, Digest.parse(config["digest"]))))
        if facts.repository != self._repository:
            raise ValueError(facts.repository)
        return facts

    def _move(self, digest: Digest, size: int, source: RepositoryName, target: RepositoryName) -> None:
        """Mount, which also mends a link that a collection took; where that is refused copy what is not there."""
        if self._registry.mount(target, digest, source) or readable(self._registry, target, digest) == size:
            return  # all that was moved is read afterwards

        def pieces(offset: int) -> Iterator[bytes]:
            for first in range(offset, size, PIECE):
                yield self._registry.piece(source, digest, first, min(first + PIECE, size) - 1)

        self._registry.upload(target, digest, size, pieces)
