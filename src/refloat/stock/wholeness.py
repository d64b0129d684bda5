"""Is everything there that an image consists of?"""

from dataclasses import dataclass, field
from typing import Literal

from refloat.core.manifest import Kind, Need
from refloat.core.names import Digest
from refloat.stock.ledger import Ledger
from refloat.stock.reading import is_right, read
from refloat.stock.tree import Tree

Depth = Literal["sizes", "bytes"]
Trouble = Literal["missing", "size", "damaged"]


@dataclass(frozen=True, slots=True)
class Missing:
    """A part that is not there as its image needs it: not at all, of another size, or with other bytes."""

    digest: Digest
    kind: Kind
    trouble: Trouble


@dataclass(slots=True)
class Parts:
    """What an image consists of, itself first, each part once: manifests and blobs, their bytes, what is missing."""

    manifests: list[Digest] = field(default_factory=list)
    blobs: list[Digest] = field(default_factory=list)
    size: int = 0
    missing: list[Missing] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Inspector:
    """Looks at files. With `bytes` every blob is read, once however many images need it."""

    tree: Tree
    ledger: Ledger
    depth: Depth

    def parts(self, digest: Digest) -> Parts:
        """Collect what a manifest that was read consists of. What is kept elsewhere by its `urls` may be missing."""
        found = Parts()
        read, weighed = set[Digest](), set[Digest]()  # what is a layer here may be a manifest there
        waiting: list[tuple[Need, int | None]] = [(Need(digest, "child", required=True), None)]
        while waiting:
            need, size = waiting.pop()
            if need.kind == "child" and need.digest not in read and self._is_manifest(need.digest):
                read.add(need.digest)
                found.manifests.append(need.digest)
                waiting += reversed(self.ledger.needs_of(need.digest))
            if need.digest not in weighed:
                weighed.add(need.digest)
                self._weigh(found, need, size)
        return found

    def is_whole(self, digest: Digest) -> bool:
        """Is everything there that a manifest consists of?"""
        return not self.parts(digest).missing

    def _weigh(self, found: Parts, need: Need, size: int | None) -> None:
        file = self.tree.file_of(need.digest)
        if file is None:
            if need.required or need.kind != "layer":
                found.missing.append(Missing(need.digest, need.kind, "missing"))
            return
        found.size += file.size
        if found.manifests[-1:] != [need.digest]:
            found.blobs.append(need.digest)
        if size is not None and size != file.size:
            found.missing.append(Missing(need.digest, need.kind, "size"))
        elif not self._is_right(need.digest):
            found.missing.append(Missing(need.digest, need.kind, "damaged"))

    def _is_manifest(self, digest: Digest) -> bool:
        if self.ledger.is_known(digest):
            return True
        found = read(self.tree, digest)
        if found is not None:
            self.ledger.note_manifest(found)
        return found is not None

    def _is_right(self, digest: Digest) -> bool:
        if self.depth == "sizes" or self.ledger.is_known(digest):  # a manifest was compared when it was read
            return True
        known = self.ledger.comparison(digest)
        if known is None:
            known = is_right(self.tree, digest)
            self.ledger.note_comparison(digest, is_right=known)
        return known
