"""The portable trash of one repository as the verbs use it, in this process."""

import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from refloat.client.origin import parse_origin
from refloat.client.registry import Registry
from refloat.core.identity import change_id
from refloat.core.names import Digest, RepositoryName, Tag, parse_reference
from refloat.portable import deleting, ending, restoring
from refloat.portable.deleting import Wanted
from refloat.portable.ending import Ending
from refloat.portable.facts import Facts
from refloat.portable.keeping import Asked
from refloat.portable.layout import SavedLayout
from refloat.portable.shelf import Entry, Shelf
from refloat.portable.trash import TrashRepository
from tests.portable.relay import Request
from tools.content import INDEX, Content, Part

MONTH = timedelta(days=30)


@dataclass
class Room:
    """A repository at `address`, with its trash there, or in `directory`. References are tags or digests."""

    address: str
    repository: str
    directory: Path | None = None

    def __post_init__(self) -> None:
        self.name = RepositoryName.parse(self.repository)
        self.registry = Registry(parse_origin(self.address, "loopback"))
        self.shelf: Shelf = (
            TrashRepository(self.registry, self.name)
            if self.directory is None
            else SavedLayout(self.registry, self.name, self.directory)
        )

    def remove(self, *references: str, keep: timedelta = MONTH) -> Facts:
        """Do what `refloat rm` does, also where an earlier run was interrupted."""
        now = datetime.now(UTC)
        asked = Asked(change_id(secrets.token_bytes(8)), now, now + keep, "tests", None)
        prepared = deleting.prepare(self.registry, self.shelf, wanted(self.name, *references), asked)
        if isinstance(prepared, Entry):
            return deleting.finish(self.registry, self.shelf, prepared)
        return deleting.carry_out(self.registry, self.shelf, prepared)

    def restore(self, reference: str) -> None:
        """Do what `refloat restore` does without options."""
        parsed = parse_reference(reference)
        found = restoring.find(self.registry, self.shelf, self.name, parsed)
        comeback = restoring.prepare(self.registry, found, None)
        restoring.refuse_taken(comeback)
        restoring.bring_back(self.registry, self.shelf, comeback)

    def ending(self, reference: str) -> Ending:
        """Return what `refloat purge` would end."""
        probe = Digest.of(secrets.token_bytes(8))
        return ending.prepare(self.registry, self.shelf, wanted(self.name, reference), probe)

    def purge(self, reference: str) -> None:
        """Do what `refloat purge` does."""
        ending.carry_out(self.registry, self.shelf, self.name, self.ending(reference))

    def expire(self) -> None:
        """Do what `refloat trash expire` does."""
        ending.drop(self.shelf, ending.due(self.shelf, datetime.now(UTC)))

    @property
    def entries(self) -> list[tuple[str, str]]:
        """Image and state of everything in the trash, the oldest first."""
        return [(entry.facts.image, entry.state) for entry in self.shelf.entries()]


def wanted(repository: RepositoryName, *references: str) -> Wanted:
    """Return what is named by tags, or by one digest."""
    parsed = [parse_reference(reference) for reference in references]
    digests = [each for each in parsed if isinstance(each, Digest)]
    return Wanted(repository, tuple(each for each in parsed if isinstance(each, Tag)), digests[0] if digests else None)


def index_over(*parts: Part, note: str) -> Part:
    """Return an index that names these manifests."""
    entries = [
        part.descriptor(platform={"architecture": f"cpu{number}", "os": "linux"}) for number, part in enumerate(parts)
    ]
    document = {"schemaVersion": 2, "mediaType": INDEX, "manifests": entries, "annotations": {"note": note}}
    return Part(INDEX, json.dumps(document).encode())


def sharing(content: Content) -> Part:
    """Return another index over the same images."""
    return index_over(*content.manifests, note="another")


def stopping(*digests: str) -> Callable[[Request], int | str]:
    """Return the manners of a registry that lets nobody delete these: whoever tries stops there."""

    def manners(request: Request) -> int | str:
        return 401 if request.method == "DELETE" and request.path.endswith(digests) else request.path

    return manners
