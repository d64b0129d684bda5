"""A registry:2's directory as years leave it: deletes by digest, pushes over tags, repositories whose folder is gone.

Manifests, configurations, and links to manifests are real. Layers have a size and no bytes: nobody who looks for what
was deleted may read them, and whoever does reads terabytes. So that a million of them need little memory they are hard
links to a few sparse files, and links to layers and configurations, which nobody reads either, are hard links to one.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tools.content import CONFIG, INDEX, LAYER, MANIFEST

INSIDE = Path("docker") / "registry" / "v2"
STEMS = "stems"
LEAST_LAYER = 64 << 10  # bytes; every other blob is smaller
LAYERS = 8  # of an image, and no other image's
SIZES = 128  # of layers: a file each, which has at most 65,000 names
TENS = 10  # of a repository: ten images and two indexes
BLOBS = TENS * (10 * (LAYERS + 2) + 2) + 1
"""Of a repository: its own, and a base layer that all its images have."""
FOLDER_GONE = 50
"""Of so many repositories one has lost its folder: no link names its blobs."""

DELETED, REPLACED, OVER, UNTAGGED = 0, 1, 2, 3
KEPT_PARTS, LOST_PARTS = (4, 5), (6, 7)
"""What became of an image of ten; two are parts of an index that is there, two of one that was deleted."""


@dataclass
class Grown:
    """What a tree holds: blobs, the bytes its layers are said to have, how many lost images are whole, and not."""

    blobs: int = 0
    layer_bytes: int = 0
    whole: int = 0
    broken: int = 0


@dataclass(frozen=True)
class Layer:
    """A layer that is nothing but a size."""

    digest: str
    size: int


def grow(root: Path, blobs: int) -> Grown:
    """Write a tree of at least so many blobs, whole repositories of them, into a new directory. Returns what it holds.

    It takes two directories for each blob.
    """
    v2, grown = root / INSIDE, Grown()
    _make_stems(root)
    shelves = v2 / "blobs" / "sha256"
    for shard in range(256):
        (shelves / f"{shard:02x}").mkdir(parents=True)
    (v2 / "repositories").mkdir()
    for number in range(-(-blobs // BLOBS)):
        Repository(root, number, grown).write()
    shutil.rmtree(root / STEMS)
    return grown


def _make_stems(root: Path) -> None:
    """Make the files that get many names: a layer of each size, and a link."""
    stems = root / STEMS
    stems.mkdir(parents=True)
    for which in range(SIZES):
        (stems / str(which)).touch()
        os.truncate(stems / str(which), _size_of(which))


def _size_of(which: int) -> int:
    """Return the size of a layer, in bytes: half of them are less than 4 MiB, the others up to 64 MiB."""
    return LEAST_LAYER + which * (60 << 10 if which < SIZES // 2 else 1 << 19)


@dataclass
class Repository:
    """One repository while it is written into a tree whose stems are still there."""

    root: Path
    number: int
    grown: Grown

    def __post_init__(self) -> None:
        self.shelves = str(self.root / INSIDE / "blobs" / "sha256")
        self.stems = str(self.root / STEMS)

    @property
    def is_there(self) -> bool:
        """Does it still have its folder?"""
        return self.number % FOLDER_GONE != FOLDER_GONE - 1

    @property
    def place(self) -> str:
        return str(self.root / INSIDE / "repositories" / f"team{self.number // 100:03}" / f"svc-{self.number:05}")

    def write(self) -> None:
        """Write ten images after ten. A layer of the very first is not there."""
        if self.is_there:
            for part in ("_layers/sha256", "_manifests/revisions/sha256", "_manifests/tags"):
                os.makedirs(f"{self.place}/{part}")
            Path(f"{self.stems}/{self.number}.link").write_text("sha256:")
        base = self._layer(f"base of {self.number}")
        self._own(base.digest)
        for ten in range(TENS):
            self._ten(ten, base)
        lost = TENS * (4 if self.is_there else 8)
        self.grown.whole += lost - 1
        self.grown.broken += 1

    def _ten(self, ten: int, base: Layer) -> None:
        images = [self._image(ten, which, base) for which in range(10)]
        kept, lost = (self._index([images[part] for part in parts]) for parts in (KEPT_PARTS, LOST_PARTS))
        if not self.is_there:
            return
        gone = {images[DELETED][0], lost[0]}
        for digest, _ in (*images, kept, lost):
            self._link(f"_manifests/revisions/sha256/{digest[7:]}", digest if digest not in gone else "")
        tags = {which: [images[which][0]] for which in (8, 9)} | {
            REPLACED: [images[REPLACED][0], images[OVER][0]], KEPT_PARTS[0]: [kept[0]],
        }  # fmt: skip
        for which, digests in tags.items():
            tag = f"_manifests/tags/1.{ten}.{which}"
            for digest in digests:
                self._link(f"{tag}/index/sha256/{digest[7:]}", digest)
            self._link(f"{tag}/current", digests[-1])

    def _image(self, ten: int, which: int, base: Layer) -> tuple[str, int]:
        """Write an image. Returns digest and size of its manifest."""
        name = f"{self.number}/{ten}/{which}"
        is_missing = ten == 0 and which == DELETED
        own = [self._layer(f"layer {layer} of {name}", is_missing=is_missing and not layer) for layer in range(LAYERS)]
        layers = [base, *own]
        config = self._blob({
            "architecture": "amd64", "os": "linux", "created": "2026-01-01T00:00:00Z", "image": name,
            "rootfs": {"type": "layers", "diff_ids": [layer.digest for layer in layers]},
        })  # fmt: skip
        for digest in (config[0], *(layer.digest for layer in own)):
            self._own(digest)
        return self._blob({
            "schemaVersion": 2, "mediaType": MANIFEST,
            "config": {"mediaType": CONFIG, "digest": config[0], "size": config[1]},
            "layers": [{"mediaType": LAYER, "digest": layer.digest, "size": layer.size} for layer in layers],
        })  # fmt: skip

    def _index(self, images: Sequence[tuple[str, int]]) -> tuple[str, int]:
        entries = [
            {"mediaType": MANIFEST, "digest": digest, "size": size, "platform": {"architecture": name, "os": "linux"}}
            for (digest, size), name in zip(images, ("amd64", "arm64"), strict=True)
        ]
        return self._blob({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries})

    def _layer(self, name: str, *, is_missing: bool = False) -> Layer:
        digits = hashlib.sha256(name.encode()).hexdigest()
        which = int(digits[:2], 16) % SIZES
        if not is_missing:
            os.link(f"{self.stems}/{which}", self._file(digits))
            self.grown.layer_bytes += _size_of(which)
        return Layer(f"sha256:{digits}", _size_of(which))

    def _blob(self, document: object) -> tuple[str, int]:
        body = json.dumps(document, separators=(",", ":")).encode()
        digits = hashlib.sha256(body).hexdigest()
        with open(self._file(digits), "wb", buffering=0) as file:
            file.write(body)
        return f"sha256:{digits}", len(body)

    def _file(self, digits: str) -> str:
        """Make the directory of a blob and return where its bytes go."""
        place = f"{self.shelves}/{digits[:2]}/{digits}"
        os.mkdir(place)
        self.grown.blobs += 1
        return f"{place}/data"

    def _own(self, digest: str) -> None:
        """Link a layer or configuration."""
        if self.is_there:
            place = f"{self.place}/_layers/sha256/{digest[7:]}"
            os.mkdir(place)
            os.link(f"{self.stems}/{self.number}.link", f"{place}/link")

    def _link(self, directory: str, digest: str) -> None:
        """Link a manifest; without a digest leave the directory of a link that was removed."""
        if not self.is_there:
            return
        place = f"{self.place}/{directory}"
        os.makedirs(place, exist_ok=True)
        if digest:
            with open(f"{place}/link", "wb", buffering=0) as file:
                file.write(digest.encode())
