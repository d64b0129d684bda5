"""Where a server is, and whether it may be asked over plain HTTP."""

import pytest

from refloat.client.errors import BadHost, Unreachable
from refloat.client.origin import Plain, parse_origin


@pytest.mark.parametrize(
    ("text", "plain", "expected", "netloc"),
    [
        ("127.0.0.1:5000", "loopback", "http://127.0.0.1:5000", "127.0.0.1:5000"),
        ("localhost", "loopback", "http://localhost", "localhost"),
        ("[::1]:5000", "loopback", "http://[::1]:5000", "[::1]:5000"),
        ("https://localhost:5000", "loopback", "https://localhost:5000", "localhost:5000"),
        ("http://127.0.0.1:5000/", "loopback", "http://127.0.0.1:5000", "127.0.0.1:5000"),
        ("reg.example.com", "loopback", "https://reg.example.com", "reg.example.com"),
        ("REG.example.com:443", "loopback", "https://reg.example.com", "reg.example.com"),
        ("reg.example.com:5000", "loopback", "https://reg.example.com:5000", "reg.example.com:5000"),
        ("reg.example.com:5000", "allowed", "http://reg.example.com:5000", "reg.example.com:5000"),
        ("http://reg.example.com", "allowed", "http://reg.example.com", "reg.example.com"),
        ("https://reg.example.com", "allowed", "https://reg.example.com", "reg.example.com"),
    ],
)
def test_origins(text: str, plain: Plain, expected: str, netloc: str) -> None:
    origin = parse_origin(text, plain)
    assert (str(origin), origin.netloc) == (expected, netloc)


@pytest.mark.parametrize("host", ["localhost.example.com", "127.example.com", "10.0.0.1", "0.0.0.0"])
def test_what_is_not_this_machine_is_asked_over_tls(host: str) -> None:
    assert parse_origin(host, "loopback").scheme == "https"
    with pytest.raises(Unreachable):
        parse_origin(f"http://{host}", "loopback")


@pytest.mark.parametrize(
    "text", ["", "/", "a b", "user@host", "host:", "host:x", "host:70000", "ftp://host", "-host", "a/b"]
)
def test_what_names_no_server(text: str) -> None:
    with pytest.raises(BadHost):
        parse_origin(text, "allowed")
