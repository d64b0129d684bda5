"""Where registry:2 keeps what: a tree of files under `docker/registry/v2`, walked without keeping it in memory.

    blobs/sha256/AB/HEX/data                                        every blob and manifest, once
    repositories/NAME/_layers/sha256/HEX/link                       a repository has a blob
    repositories/NAME/_manifests/revisions/sha256/HEX/link          a repository has a manifest
    repositories/NAME/_manifests/tags/TAG/current/link              what a tag points to
    repositories/NAME/_manifests/tags/TAG/index/sha256/HEX/link     everything it ever pointed to

A server may run on the tree: what vanishes while it is walked was not there. Symbolic links are not followed.
"""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from refloat.core.errors import DigestInvalid, NameInvalid
from refloat.core.names import ALGORITHMS, Digest, RepositoryName, Tag

INSIDE = Path("docker") / "registry" / "v2"
LONGEST_LINK = 256  # bytes; a link holds one digest


@dataclass(frozen=True, slots=True)
class Revision:
    """A manifest a repository has, or had: deleting one removes the link and leaves its directory.

    `touched` is when the link was written or removed, in seconds since 1970.
    """

    digest: Digest
    is_linked: bool
    touched: float


@dataclass(frozen=True, slots=True)
class Tagged:
    """A value of a tag: its present one, or one it had before."""

    tag: Tag
    digest: Digest
    is_current: bool


@dataclass(frozen=True, slots=True)
class File:
    """The file of a blob: its size in bytes, and when it was written, in seconds since 1970."""

    size: int
    written: float


@dataclass(frozen=True, slots=True)
class Tree:
    """A registry:2's tree; `place` is its `docker/registry/v2`."""

    place: Path

    @classmethod
    def at(cls, directory: Path) -> "Tree | None":
        """Return the tree in a `rootdirectory`, or the one `directory` itself is; None where there is none."""
        for place in (directory / INSIDE, directory):
            if any((place / part).is_dir() for part in ("blobs", "repositories")):
                return cls(place)
        return None

    def path_of(self, digest: Digest) -> Path:
        """Return where a blob's bytes are, if it is there."""
        algorithm, _, digits = digest.partition(":")
        return self.place / "blobs" / algorithm / digits[:2] / digits / "data"

    def file_of(self, digest: Digest) -> File | None:
        """Return what is known of a blob's file without opening it; None where there is no file."""
        try:
            seen = os.lstat(self.path_of(digest))
        except (FileNotFoundError, NotADirectoryError):
            return None
        return File(seen.st_size, seen.st_mtime) if stat.S_ISREG(seen.st_mode) else None

    def shards(self) -> Iterator[tuple[str, Iterator[Digest]]]:
        """Yield the blobs, shard by shard: how the digests of a shard begin, and the digests."""
        for algorithm in ALGORITHMS:
            place = self.place / "blobs" / algorithm
            for shard in _directories(place):
                yield f"{algorithm}:{shard}", _digests(place / shard, algorithm)

    def repositories(self) -> Iterator[RepositoryName]:
        """Yield every repository: a directory that has `_manifests` or `_layers`, however deep."""
        top = self.place / "repositories"
        waiting = [""]
        while waiting:
            name = waiting.pop()
            inner = list(_directories(top / name))
            if "_manifests" in inner or "_layers" in inner:
                try:
                    yield RepositoryName.parse(name)
                except NameInvalid:
                    continue  # no registry serves it
            waiting += [f"{name}/{part}".lstrip("/") for part in inner if not part.startswith("_")]

    def layers(self, repository: RepositoryName) -> Iterator[Digest]:
        """Yield the blobs a repository has, or had: a deleted one's directory stays."""
        place = self.place / "repositories" / repository / "_layers"
        for algorithm in ALGORITHMS:
            yield from _digests(place / algorithm, algorithm)

    def revisions(self, repository: RepositoryName) -> Iterator[Revision]:
        """Yield the manifests a repository has, or had."""
        place = self.place / "repositories" / repository / "_manifests" / "revisions"
        for algorithm in ALGORITHMS:
            for digest in _digests(place / algorithm, algorithm):
                directory = place / algorithm / digest.partition(":")[2]
                try:
                    yield Revision(digest, (directory / "link").is_file(), os.lstat(directory).st_mtime)
                except FileNotFoundError:
                    continue

    def tags(self, repository: RepositoryName) -> Iterator[Tagged]:
        """Yield every value each tag of a repository has or had that is written down."""
        place = self.place / "repositories" / repository / "_manifests" / "tags"
        for name in _directories(place):
            try:
                tag = Tag.parse(name)
            except NameInvalid:
                continue
            current = _link(place / name / "current" / "link")
            if current is not None:
                yield Tagged(tag, current, is_current=True)
            for algorithm in ALGORITHMS:
                for digest in _digests(place / name / "index" / algorithm, algorithm):
                    if digest != current:
                        yield Tagged(tag, digest, is_current=False)


def _directories(place: Path) -> Iterator[str]:
    try:
        with os.scandir(place) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    yield entry.name
    except (FileNotFoundError, NotADirectoryError):
        return


def _digests(place: Path, algorithm: str) -> Iterator[Digest]:
    for name in _directories(place):
        try:
            yield Digest.parse(f"{algorithm}:{name}")
        except DigestInvalid:
            continue


def _link(path: Path) -> Digest | None:
    """Read a link; what does not hold a digest leads nowhere."""
    try:
        with path.open("rb") as file:
            return Digest.parse(file.read(LONGEST_LINK).decode("ascii", "replace").strip())
    except (FileNotFoundError, NotADirectoryError, DigestInvalid):
        return None
