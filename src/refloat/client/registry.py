"""Any registry, as the rest of refloat uses one: the OCI distribution API over HTTP, and nothing else.

Every method raises what client.errors names: Unreachable where nothing answers as it should, NotAllowed where the
registry does not let whoever asks, Refused with its own words, Broken where what came is not what was promised.
"""

from collections.abc import Iterator

from refloat.client import downloading, listing, manifests, uploading
from refloat.client.asking import Asking
from refloat.client.downloading import Blob, Progress
from refloat.client.errors import Broken, Refused
from refloat.client.manifests import Held, Pointer
from refloat.client.origin import Origin
from refloat.client.uploading import Source
from refloat.core.errors import DigestInvalid
from refloat.core.names import Digest

__all__ = ["Held", "Pointer", "Progress", "Registry", "Source"]


class Registry:
    """One registry. `login` are a user and a password given by hand; without it credential files are read if asked.

    `progress` is told of every blob that is downloaded or uploaded: repository, digest, bytes done, size in bytes.
    """

    def __init__(self, origin: Origin, login: tuple[str, str] | None = None, progress: Progress | None = None) -> None:
        self.origin = origin
        self._asking = Asking(origin, login)
        self._progress = progress

    def is_one(self) -> bool:
        """Ask whether this is a registry at all. Spec: OCI Distribution 1.1 "Determining Support"."""
        return listing.is_registry(self._asking)

    def manifest(self, repository: str, reference: str) -> Held | None:
        """Return a manifest as it is held, its digest compared; None where there is none."""
        return manifests.read(self._asking, repository, reference)

    def resolve(self, repository: str, reference: str) -> Pointer | None:
        """Return what a reference points to, without its bytes where the registry can; None where there is nothing."""
        return manifests.resolve(self._asking, repository, reference)

    def put(self, repository: str, reference: str, media_type: str, body: bytes) -> None:
        """Put a manifest under a tag or its digest."""
        manifests.put(self._asking, repository, reference, Held(Digest.of(body), media_type, body))

    def delete(self, repository: str, reference: str) -> bool:
        """Delete a manifest, or a tag where the registry can. False: there was none."""
        return manifests.delete(self._asking, repository, reference)

    def tags(self, repository: str) -> Iterator[str]:
        """Return every tag of a repository; of one that is not there, nothing."""
        return listing.tags(self._asking, repository)

    def repositories(self) -> Iterator[str]:
        """Return every repository the registry lists."""
        return listing.repositories(self._asking)

    def referrers(self, repository: str, digest: str) -> tuple[Pointer, ...] | None:
        """Return what refers to a manifest; None where the registry has no such API."""
        return listing.referrers(self._asking, repository, digest)

    def size(self, repository: str, digest: str) -> int | None:
        """Return a blob's size in bytes as the registry says it; None where it says there is none."""
        return downloading.size_of(self._asking, _blob(repository, digest))

    def piece(self, repository: str, digest: str, first: int, last: int) -> bytes:
        """Return the bytes of a blob from `first` to `last`, both included."""
        return b"".join(downloading.stretch(self._asking, _blob(repository, digest), first, last))

    def download(self, repository: str, digest: str) -> Iterator[bytes]:
        """Return a blob piece by piece. Only after the last one is it known that its digest is right."""
        return downloading.download(self._asking, _blob(repository, digest), self._progress)

    def has(self, repository: str, digest: str) -> bool:
        """Download a blob and compare it: a registry:2 that collected garbage says it has blobs it no longer has."""
        try:
            for _ in self.download(repository, digest):
                pass
        except Broken:
            return False
        except Refused as refused:
            if refused.status >= 500 or refused.status == 404:
                return False
            raise
        return True

    def mount(self, repository: str, digest: str, source: str) -> bool:
        """Let a repository have a blob of another one. False: the registry does not do it, and it has to be copied."""
        return uploading.mount(self._asking, _blob(repository, digest), source)

    def upload(self, repository: str, digest: str, size: int, source: Source) -> None:
        """Upload a blob of `size` bytes; `source` gives its bytes from an offset on."""
        uploading.upload(self._asking, _blob(repository, digest), size, source, self._progress)


def _blob(repository: str, digest: str) -> Blob:
    try:
        return Blob(repository, Digest.parse(digest))
    except DigestInvalid as problem:
        raise Broken(problem.message) from None
