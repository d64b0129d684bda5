"""The portable trash on a registry that asks for tokens: who may do it, who may not, and what each is told."""

import base64
import json
import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from refloat.client.origin import parse_origin
from refloat.client.registry import Registry
from tests.cli.conftest import Done, Shell
from tests.portable.peers import Peer
from tests.tokens import Rights, TokenServer, token_server
from tools.content import INDEX, MANIFEST, Content, make_content

ALL = {"pull", "push", "delete"}
PASSWORDS = {"owner": "the owner's own", "pusher": "the pusher's own", "reader": "the reader's own"}
ALLOWED = {
    "owner": {"*": ALL, "catalog": {"*"}},
    "pusher": {"*": {"pull", "push"}},
    "reader": {"*": {"pull"}},
}


@pytest.fixture(scope="module")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TokenServer]:
    rights = Rights(PASSWORDS, {"the owner's identity": "owner"}, ALLOWED)
    with token_server(tmp_path_factory.mktemp("tokens"), rights) as server:
        yield server


@pytest.fixture(scope="module", params=["docker-registry", "distribution 3"])
def peer(
    request: pytest.FixtureRequest, tokens: TokenServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Peer]:
    with Peer(request.param, tmp_path_factory.mktemp("guarded"), tokens.settings) as running:
        yield running


def shell_of(home: Path, peer: Peer, entry: dict[str, str]) -> Shell:
    """Return the shell of somebody for whom `docker login` left this."""
    (home / ".docker").mkdir(parents=True)
    (home / ".docker/config.json").write_text(json.dumps({"auths": {peer.address: entry}}))
    return Shell(home, peer.address)


def logged_in(home: Path, peer: Peer, user: str) -> Shell:
    pair = base64.b64encode(f"{user}:{PASSWORDS[user]}".encode()).decode()
    return shell_of(home, peer, {"auth": pair})


def pushed(peer: Peer, repository: str) -> tuple[Registry, Content]:
    """Push an index, as its owner."""
    content = make_content(f"tokens {repository}")
    registry = Registry(parse_origin(peer.address, "loopback"), ("owner", PASSWORDS["owner"]))
    for blob in content.blobs:
        registry.upload(repository, blob.digest, len(blob.body), partial(from_byte, blob.body))
    for manifest in content.manifests:
        registry.put(repository, manifest.digest, MANIFEST, manifest.body)
    registry.put(repository, "v1", INDEX, content.index.body)
    return registry, content


def from_byte(body: bytes, first: int) -> Iterator[bytes]:
    yield body[first:]


def secrets_in(done: Done, tokens: TokenServer) -> list[str]:
    """Return which secrets a command let out."""
    known = [*PASSWORDS.values(), *tokens.rights.identities, *tokens.given]
    known += [base64.b64encode(f"{user}:{password}".encode()).decode() for user, password in PASSWORDS.items()]
    return [secret for secret in known if secret in done.out + done.err]


@pytest.mark.parametrize("how", ["password", "identity"])
def test_an_image_goes_and_comes_back(peer: Peer, tokens: TokenServer, tmp_path: Path, how: str) -> None:
    registry, content = pushed(peer, f"team/{how}")
    entry = {"auth": base64.b64encode(b"owner:").decode(), "identitytoken": "the owner's identity"}
    shell = logged_in(tmp_path, peer, "owner") if how == "password" else shell_of(tmp_path, peer, entry)
    done = shell("rm", f"{peer.address}/team/{how}:v1")
    assert done.code == 0, done.err
    assert registry.manifest(f"team/{how}", "v1") is None
    peer.collect("--delete-untagged")
    assert shell("trash", "--host", peer.address).code == 0
    done = shell("restore", f"{peer.address}/team/{how}:v1")
    assert done.code == 0, done.err
    held = registry.manifest(f"team/{how}", "v1")
    assert held is not None
    assert held.body == content.index.body
    named = b"".join(manifest.body for manifest in content.manifests).decode()
    blobs = [blob.digest for blob in content.blobs if blob.digest in named]
    assert blobs
    assert [digest for digest in blobs if not registry.has(f"team/{how}", digest)] == []


@pytest.mark.parametrize(
    ("user", "words"), [("pusher", "your account may not delete in"), ("reader", "your account may not")]
)
@pytest.mark.parametrize("debug", [False, True])
def test_who_may_not_is_told_what_is_missing_and_nothing_goes(
    peer: Peer, tokens: TokenServer, tmp_path: Path, user: str, words: str, debug: bool
) -> None:
    repository = f"team/{user}-{debug}".lower()
    registry, _ = pushed(peer, repository)
    shell = logged_in(tmp_path, peer, user)
    done = told(shell, debug, "rm", f"{peer.address}/{repository}:v1")
    assert words in done.err
    assert debug or done.code == 4
    assert secrets_in(done, tokens) == []
    assert registry.manifest(repository, "v1") is not None


def told(shell: Shell, debug: bool, *words: str) -> Done:
    """Run a command; with --debug it may show where it ended."""
    if not debug:
        return shell(*words)
    done = shell.on_terminal(*words, "--debug")
    return Done(done.code, "", done.out)


def test_who_is_not_logged_in_is_told_to(peer: Peer, tokens: TokenServer, tmp_path: Path) -> None:
    pushed(peer, "team/nobody")
    done = Shell(tmp_path, peer.address)("rm", f"{peer.address}/team/nobody:v1")
    assert done.code == 4
    assert f"hint: docker login {peer.address}" in done.err


def test_a_wrong_password_is_not_shown(peer: Peer, tokens: TokenServer, tmp_path: Path) -> None:
    pushed(peer, "team/wrong")
    secret = f"wrong {os.urandom(8).hex()}"
    done = Shell(tmp_path, peer.address)(
        "rm", f"{peer.address}/team/wrong:v1", "--username", "owner", "--password-stdin", text=secret
    )
    assert done.code == 4
    assert "does not accept your user and password" in done.err
    assert secret not in done.err + done.out
