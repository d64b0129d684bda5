"""A relay between a client and a registry that counts bytes, and cuts connections once so many have passed."""

import contextlib
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

PIECE = 1 << 16
Direction = Literal["up", "down"]


class Cutting:
    """Relays to `upstream` (HOST:PORT). `passed` counts bytes, up to the registry and down to the client.

    `cuts` are numbers of bytes, in each direction in rising order: once so many passed, that connection ends.
    """

    def __init__(self, upstream: str) -> None:
        host, _, port = upstream.rpartition(":")
        self.upstream = (host, int(port))
        self.passed: dict[Direction, int] = {"up": 0, "down": 0}
        self.cuts: dict[Direction, list[int]] = {"up": [], "down": []}
        self.connections = 0
        self._lock = threading.Lock()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._accept)
        self._open: list[socket.socket] = []

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._listening.getsockname()[1]}"

    def forget(self) -> None:
        """Count from nothing again, and cut nothing."""
        with self._lock:
            self.passed, self.cuts = {"up": 0, "down": 0}, {"up": [], "down": []}
            self.connections = 0

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listening.close()
        for each in self._open:
            each.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            registry = socket.create_connection(self.upstream)
            self.connections += 1
            self._open += [client, registry]
            pair: tuple[tuple[socket.socket, socket.socket, Direction], ...] = (
                (client, registry, "up"),
                (registry, client, "down"),
            )
            for way in pair:
                threading.Thread(target=self._pump, args=way, daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket, direction: Direction) -> None:
        with contextlib.suppress(OSError):
            while (piece := source.recv(PIECE)) and (kept := self._counted(piece, direction)):
                target.sendall(kept)
                if len(kept) < len(piece):
                    break
            else:
                if not piece:  # an end, which is passed on
                    target.shutdown(socket.SHUT_WR)
                    return
        for each in (source, target):
            with contextlib.suppress(OSError):
                each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _counted(self, piece: bytes, direction: Direction) -> bytes:
        """Count, and return as much of a piece as passes before the next cut."""
        with self._lock:
            cuts, passed = self.cuts[direction], self.passed[direction]
            if cuts and passed + len(piece) > cuts[0]:
                piece = piece[: max(cuts.pop(0) - passed, 0)]
            self.passed[direction] += len(piece)
            return piece


@contextmanager
def cutting(upstream: str) -> Iterator[Cutting]:
    """Run a relay to `upstream`."""
    relay = Cutting(upstream)
    relay.start()
    try:
        yield relay
    finally:
        relay.stop()
