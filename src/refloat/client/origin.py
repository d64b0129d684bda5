"""Where a server is: scheme, host and port, and whether that is this very machine."""

import re
from dataclasses import dataclass
from typing import Literal

from refloat.client.errors import BadHost, Unreachable
from refloat.core.hosts import is_loopback
from refloat.language import say

Plain = Literal["allowed", "loopback"]  # may a server be asked over plain HTTP: any, or only one on loopback
PORTS = {"http": 80, "https": 443}
_HOST = re.compile(
    r"(?:\[(?P<six>[0-9a-fA-F:.]+)\]|(?P<name>[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?))(?::(?P<port>\d{1,5}))?"
)

_SENDABLE = re.compile(r"/[!-~]*")


@dataclass(frozen=True, slots=True)
class Origin:
    """One server. `host` has no brackets."""

    scheme: Literal["http", "https"]
    host: str
    port: int

    @property
    def netloc(self) -> str:
        """HOST[:PORT] as it stands in a reference and in a credential file."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Is it this machine, whatever resolvers say?"""
        return is_loopback(self.host)

    def __str__(self) -> str:
        return f"{self.scheme}://{self.netloc}"


def parse_origin(text: str, plain: Plain) -> Origin:
    """Read `[http[s]://]HOST[:PORT][/]`.

    Without a scheme loopback is asked over plain HTTP, others over HTTPS, or over HTTP where that is allowed.
    Raises BadHost; Unreachable when plain HTTP to another machine was not allowed.
    """
    scheme, separator, rest = text.rpartition("://")
    match = _HOST.fullmatch(rest.rstrip("/"))
    if match is None or (separator and scheme not in PORTS) or int(match["port"] or 0) > 65535:
        raise BadHost(
            say("{text!r} does not name a server", text=text),
            hint=say("HOST[:PORT], such as reg.example.com or localhost:5000"),
        )
    host = match["six"] or match["name"]
    if scheme == "http" and plain != "allowed" and not is_loopback(host):
        raise Unreachable(
            say("{server} would be asked over plain HTTP", server=rest.rstrip("/")),
            hint=say("--plain-http, if you mean it"),
        )
    chosen: Literal["http", "https"]
    if separator:
        chosen = "https" if scheme == "https" else "http"
    else:
        chosen = "http" if plain == "allowed" or is_loopback(host) else "https"
    return Origin(chosen, host.lower(), int(match["port"] or PORTS[chosen]))


def parse_address(address: str) -> tuple[Origin, str]:
    """Read a whole address as a server writes one: its origin, and the path with its query. Raises BadHost."""
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(address)
    except ValueError:
        raise BadHost(say("{text!r} does not name a server", text=address)) from None
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if parts.scheme not in PORTS or not _SENDABLE.fullmatch(path):
        raise BadHost(say("{text!r} does not name a server", text=address))
    return parse_origin(f"{parts.scheme}://{parts.netloc}", "allowed"), path
