"""Listening sockets: one port, nobody else's."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from refloat.main.listening import is_open_to_others, listen, url_of
from refloat.main.refusing import StartRefused


@contextmanager
def listening(address: str, port: int, workers: int) -> Iterator[list[socket.socket]]:
    with ExitStack() as stack:
        yield [stack.enter_context(listener) for listener in listen(address, port, workers)]


@pytest.mark.parametrize("workers", [1, 3])
def test_every_worker_has_a_socket_on_the_same_port(workers: int) -> None:
    with listening("127.0.0.1", 0, workers) as listeners:
        assert len(listeners) == workers
        assert len({listener.getsockname() for listener in listeners}) == 1
        assert url_of(listeners[0]) == f"http://127.0.0.1:{listeners[0].getsockname()[1]}"
        assert not is_open_to_others(listeners[0])


@pytest.mark.parametrize("first", [1, 2])
@pytest.mark.parametrize("second", [1, 2])
def test_a_port_is_never_shared_with_another_server(first: int, second: int) -> None:
    with listening("127.0.0.1", 0, first) as listeners:
        port = listeners[0].getsockname()[1]
        with pytest.raises(StartRefused, match=f"127.0.0.1:{port} is already in use"):
            listen("127.0.0.1", port, second)
    with listening("127.0.0.1", port, second):
        pass


def test_no_address_is_every_interface() -> None:
    with listening("", 0, 2) as listeners:
        port = listeners[0].getsockname()[1]
        assert is_open_to_others(listeners[0])
        assert url_of(listeners[0]) == f"http://127.0.0.1:{port}"
        with socket.create_connection(("127.0.0.1", port)):
            pass


def test_an_address_of_another_machine_is_refused() -> None:
    with pytest.raises(StartRefused, match=r"cannot listen on 192\.0\.2\.1:0"):
        listen("192.0.2.1", 0, 1)
