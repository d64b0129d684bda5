"""What people ask: one image whole, what a list says about each, whether a change can be taken back."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from refloat.core.descriptors import LARGEST_CONFIG, descriptors_in, document_in, platform_of
from refloat.core.errors import ManifestUnknown, NameUnknown, RequestInvalid
from refloat.core.manifest import Need, annotations_of
from refloat.core.media import IMAGES, INDEXES
from refloat.core.names import Digest, Reference, RepositoryName, Tag, parse_reference
from refloat.core.records import ManifestFacts, PastValue, StoredManifest, TagEntry
from refloat.core.scarcity import lacking
from refloat.ports import BlobStore, Listing, Reader

MOST_TRASH = 1000  # changes looked through for a shortened digest that is not live
MOST_MATCHES = 10
_SHORT_DIGEST = re.compile(r"(?:sha256|sha512):[0-9a-f]{7,127}")

State = Literal["live", "held", "gone", "purged"]
Which = Literal["tagged", "untagged"]


@dataclass(frozen=True, slots=True)
class Stores:
    """What these reads ask: the reader, the lists, the bytes; and the instant for which they answer."""

    read: Reader
    listing: Listing
    blobs: BlobStore
    now: int


@dataclass(frozen=True, slots=True)
class Part:
    """One thing a manifest needs. `size` is None where the repository does not have it."""

    need: Need
    size: int | None
    media_type: str | None
    platforms: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Image:
    """One image or index as `show` tells it. `size` counts each blob once, `body_size` is the manifest's own."""

    repository: RepositoryName
    reference: Reference
    manifest: StoredManifest
    size: int
    platforms: tuple[str, ...]
    annotations: Mapping[str, str]
    parts: tuple[Part, ...]
    tags: tuple[Tag, ...]
    referrers: tuple[ManifestFacts, ...]
    since: PastValue | None  # the move that made the reference point here


@dataclass(frozen=True, slots=True)
class ImagesPage:
    """Images of a repository, each with its platforms; and the last of them, where others may come after it."""

    entries: Sequence[tuple[TagEntry, tuple[str, ...]]]
    last: Reference | None


def show(stores: Stores, repository: RepositoryName, reference: Reference) -> Image:
    """Return one live image. Raises ManifestUnknown."""
    manifest = stores.read.manifest(repository, reference)
    if manifest is None:
        raise ManifestUnknown(f"{repository} has no {reference}", {"reference": reference})
    said = descriptors_in(manifest.body)
    parts = tuple(
        _part(stores, repository, need, size, said.get(need.digest, {}))
        for need, size in stores.listing.needs(repository, manifest.digest)
    )
    past = stores.listing.history(repository, reference, None, 1)
    return Image(
        repository=repository,
        reference=reference,
        manifest=manifest,
        size=sum(size for _, size in stores.listing.blobs_below(repository, manifest.digest)),
        platforms=platforms(stores, repository, manifest),
        annotations=annotations_of(manifest.body),
        parts=parts,
        tags=tuple(stores.listing.tags_on(repository, manifest.digest)),
        referrers=tuple(stores.read.referrer_facts(repository, manifest.digest)),
        since=past[0] if past else None,
    )


def images(stores: Stores, repository: RepositoryName, which: Which, last: str, limit: int) -> ImagesPage:
    """Return a page of images, each with its platforms. Raises NameUnknown."""
    if not stores.read.has_repository(repository):
        raise NameUnknown(f"there is no repository {repository}", {"name": repository})
    source = stores.listing.images if which == "tagged" else stores.listing.untagged
    entries, known = source(repository, last, limit), dict[Digest, tuple[str, ...]]()
    for digest in dict.fromkeys(entry.digest for entry in entries):
        known[digest] = _platforms_of(stores, repository, digest)
    return ImagesPage(
        [(entry, known[entry.digest]) for entry in entries], _last_of(stores, repository, which, entries, limit)
    )


def _last_of(
    stores: Stores, repository: RepositoryName, which: Which, entries: Sequence[TagEntry], limit: int
) -> Reference | None:
    """Return the last entry of a page that others may come after."""
    if not entries:
        return None
    last: Reference = entries[-1].tag or entries[-1].digest
    if len(entries) == limit:
        return last
    if which == "tagged":
        return last if stores.read.tags(repository, last, 1) else None
    return last if stores.listing.untagged(repository, last, 1) else None


def find_reference(listing: Listing, repository: RepositoryName, text: str) -> Reference:
    """Return a tag or digest; `sha256:` with at least 7 hex digits is enough where one digest begins so.

    Digests that are live come first, then those in the trash, then those that were there once. Raises
    ManifestUnknown, RequestInvalid when several begin so, and what `parse_reference` raises.
    """
    if not _SHORT_DIGEST.fullmatch(text) or len(text.partition(":")[2]) in (64, 128):
        return parse_reference(text)
    ways = (listing.matching, listing.held_matching, listing.past_matching)
    found = next((digests for way in ways if (digests := way(repository, text, MOST_MATCHES))), [])
    if not found:
        detail = {"repository": repository, "reference": text}
        raise ManifestUnknown(f"{repository} has no manifest whose digest begins with {text}", detail)
    if len(found) > 1:
        hexes = text.partition(":")[2]
        raise RequestInvalid(f"{hexes} is ambiguous: {len(found)} digests begin with it", {"matches": found})
    return found[0]


def state_of(read: Reader, repository: RepositoryName, past: PastValue) -> State | None:
    """Return what became of the value a move gave: live, held by history, purged, or gone. None: it gave none."""
    if past.new is None:
        return None
    if not past.new_present:
        return "gone" if read.purged_by(past.new) is None else "purged"
    return "live" if read.manifest(repository, past.new) is not None else "held"


def platforms(stores: Stores, repository: RepositoryName, manifest: StoredManifest) -> tuple[str, ...]:
    """Return the platforms an index names or an image was built for, as `linux/arm64/v8`."""
    if manifest.media_type in INDEXES:
        said = [platform_of(entry.get("platform")) for entry in descriptors_in(manifest.body).values()]
        return tuple(dict.fromkeys(platform for platform in said if platform))
    if manifest.media_type not in IMAGES:
        return ()
    platform = platform_of(_config(stores, repository, manifest))
    return (platform,) if platform else ()


def _part(stores: Stores, repository: RepositoryName, need: Need, size: int | None, said: Mapping[str, object]) -> Part:
    media_type = said.get("mediaType")
    platform = platform_of(said.get("platform"))
    return Part(need, size, media_type if isinstance(media_type, str) else None, (platform,) if platform else ())


def _platforms_of(stores: Stores, repository: RepositoryName, digest: Digest) -> tuple[str, ...]:
    manifest = stores.read.manifest(repository, digest)
    return platforms(stores, repository, manifest) if manifest else ()


def _config(stores: Stores, repository: RepositoryName, manifest: StoredManifest) -> object:
    """Return the config of an image, or None where it is not there, not small, or not JSON."""
    config = document_in(manifest.body).get("config")
    if not isinstance(config, dict):
        return None
    blob = stores.read.blob(repository, Digest(str(config.get("digest"))), stores.now)
    if blob is None or blob.size > LARGEST_CONFIG:
        return None
    try:
        return document_in(stores.blobs.path(blob.key).read_bytes())
    except OSError as problem:
        if lacking(problem):
            raise
        return None
