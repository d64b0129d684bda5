"""The connections this process has accepted, as the kernel has them: only it can tell who takes nothing (Linux)."""

import os
import socket
import struct
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

OPEN = Path("/proc/self/fd")
TCP_INFO = struct.Struct("=24x I 16x I 4x I 64x Q 16x I")
"""linux/tcp.h: tcpi_unacked, tcpi_last_data_sent, tcpi_last_data_recv, tcpi_bytes_acked, tcpi_notsent_bytes."""
AT_ONCE = struct.pack("ii", 1, 0)  # SO_LINGER: what waits for the client is dropped when the socket is closed
Peer = tuple[str, str]
"""Address and port of the other end. Granian writes the port as text, other servers as a number."""


@dataclass(frozen=True, slots=True)
class Connection:
    """One accepted connection."""

    peer: Peer
    taken: int  # bytes that the client has acknowledged
    is_sending: bool  # does anything wait for the client?
    quiet: float  # seconds since a byte went either way


def can_look() -> bool:
    """Does the system say what a process has open, and how far a connection is?"""
    return OPEN.is_dir() and hasattr(socket, "TCP_INFO")


def most_accepted() -> int:
    """Return how many there are at most: how many descriptors this process has open."""
    return len(os.listdir(OPEN))


def accepted() -> Iterator[Connection]:
    """Yield every one there is."""
    for descriptor in _descriptors():
        with suppress(OSError), _borrowed(descriptor) as one:  # no socket, one that listens, or gone meanwhile
            peer = _peer_of(one)
            if peer is not None:
                unacknowledged, sent, received, taken, unsent = TCP_INFO.unpack(
                    one.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, TCP_INFO.size)
                )
                yield Connection(peer, taken, bool(unacknowledged or unsent), min(sent, received) / 1000)


def end(peers: Collection[Peer]) -> int:
    """End the connections of `peers`, dropping what waits for them. Returns how many."""
    ended = 0
    for descriptor in _descriptors():
        with suppress(OSError), _borrowed(descriptor) as one:
            if _peer_of(one) not in peers:
                continue
            with socket.socket(fileno=os.dup(descriptor)) as held:  # its number may be another's by now
                if _peer_of(held) in peers:
                    held.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
                    held.shutdown(socket.SHUT_RDWR)
                    ended += 1
    return ended


def _descriptors() -> list[int]:
    return [int(name) for name in os.listdir(OPEN)]


@contextmanager
def _borrowed(descriptor: int) -> Iterator[socket.socket]:
    """Look at a descriptor as a socket; it stays open, whosever it is."""
    one = socket.socket(socket.AF_INET6, socket.SOCK_STREAM, 0, descriptor)  # the longer addresses: it fits both
    try:
        yield one
    finally:
        one.detach()


def _peer_of(one: socket.socket) -> Peer | None:
    """Return who is at the other end. None: nobody with an address."""
    name = one.getpeername()
    return (name[0].partition("%")[0], str(name[1])) if isinstance(name, tuple) else None
