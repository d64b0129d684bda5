"""Listening sockets: one for each worker, made before any, on one port that nobody else has."""

import errno
import ipaddress
import socket
from contextlib import suppress

from refloat.main.refusing import StartRefused

BACKLOG = 4096  # connections that wait to be accepted, for each worker; the kernel's net.core.somaxconn may be less
LONGEST = (1 << 31) - 1  # milliseconds


def listen(address: str, port: int, workers: int) -> list[socket.socket]:
    """Return a listening socket for each worker, all on one port; the kernel deals connections among them.

    An empty address is every interface, port 0 a free port. Raises StartRefused.
    """
    try:
        place = _resolved(address, port)
        if workers > 1 and port:
            _open(place, "alone").close()  # sockets that share would also share with another server's
        first = _open(place, "sharing" if workers > 1 else "alone")
        taken = (first.getsockname()[0], first.getsockname()[1])
        return [first, *(_open((first.family, taken), "sharing") for _ in range(workers - 1))]
    except OSError as problem:
        raise _refusal(address, port, problem) from None


def refuse_taken(address: str, port: int) -> None:
    """Raise StartRefused where nobody could listen there now. It does not listen itself: nobody connects in vain."""
    try:
        family, place = _resolved(address, port)
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, place[0] != "::")
            probe.bind(place)
    except OSError as problem:
        raise _refusal(address, port, problem) from None


def give_up_on_unread(listener: socket.socket, patience: int) -> None:
    """Have the kernel end each connection whose client takes nothing of what waits for it for `patience` microseconds.

    What a listening socket is told every connection accepted from it inherits (Linux). An answer that the application
    has finished long ago is ended too, and one that stops in the middle: Granian has no deadline for either.
    """
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        milliseconds = min(max(patience // 1000, 1), LONGEST)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds)


def pause(listener: socket.socket) -> None:
    """Have the kernel send no more connections here, and those that wait away, until `resume` (Linux).

    One that does not listen is left alone: shut down once more it would stay so, also for whoever connects later.
    """
    with suppress(OSError):  # elsewhere they wait
        if listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            listener.shutdown(socket.SHUT_RD)


def resume(listener: socket.socket) -> None:
    """Let connections wait here, again or still."""
    listener.listen(BACKLOG)


def url_of(listener: socket.socket) -> str:
    """Return the address to try first: loopback when every interface is listened on."""
    host, port = listener.getsockname()[:2]
    host = {"::": "127.0.0.1", "0.0.0.0": "127.0.0.1"}.get(host, host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def is_open_to_others(listener: socket.socket) -> bool:
    """Can other machines reach this socket?"""
    return not ipaddress.ip_address(listener.getsockname()[0]).is_loopback


def _resolved(address: str, port: int) -> tuple[int, tuple[str, int]]:
    """Return family and place; every interface is one IPv6 socket that takes IPv4 too, where there is IPv6."""
    if not address:
        if socket.has_dualstack_ipv6():
            return socket.AF_INET6, ("::", port)
        return socket.AF_INET, ("0.0.0.0", port)
    family, _, _, _, place = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM)[0]
    return family, (str(place[0]), port)


def _open(where: tuple[int, tuple[str, int]], manner: str) -> socket.socket:
    family, place = where
    listener = socket.create_server(
        place,
        family=family,
        backlog=BACKLOG,
        reuse_port=manner == "sharing",
        dualstack_ipv6=family == socket.AF_INET6 and place[0] == "::",
    )
    listener.setblocking(False)
    return listener


def _refusal(address: str, port: int, problem: OSError) -> StartRefused:
    place = f"{address or '*'}:{port}"
    if problem.errno == errno.EADDRINUSE:
        return StartRefused(f"{place} is already in use", "--listen HOST:PORT takes another, port 0 a free one")
    return StartRefused(f"cannot listen on {place}: {problem.strerror}", "--listen HOST:PORT takes another")
