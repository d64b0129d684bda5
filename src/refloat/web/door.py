"""What every handler works with: the services, and the names of this server's addresses."""

from refloat.core.names import Digest, Reference, RepositoryName
from refloat.ports import BlobStore, Metadata
from refloat.web.asgi import Request
from refloat.web.paths import digest_in, name_in, reference_in
from refloat.web.services import DoorSettings, Services


class Door:
    """The open door of one worker."""

    __slots__ = ("_base", "_relative", "_reserved", "blobs", "metadata", "services", "settings")

    def __init__(self, services: Services) -> None:
        self.services = services
        self.metadata: Metadata = services.metadata
        self.blobs: BlobStore = services.blobs
        self.settings: DoorSettings = services.settings
        self._reserved = services.settings.timetravel_prefix
        self._relative = services.settings.relative_urls is not False
        self._base = services.settings.prefix.rstrip("/")

    def name(self, text: str) -> RepositoryName:
        """Return the repository named in the path."""
        return name_in(text, self._reserved)

    def reference(self, text: str) -> Reference:
        """Return the reference named in the path."""
        return reference_in(text)

    def digest(self, text: str) -> Digest:
        """Return the digest named in the path."""
        return digest_in(text)

    def location(self, request: Request, path: str) -> bytes:
        """Return an address for a Location header: relative unless told, never authority for a decision."""
        path = self._base + path
        if self._relative:
            return path.encode()
        host = self.settings.host.rstrip("/")
        if not host:
            scheme = request.text_header(b"x-forwarded-proto").partition(",")[0].strip() or "http"
            host = f"{scheme}://{request.text_header(b'x-forwarded-host') or request.text_header(b'host')}"
        return (host + path).encode("latin-1", "replace")
