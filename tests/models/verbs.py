"""What a person can ask of a repository: the real use cases, run on a `Book`."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from refloat.core.errors import ChangeConflict, Denied, ManifestUnknown
from refloat.core.manifest import Manifest, parse
from refloat.core.media import OCI_INDEX, OCI_MANIFEST
from refloat.core.names import Digest, Reference, Tag
from refloat.core.records import Cause
from refloat.core.undo import OnConflict
from refloat.usecases.delete import delete_reference
from refloat.usecases.push import ManifestPush, push_manifest
from refloat.usecases.remove import Selection, remove
from refloat.usecases.undo import UndoRequest, undo
from tests.models.book import REPOSITORY, Book, History

Name = Literal["push", "delete", "rm", "undo"]


class Verb(NamedTuple):
    """One request: for a push `reference` and `digest`, for an undo the number of the change."""

    name: Name
    reference: Reference | None = None
    digest: Digest | None = None
    change: int = 0
    on_conflict: OnConflict = "refuse"


@dataclass
class World:
    """The manifests and tags there are. `bodies` are what a push sends."""

    bodies: dict[Digest, bytes]
    tags: dict[Tag, tuple[Digest, ...]]  # what each tag may be pushed for
    names: dict[Reference, str]
    manifests: Mapping[Digest, Manifest] = field(init=False)

    def __post_init__(self) -> None:
        self.manifests = {digest: parse(body, "") for digest, body in self.bodies.items()}

    def verbs(self, history: History) -> Iterator[Verb]:
        """Everything that may be asked of a repository with this history."""
        for tag, digests in self.tags.items():
            for digest in digests:
                yield Verb("push", tag, digest)
        for digest in self.bodies:
            yield Verb("push", digest, digest)
        for reference, _ in history.tips:
            yield Verb("delete", reference)
            yield Verb("rm", reference)
        for change in range(len(history.log)):
            yield Verb("undo", change=change)
            yield Verb("undo", change=change, on_conflict="replace")

    def do(self, history: History, verb: Verb) -> History | None:
        """Return the history after a request. None: it was refused, or nothing had to move."""
        book = Book(history, self.manifests)
        cause = Cause(at=0, change=str(len(history.log)), held_until=0)
        try:
            _run(book, verb, cause, self.bodies)
        except (Denied, ManifestUnknown, ChangeConflict):
            return None
        return book.outcome if len(book.log) > len(history.log) else None

    def take_back(self, history: History, change: int) -> History | None:
        return self.do(history, Verb("undo", change=change))

    def tell(self, verbs: tuple[Verb, ...]) -> str:
        """Return a sequence of requests as a person would write it."""
        return " > ".join(self._tell(verb) for verb in verbs)

    def _tell(self, verb: Verb) -> str:
        if verb.name == "undo":
            return f"undo {verb.change}" + (f" --{verb.on_conflict}" if verb.on_conflict != "refuse" else "")
        names = [self.names.get(name, str(name)) for name in (verb.reference, verb.digest) if name is not None]
        return " ".join((verb.name, *names))


def _run(book: Book, verb: Verb, cause: Cause, bodies: Mapping[Digest, bytes]) -> None:
    tx = book.transaction
    if verb.name == "undo":
        undo(tx, UndoRequest(str(verb.change), verb.on_conflict), cause)
        return
    assert verb.reference is not None
    if verb.name == "delete":
        delete_reference(tx, REPOSITORY, verb.reference, cause)
    elif verb.name == "rm":
        remove(tx, Selection({REPOSITORY: [verb.reference]}), cause, "image")
    else:
        assert verb.digest is not None
        push_manifest(tx, REPOSITORY, ManifestPush(verb.reference, bodies[verb.digest], ""), cause)


def image(seed: str, subject: Digest | None = None) -> bytes:
    """Return an image manifest, or with `subject` a referrer."""
    document: dict[str, object] = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": Digest.of(seed.encode())},
        "layers": [],
    }
    if subject is not None:
        document["subject"] = {"mediaType": OCI_MANIFEST, "digest": subject}
    return json.dumps(document).encode()


def index(*children: Digest) -> bytes:
    """Return an index of manifests."""
    entries = [{"mediaType": OCI_MANIFEST, "digest": child} for child in children]
    return json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}).encode()
