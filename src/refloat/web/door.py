"""What every handler works with: the services, and the names of this server's addresses."""

from refloat.core.names import RepositoryName
from refloat.ports import BlobStore, Metadata
from refloat.web.asgi import Request
from refloat.web.hosts import host_of, origin_of, undo_command
from refloat.web.paths import name_in
from refloat.web.services import DoorSettings, Services


class Door:
    """The open door of one worker."""

    __slots__ = (
        "_base", "_origin", "_relative", "_reserved", "_server", "blobs", "files", "metadata", "services", "settings",
    )  # fmt: skip

    def __init__(self, services: Services) -> None:
        self.services = services
        self.metadata: Metadata = services.metadata
        self.blobs: BlobStore = services.blobs
        self.settings: DoorSettings = services.settings
        self.files = services.files
        self._reserved = services.settings.timetravel_prefix
        self._relative = services.settings.relative_urls is not False
        self._base = services.settings.prefix.rstrip("/")
        host = services.settings.host.rstrip("/")
        scheme, separator, rest = host.rpartition("://")
        self._origin = host if separator else ""
        self._server = scheme + separator + rest.partition("/")[0]

    def name(self, text: str) -> RepositoryName:
        """Return a repository named in a query. Raises NameInvalid."""
        return name_in(text, self._reserved)

    def location(self, request: Request, path: str) -> bytes:
        """Return an address for a Location header: relative unless told, and where no other can be trusted."""
        path = self._base + path
        if self._relative:
            return path.encode()
        return f"{self._origin or origin_of(request)}{path}".encode()

    def undo_command(self, request: Request, change: str) -> str:
        """Return the command that takes a change back, as it is typed where the client is."""
        return undo_command(change, self._server or host_of(request))
