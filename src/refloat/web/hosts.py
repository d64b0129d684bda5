"""Where a client says it has sent its request. Anybody may write these headers: they name, and decide nothing."""

from functools import lru_cache

from refloat.core.errors import RequestInvalid
from refloat.core.hosts import hostname, is_host, is_host_field, is_loopback
from refloat.web.asgi import Request

SCHEMES = frozenset({"http", "https"})
MOST_REMEMBERED = 256


@lru_cache(MOST_REMEMBERED)
def _could_be(value: bytes) -> bool:
    return is_host_field(value.decode("latin-1"))


def refuse_hostless(request: Request) -> None:
    """Raise RequestInvalid unless one Host came, written as a host is. RFC 9112 section 3.2.

    The HTTP server hands on an empty Host where none came, so both count as none.
    """
    value = request.header(b"host")
    if not value:
        if request.scope["http_version"] == "1.1":
            raise RequestInvalid("a request of HTTP/1.1 names the host it is for, in one Host header")
    elif not _could_be(value):
        raise RequestInvalid("the Host header does not name one host")


def host_of(request: Request) -> str:
    """Return HOST[:PORT] as the client knows this server, by a proxy's word or its own; nothing if that is none."""
    forwarded = _first(request, b"x-forwarded-host")
    host = forwarded or request.text_header(b"host")
    return host if is_host(host) else ""


def origin_of(request: Request) -> str:
    """Return SCHEME://HOST[:PORT] as the client knows this server; nothing where the headers name no such place."""
    scheme, host = _first(request, b"x-forwarded-proto").lower() or "http", host_of(request)
    return f"{scheme}://{host}" if host and scheme in SCHEMES else ""


def undo_command(change: str, origin: str) -> str:
    """Return the command that takes a change back, as it is typed where the client is.

    `origin` is [SCHEME://]HOST[:PORT]; one on this machine, or none, need not be named.
    """
    scheme, _, host = origin.rpartition("://")
    if not host or is_loopback(hostname(host)):
        return f"refloat undo {change}"
    return f"refloat undo {change} --host {host}" + (" --plain-http" if scheme.lower() == "http" else "")


def _first(request: Request, name: bytes) -> str:
    """Return the first of a list: proxies add theirs at its end."""
    return request.text_header(name).partition(",")[0].strip()
