"""Asking a real server through another one that wants a password, is slow to start, or sends callers away."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from refloat.client.errors import NotAllowed, NotRefloat, Refused, Unreachable
from refloat.client.origin import parse_origin
from refloat.client.refloat import Refloat
from tests.client.guarded import Front, front
from tools.content import make_content
from tools.serving import Served

BASIC = "Basic " + base64.b64encode(b"bob:secret").decode()


@pytest.fixture
def gate(registry: Served) -> Iterator[Front]:
    """A front of this test's own."""
    with front(registry.address) as server:
        yield server


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home without any credentials."""
    for name in ("DOCKER_CONFIG", "REGISTRY_AUTH_FILE", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "REFLOAT_USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def at(server: Front, login: tuple[str, str] | None = None) -> Refloat:
    return Refloat(parse_origin(server.address, "loopback"), login)


def log_in(home: Path, address: str) -> None:
    entry = base64.b64encode(b"bob:secret").decode()
    (home / ".docker").mkdir()
    (home / ".docker" / "config.json").write_text(json.dumps({"auths": {address: {"auth": entry}}}))


def test_credentials_are_sent_when_asked_for_and_not_before(gate: Front, home: Path) -> None:
    log_in(home, gate.address)
    client = at(gate)
    client.get("changes")
    assert gate.seen == [("GET", None)]
    gate.authorization = BASIC
    client.get("changes")
    client.post("collect", {"dry_run": True})
    assert gate.seen[1:] == [("GET", None), ("GET", BASIC), ("POST", BASIC)]


def test_credentials_of_another_server_are_not_sent(gate: Front, home: Path) -> None:
    log_in(home, "127.0.0.1:1")
    gate.authorization = BASIC
    with pytest.raises(NotAllowed) as refused:
        at(gate).get("changes")
    assert refused.value.message == f"{gate.address}: authentication required"
    assert refused.value.hint == f"docker login {gate.address}"
    assert gate.seen == [("GET", None)]


def test_credentials_by_hand(gate: Front, home: Path) -> None:
    gate.authorization = BASIC
    assert at(gate, ("bob", "secret")).get("changes")["schema"] == "refloat.changes/1"
    with pytest.raises(NotAllowed):
        at(gate, ("bob", "wrong")).get("changes")


def test_server_that_wants_a_token(gate: Front, home: Path) -> None:
    gate.refusals = [(401, {"WWW-Authenticate": 'Bearer realm="https://auth.example.com"'})]
    with pytest.raises(NotAllowed, match="asks for more than user and password"):
        at(gate).get("changes")


def test_reads_are_repeated_while_a_server_starts(gate: Front) -> None:
    gate.refusals = [(503, {}), (502, {})]
    assert at(gate).get("changes")["schema"] == "refloat.changes/1"
    assert len(gate.seen) == 3


def test_writes_are_not_repeated(gate: Front) -> None:
    gate.refusals = [(503, {})]
    with pytest.raises(Unreachable, match="answers 503"):
        at(gate).post("collect", {"dry_run": True})
    assert [method for method, _ in gate.seen] == ["POST"]


def test_redirects_are_told_and_not_followed(gate: Front, home: Path) -> None:
    log_in(home, gate.address)
    gate.refusals = [(307, {"Location": "https://elsewhere.example.com/"})]
    with pytest.raises(Unreachable, match=r"sends its callers to https://elsewhere\.example\.com/"):
        at(gate).get("changes")
    assert len(gate.seen) == 1


def test_the_servers_own_errors_come_as_they_are(gate: Front) -> None:
    with pytest.raises(Refused) as refused:
        at(gate).get("changes/zzzzzzzzzz")
    assert (refused.value.status, refused.value.code) == (404, "CHANGE_UNKNOWN")


def test_something_that_answers_and_is_no_refloat(gate: Front) -> None:
    gate.refusals = [(200, {}), (200, {"Server": "nginx"})]
    with pytest.raises(NotRefloat, match=r"is not a refloat server"):
        at(gate).get("changes")


def test_pages_follow_each_other(gate: Front, registry: Served) -> None:
    content = make_content("pages")
    for tag in ("a", "b", "c", "d", "e"):
        registry.wire.push("client/pages", tag, content)
    entries = at(gate).pages("repositories/client/pages/images", "images", "last", n=2)
    assert [entry["tag"] for entry in entries] == ["a", "b", "c", "d", "e"]
