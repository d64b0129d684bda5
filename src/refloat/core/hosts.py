"""How a server is named on the wire: HOST[:PORT]. RFC 3986 section 3.2.2, as far as clients can go there."""

import ipaddress
import re

MAX_HOST = 255  # characters of a DNS name
_HOST = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9][A-Za-z0-9._-]*)(?::([0-9]{1,5}))?")
_FIELD = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=:%\[\]-]*")


def is_host(text: str) -> bool:
    """Is this a host that may be written into an address or a command: a name or an IP address, and maybe a port?"""
    match = _HOST.fullmatch(text) if len(text) <= MAX_HOST + len(":65535") else None
    return match is not None and int(match[1] or 0) <= 65535


def is_host_field(text: str) -> bool:
    """Could this be the value of a Host header at all? RFC 9112 section 3.2: one that could not is refused."""
    return _FIELD.fullmatch(text) is not None


def hostname(host: str) -> str:
    """Return the name or address in a host, without brackets and port."""
    return host[1 : host.index("]")] if host.startswith("[") else host.partition(":")[0]


def is_loopback(host: str) -> bool:
    """Does `host` name this machine by definition: localhost, or a loopback address?"""
    if host.rstrip(".").lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
