"""Compare two states of a repository's image: what it is with what it was, or any two digests it holds."""

from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

from refloat.core.comparison import Build, Comparison, Layer, State, compare
from refloat.core.descriptors import LARGEST_CONFIG, document_in, entries_in, platform_of, size_in
from refloat.core.errors import DigestInvalid, ManifestUnknown
from refloat.core.media import INDEXES
from refloat.core.names import Digest, Reference, RepositoryName
from refloat.core.records import StoredManifest
from refloat.core.scarcity import lacking
from refloat.ports import BlobStore, Listing, Reader

UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Archive:
    """Where a repository's states are read: the reader, the lists, the bytes, at an instant.

    `extent` says whether what is deleted is read too, or only what a pull could read.
    """

    read: Reader
    listing: Listing
    blobs: BlobStore
    repository: RepositoryName
    now: int
    extent: Literal["live", "deleted"]


def compare_states(archive: Archive, old: Reference, new: Reference) -> Comparison:
    """Return what differs between what two references point to: tags, or digests that are live or held.

    Raises ManifestUnknown where history let go of one.
    """
    return compare(_state(archive, old), _state(archive, new))


def _state(archive: Archive, reference: Reference) -> State:
    manifest = _stored(archive, reference)
    if manifest is None:
        message = f"{archive.repository} has no {reference}, neither live nor held by history"
        raise ManifestUnknown(message, {"reference": reference})
    below = _below(archive, manifest)
    blobs = dict(archive.listing.blobs_below(archive.repository, manifest.digest))
    builds = [_build(archive, current, platform) for current, platform in below if current.media_type not in INDEXES]
    if manifest.media_type in INDEXES:  # whose attestations are for no platform
        builds = [build for build in builds if build.platform not in (None, UNKNOWN)]
    return State(manifest.digest, manifest.media_type, blobs, tuple(builds))


def _below(archive: Archive, manifest: StoredManifest) -> list[tuple[StoredManifest, str | None]]:
    """Return a manifest and all it leads to that is there, each once, with the platform its index says, if any."""
    found: list[tuple[StoredManifest, str | None]] = [(manifest, None)]
    seen = {manifest.digest}
    for current, _ in found:  # which grows
        entries = entries_in(document_in(current.body), "manifests") if current.media_type in INDEXES else []
        for entry in entries:
            digest = Digest(str(entry["digest"]))
            child = None if digest in seen else archive.listing.stored(archive.repository, digest)
            if child is not None:
                seen.add(digest)
                said = entry.get("platform")
                found.append((child, None if said is None else platform_of(said) or UNKNOWN))
    return found


def _stored(archive: Archive, reference: Reference) -> StoredManifest | None:
    if isinstance(reference, Digest):
        return archive.listing.stored(archive.repository, reference)
    return archive.read.manifest(archive.repository, reference)


def _build(archive: Archive, manifest: StoredManifest, platform: str | None) -> Build:
    digest = _config_of(archive, manifest.digest)
    config = {} if digest is None else _read(archive, digest)
    hidden = digest is not None and not _is_told(archive, digest)
    return Build(platform or platform_of(config), _layers(manifest), config, hidden)


def _layers(manifest: StoredManifest) -> tuple[Layer, ...]:
    """Return the layers a body names by digests that are kept here, with the sizes it says."""
    found = []
    for entry in entries_in(document_in(manifest.body), "layers"):
        with suppress(DigestInvalid):
            found.append(Layer(Digest.parse(str(entry.get("digest"))), size_in(entry)))
    return tuple(found)


def _config_of(archive: Archive, manifest: Digest) -> Digest | None:
    """Return the config that a manifest of this repository holds, where it can be opened for people."""
    for need, size in archive.listing.needs(archive.repository, manifest):
        if need.kind == "config" and size is not None and size <= LARGEST_CONFIG:
            return need.digest
    return None


def _is_told(archive: Archive, config: Digest) -> bool:
    """Nothing deleted is readable: a config is told where it can be pulled, or to whom all is told."""
    return archive.extent == "deleted" or archive.read.blob(archive.repository, config, archive.now) is not None


def _read(archive: Archive, config: Digest) -> dict[str, object]:
    """Read a config; what cannot be read is empty."""
    live = archive.read.live_key(config)
    if live is None or live.damaged:
        return {}
    try:
        return document_in(archive.blobs.path(live.key).read_bytes())
    except OSError as problem:
        if lacking(problem):
            raise
        return {}
