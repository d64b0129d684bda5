"""Where what was deleted is kept: as a port, with an entry for each delete."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from refloat.core.names import Digest
from refloat.portable.facts import Facts

Mark = Literal["begun", "deleted", "restored"]
"""How far an entry came: kept and the delete under way; deleted and checked; brought back and checked."""

_TAG = re.compile(r"(?:(begun|restored)-)?([a-z]{10})")


@dataclass(frozen=True, slots=True)
class Entry:
    """One delete in a trash."""

    facts: Facts
    marks: frozenset[Mark]
    artifact: Digest

    @property
    def state(self) -> Mark:
        """The furthest it came."""
        if "restored" in self.marks:
            return "restored"
        return "deleted" if "deleted" in self.marks else "begun"


class Shelf(Protocol):
    """Keeps the bytes of images of one repository, and gives them back to it. All methods raise client.errors."""

    @property
    def place(self) -> str:
        """What people call it."""

    def keep(self, digest: Digest, size: int) -> None:
        """Take a blob of the repository in. That it can be read here already proves nothing: what a registry remembers
        may have been collected.
        """

    def keep_bytes(self, body: bytes, digest: Digest) -> None:
        """Take the bytes of a manifest in."""

    def mark(self, facts: Facts, mark: Mark) -> None:
        """Write down the facts, and how far their delete came. What they name is here by then."""

    def holds(self, facts: Facts, mark: Mark) -> bool:
        """Read what was written down, and see that it says the same."""

    def unties(self, facts: Facts) -> bool:
        """See whether the registry can delete one tag of several, by one of our own on what was marked as begun."""

    def entries(self) -> Sequence[Entry]:
        """Return every delete kept here that can be read, the oldest first."""

    @property
    def damaged(self) -> Sequence[str]:
        """What could not be read of the entries when they were read last."""

    def drop(self, entry: Entry) -> None:
        """Let go of an entry; what no other entry has leaves with the registry's next collection."""

    def size(self, digest: Digest) -> int | None:
        """Return how large something kept is, in bytes, its first and last having been read; None if it cannot be."""

    def body(self, digest: Digest) -> bytes:
        """Return the bytes of a kept manifest."""

    def give(self, digest: Digest, size: int) -> None:
        """Put a blob back into the repository, whatever can be read there already."""


def tag_of(identity: str, mark: Mark) -> str:
    """Return the tag under which an entry stands with a mark."""
    return identity if mark == "deleted" else f"{mark}-{identity}"


def marked(tag: str) -> tuple[str, Mark] | None:
    """Read such a tag; None for any other."""
    found = _TAG.fullmatch(tag)
    if found is None:
        return None
    marks: dict[str | None, Mark] = {None: "deleted", "begun": "begun", "restored": "restored"}
    return found[2], marks[found[1]]
