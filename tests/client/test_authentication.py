"""Who asks: Basic and tokens, against registries that check them; and who is told a password or a token."""

import base64
import json
import os
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from refloat.client.challenges import Challenge, parse_challenges
from refloat.client.errors import ClientError, NotAllowed, NotRefloat
from refloat.client.origin import parse_origin
from refloat.client.refloat import Refloat
from refloat.client.registry import Registry
from refloat.client.scopes import covers, parse_scopes, united, written
from refloat.core.media import OCI_INDEX
from refloat.core.names import Digest
from tests.programs import needed
from tests.tokens import Rights, TokenServer, token_server
from tools.bench.servers import Server, kinds

STOCK = {"docker-registry": "docker-registry", "distribution 3": "registry"}
PASSWORD = "a secret of bob"
HTPASSWD = "bob:$2y$05$abcdefghijklmnopqrstuu4dBCS.lyLpUQ2HZhQWntlQseF4bQRae\n"
WRONG = "not what bob said"
IDENTITY = "identity-of-bob"
ALL = {"pull", "push", "delete"}
EMPTY = json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": []}).encode()
BLOB = os.urandom(1000)


@pytest.fixture(scope="module")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TokenServer]:
    """A token server: bob may do all in team/, and only push to and pull from others; anybody may pull public/one."""
    allowed = {
        "bob": {"team/api": ALL, "team/web": ALL, "public/one": {"pull", "push"}, "catalog": {"*"}},
        "eve": {"team/api": {"pull"}},
        "": {"public/one": {"pull"}},
    }
    passwords = {"bob": PASSWORD, "eve": "eve's"}
    with token_server(tmp_path_factory.mktemp("tokens"), Rights(passwords, {IDENTITY: "bob"}, allowed)) as server:
        yield server


@pytest.fixture(scope="module", params=list(STOCK))
def guarded(
    request: pytest.FixtureRequest, tokens: TokenServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """Each stock registry, asking for tokens."""
    needed(STOCK[request.param])
    place = tmp_path_factory.mktemp("guarded") / "root"
    with Server(kinds()[request.param], place, tokens.settings) as server:
        yield server


@pytest.fixture(scope="module", params=list(STOCK))
def basic(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Each stock registry, asking for user and password."""
    needed(STOCK[request.param])
    place = tmp_path_factory.mktemp("basic")
    (place / "htpasswd").write_text(HTPASSWD)
    settings = {
        "REGISTRY_AUTH": "htpasswd",
        "REGISTRY_AUTH_HTPASSWD_REALM": "here, and nowhere else",
        "REGISTRY_AUTH_HTPASSWD_PATH": str(place / "htpasswd"),
    }
    with Server(kinds()[request.param], place / "root", settings) as server:
        yield server


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home without any credentials."""
    for name in ("DOCKER_CONFIG", "REGISTRY_AUTH_FILE", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "REFLOAT_USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def at(server: Server, user: str | None = None, password: str = PASSWORD) -> Registry:
    return Registry(parse_origin(server.address, "loopback"), None if user is None else (user, password))


def remembered(home: Path, server: Server, entry: dict[str, str]) -> None:
    """Write what `docker login` leaves."""
    (home / ".docker").mkdir()
    (home / ".docker" / "config.json").write_text(json.dumps({"auths": {server.address: entry}}))


def told(error: ClientError) -> str:
    """Return all that a person could be shown of an error, its traceback included."""
    return "\n".join([*traceback.format_exception(error), *error.facts, error.hint, repr(vars(error))])


def push(registry: Registry, repository: str) -> str:
    digest = Digest.of(BLOB)
    registry.upload(repository, digest, len(BLOB), lambda first: iter([BLOB[first:]]))
    registry.put(repository, "v1", OCI_INDEX, EMPTY)
    return Digest.of(EMPTY)


def do_everything(registry: Registry) -> str:
    """Push, mount, pull, list and delete. Return the digest of what is gone."""
    digest = push(registry, "team/api")
    assert registry.mount("team/web", Digest.of(BLOB), "team/api")
    assert b"".join(registry.download("team/web", Digest.of(BLOB))) == BLOB
    assert list(registry.tags("team/api")) == ["v1"]
    assert "team/api" in list(registry.repositories())
    assert registry.delete("team/api", digest)
    return digest


def test_all_is_done_with_user_and_password(basic: Server) -> None:
    do_everything(at(basic, "bob"))


def test_a_wrong_password_is_told_from_none(basic: Server, home: Path) -> None:
    with pytest.raises(NotAllowed) as refused:
        at(basic).resolve("team/api", "v1")
    assert refused.value.message == f"{basic.address}: authentication required"
    assert refused.value.hint == f"docker login {basic.address}"
    with pytest.raises(NotAllowed) as refused:
        at(basic, "bob", WRONG).resolve("team/api", "v1")
    assert refused.value.message == f"{basic.address} does not accept your user and password"
    assert WRONG not in told(refused.value)


def test_what_docker_login_left_is_used(basic: Server, home: Path) -> None:
    remembered(home, basic, {"auth": base64.b64encode(f"bob:{PASSWORD}".encode()).decode()})
    assert at(basic).resolve("nothing/here", "v1") is None


def test_a_helper_is_asked(basic: Server, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    helper(home, monkeypatch, {"Username": "bob", "Secret": PASSWORD})
    assert at(basic).resolve("nothing/here", "v1") is None


def helper(home: Path, monkeypatch: pytest.MonkeyPatch, answer: dict[str, str]) -> None:
    """Put a credential helper on PATH and name it in Docker's file."""
    program = home / "bin" / "docker-credential-tests"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\necho '{json.dumps(answer)}'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    (home / ".docker").mkdir()
    (home / ".docker" / "config.json").write_text(json.dumps({"credsStore": "tests"}))


def test_all_is_done_with_tokens(guarded: Server, tokens: TokenServer) -> None:
    registry = at(guarded, "bob")
    digest = do_everything(registry)
    assert not registry.delete("team/api", digest)


def test_a_token_is_for_what_is_asked_and_kept(guarded: Server, tokens: TokenServer) -> None:
    push(at(guarded, "bob"), "team/api")
    del tokens.asked[:]
    registry = at(guarded, "bob")
    for _ in range(3):
        registry.resolve("team/api", "v1")
    assert scopes(tokens) == [{"repository:team/api:pull"}]
    registry.mount("team/web", Digest.of(BLOB), "team/api")
    assert scopes(tokens)[1:] == [{"repository:team/web:pull,push", "repository:team/api:pull"}]
    list(registry.tags("team/web"))
    registry.delete("team/web", Digest.of(b"nothing"))
    assert scopes(tokens)[2:] == [{"repository:team/web:pull,delete"}]


def scopes(tokens: TokenServer) -> list[set[str]]:
    return [set(asked.scopes) for asked in tokens.asked]


def test_threads_share_a_token(guarded: Server, tokens: TokenServer) -> None:
    push(at(guarded, "bob"), "team/api")
    del tokens.asked[:]
    registry = at(guarded, "bob")
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda _: registry.resolve("team/api", "v1"), range(40)))
    assert {pointer.digest for pointer in found if pointer is not None} == {Digest.of(EMPTY)}
    assert None not in found
    assert scopes(tokens) == [{"repository:team/api:pull"}]


def test_a_token_that_ended_is_asked_for_again(guarded: Server, tokens: TokenServer) -> None:
    push(at(guarded, "bob"), "team/api")
    del tokens.asked[:]
    tokens.lasts = 1
    try:
        registry = at(guarded, "bob")
        for _ in range(3):
            assert registry.resolve("team/api", "v1") is not None
    finally:
        tokens.lasts = 300
    assert scopes(tokens) == [{"repository:team/api:pull"}] * 3


def test_a_token_the_registry_no_longer_takes_is_replaced_once(guarded: Server, tokens: TokenServer) -> None:
    push(at(guarded, "bob"), "team/api")
    registry = at(guarded, "bob")
    tokens.bodies = [b'{"token": "no-token-at-all", "expires_in": 3600}']
    assert registry.resolve("team/api", "v1") is not None
    tokens.bodies = [b'{"access_token": "no-token-at-all"}'] * 5
    with pytest.raises(NotAllowed):
        registry.delete("team/api", Digest.of(b"nothing"))
    assert len(tokens.bodies) == 3
    tokens.bodies = []


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"token": 1}', b'{"token": "a\\r\\nX-Evil: b"}', b"<html>"])
def test_what_is_no_token_is_not_shown(guarded: Server, tokens: TokenServer, body: bytes) -> None:
    tokens.bodies = [body]
    with pytest.raises(ClientError, match="gave no token that can be used"):
        at(guarded, "bob").resolve("team/api", "v1")


def test_a_missing_right_is_named(guarded: Server, tokens: TokenServer) -> None:
    digest = push(at(guarded, "bob"), "team/api")
    eve = at(guarded, "eve", "eve's")
    assert eve.resolve("team/api", "v1") is not None
    for act, words in (
        (lambda: eve.delete("team/api", digest), "your account may not delete in team/api"),
        (lambda: eve.put("team/api", "v2", OCI_INDEX, EMPTY), "your account may not push to team/api"),
        (lambda: eve.resolve("team/web", "v1"), "your account may not pull from team/web"),
        (lambda: list(eve.repositories()), "your account may not list the repositories"),
    ):
        with pytest.raises(NotAllowed) as refused:
            act()
        assert refused.value.message == f"{guarded.address}: {words}"
        assert refused.value.hint == ""
        assert not any(token in told(refused.value) for token in tokens.given)


def test_anybody_reads_what_is_public_and_is_told_to_log_in_for_the_rest(guarded: Server, tokens: TokenServer) -> None:
    digest = push(at(guarded, "bob"), "public/one")
    anybody = at(guarded)
    assert anybody.resolve("public/one", "v1") is not None
    with pytest.raises(NotAllowed) as refused:
        anybody.delete("public/one", digest)
    assert refused.value.message == f"{guarded.address}: authentication required"
    assert refused.value.hint == f"docker login {guarded.address}"


def test_a_wrong_password_at_the_token_server(guarded: Server) -> None:
    with pytest.raises(NotAllowed) as refused:
        at(guarded, "bob", WRONG).resolve("team/api", "v1")
    assert refused.value.message == f"{guarded.address} does not accept your user and password"
    assert WRONG not in told(refused.value)


def test_an_identity_token_is_exchanged(guarded: Server, tokens: TokenServer, home: Path) -> None:
    remembered(home, guarded, {"auth": base64.b64encode(b"bob:").decode(), "identitytoken": IDENTITY})
    del tokens.asked[:]
    push(at(guarded), "team/api")
    assert {(asked.method, asked.user, asked.authorization) for asked in tokens.asked} == {("POST", "bob", None)}


def test_an_identity_token_of_a_helper(
    guarded: Server, tokens: TokenServer, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    helper(home, monkeypatch, {"Username": "<token>", "Secret": IDENTITY})
    push(at(guarded), "team/api")
    with pytest.raises(NotAllowed) as refused:
        at(guarded).resolve("elsewhere/api", "v1")
    assert IDENTITY not in told(refused.value)


def test_an_identity_token_is_no_password(basic: Server, home: Path) -> None:
    remembered(home, basic, {"identitytoken": IDENTITY})
    with pytest.raises(NotAllowed) as refused:
        at(basic).resolve("team/api", "v1")
    assert "identity token" in " ".join(refused.value.facts)
    assert IDENTITY not in told(refused.value)


@pytest.mark.parametrize("login", [None, ("bob", PASSWORD), ("bob", "wrong")])
def test_who_asks_for_a_refloat_learns_that_it_is_none(
    guarded: Server, basic: Server, login: tuple[str, str] | None
) -> None:
    for server in (guarded, basic):
        with pytest.raises(NotRefloat) as refused:
            Refloat(parse_origin(server.address, "loopback"), login).get("changes")
        assert PASSWORD not in told(refused.value)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", ()),
        ("Basic", (("basic", {}),)),
        ('Basic realm="a, b"', (("basic", {"realm": "a, b"}),)),
        ('Bearer realm="https://x/t",service=s, scope="repository:a:pull,push"',
         (("bearer", {"realm": "https://x/t", "service": "s", "scope": "repository:a:pull,push"}),)),
        ('Negotiate, Basic realm="x", BEARER Realm = "y"',
         (("negotiate", {}), ("basic", {"realm": "x"}), ("bearer", {"realm": "y"}))),
        ('Negotiate abc==, Basic realm="x"', (("negotiate", {}), ("basic", {"realm": "x"}))),
        (r'Basic realm="a \"quoted\" one"', (("basic", {"realm": 'a "quoted" one'}),)),
        ('Basic realm="open', (("basic", {}),)),
        (",,, =;", ()),
    ],
)  # fmt: skip
def test_challenges(header: str, expected: tuple[tuple[str, dict[str, str]], ...]) -> None:
    found = parse_challenges(header)
    for challenge, (scheme, parameters) in zip(found, expected, strict=False):
        assert challenge == Challenge(scheme, {**challenge.parameters, **parameters})
    assert [challenge.scheme for challenge in found][: len(expected)] == [scheme for scheme, _ in expected]


def test_scopes() -> None:
    one = parse_scopes("repository:team/api:push,pull registry:catalog:*")
    assert written(one) == ("repository:team/api:pull,push", "registry:catalog:*")
    assert written(parse_scopes("repository:host:5000/a:pull nonsense : a:b")) == ("repository:host:5000/a:pull",)
    two = united(one, parse_scopes("repository:team/api:delete repository:b:pull"))
    assert written(two) == ("repository:team/api:pull,push,delete", "registry:catalog:*", "repository:b:pull")
    assert covers(two, one)
    assert not covers(one, two)
