"""The listening socket: made before any worker, shared by all, so that a worker's end loses no caller."""

import errno
import ipaddress
import socket

from refloat.main.refusing import StartRefused

BACKLOG = 1024


def listen(address: str, port: int) -> socket.socket:
    """Return a listening socket; an empty address is every interface, port 0 a free port.

    Raises StartRefused.
    """
    try:
        if not address and socket.has_dualstack_ipv6():
            listener = socket.create_server(
                ("::", port), family=socket.AF_INET6, backlog=BACKLOG, dualstack_ipv6=True
            )
        else:
            family, _, _, _, place = socket.getaddrinfo(
                address or "0.0.0.0", port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )[0]
            listener = socket.create_server(place[:2], family=family, backlog=BACKLOG)
    except OSError as problem:
        raise _refusal(address, port, problem) from None
    listener.setblocking(False)
    return listener


def url_of(listener: socket.socket) -> str:
    """Return the address to try first: loopback when every interface is listened on."""
    host, port = listener.getsockname()[:2]
    host = {"::": "127.0.0.1", "0.0.0.0": "127.0.0.1"}.get(host, host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def is_open_to_others(listener: socket.socket) -> bool:
    """Can other machines reach this socket?"""
    return not ipaddress.ip_address(listener.getsockname()[0]).is_loopback


def _refusal(address: str, port: int, problem: OSError) -> StartRefused:
    place = f"{address or '*'}:{port}"
    if problem.errno == errno.EADDRINUSE:
        return StartRefused(f"{place} is already in use", "--listen HOST:PORT takes another, port 0 a free one")
    return StartRefused(f"cannot listen on {place}: {problem.strerror}", "--listen HOST:PORT takes another")
