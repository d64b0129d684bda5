"""Compare two states of a repository's image: what it is with what it was, or any two digests it holds."""

from dataclasses import dataclass

from refloat.core.comparison import Build, Comparison, Layer, State, compare
from refloat.core.descriptors import LARGEST_CONFIG, document_in, entries_in, platform_of
from refloat.core.errors import ManifestUnknown
from refloat.core.media import INDEXES
from refloat.core.names import Digest, Reference, RepositoryName
from refloat.core.records import StoredManifest
from refloat.core.scarcity import lacking
from refloat.ports import BlobStore, Listing, Reader

UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Archive:
    """Where a repository's states are read: the reader, the lists, the bytes."""

    read: Reader
    listing: Listing
    blobs: BlobStore
    repository: RepositoryName


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
    blobs = {
        need.digest: size or 0
        for current, _ in below
        for need, size in archive.listing.needs(archive.repository, current.digest)
        if need.kind != "child"
    }
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
            digest = Digest(str(entry.get("digest")))
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
    config = _config(archive, manifest.digest)
    layers = tuple(
        Layer(Digest(str(entry.get("digest"))), size if isinstance(size := entry.get("size"), int) else 0)
        for entry in entries_in(document_in(manifest.body), "layers")
    )
    return Build(platform or platform_of(config), layers, config)


def _config(archive: Archive, manifest: Digest) -> dict[str, object]:
    """Read the config that a manifest of this repository holds; what cannot be read is empty."""
    for need, size in archive.listing.needs(archive.repository, manifest):
        if need.kind == "config" and size is not None and size <= LARGEST_CONFIG:
            live = archive.read.live_key(need.digest)
            if live is not None and not live.damaged:
                try:
                    return document_in(archive.blobs.path(live.key).read_bytes())
                except OSError as problem:
                    if lacking(problem):
                        raise
                    return {}
    return {}
