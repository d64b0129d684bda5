"""What every handler works with: the services, and the names of this server's addresses."""

from refloat.core.names import RepositoryName
from refloat.ports import BlobStore, Metadata
from refloat.web.asgi import Request
from refloat.web.paths import name_in
from refloat.web.services import DoorSettings, Services


class Door:
    """The open door of one worker."""

    __slots__ = ("_base", "_relative", "_reserved", "blobs", "files", "metadata", "services", "settings")

    def __init__(self, services: Services) -> None:
        self.services = services
        self.metadata: Metadata = services.metadata
        self.blobs: BlobStore = services.blobs
        self.settings: DoorSettings = services.settings
        self.files = services.files
        self._reserved = services.settings.timetravel_prefix
        self._relative = services.settings.relative_urls is not False
        self._base = services.settings.prefix.rstrip("/")

    def name(self, text: str) -> RepositoryName:
        """Return a repository named in a query. Raises NameInvalid."""
        return name_in(text, self._reserved)

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
