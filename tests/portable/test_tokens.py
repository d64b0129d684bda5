"""A registry that asks for tokens: what the account may not do is said before anything was done."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cli.conftest import Done, Shell
from tests.portable.login import login
from tests.portable.peers import Peer, push_image
from tests.portable.reading import TRASH, kept_in, read_tags, tags_of
from tests.tokens import Rights, TokenServer, token_server
from tools.content import make_content
from tools.wire import Answer, Wire

NOT_ALLOWED = 4
EVERYTHING = {"pull", "push", "delete"}
OWN = "team/own"
USERS = {
    "admin": {"*": EVERYTHING},
    "pusher": {"*": {"pull", "push"}},
    "reader": {"*": {"pull"}},
    "cleaner": {"*": {"pull", "delete"}},
    "tenant": {OWN: EVERYTHING},
}
"""Who may do what, `*` being any repository. The tenant has no trash beside its repository."""


@dataclass(frozen=True)
class Tokened(Wire):
    """The registry as an administrator asks it."""

    server: TokenServer

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
        """Send one request with a token for its repository."""
        repository = path.removeprefix("/v2/").rsplit("/blobs/", 1)[0].rsplit("/manifests/", 1)[0]
        scope = f"repository:{repository.removesuffix('/tags/list')}:{','.join(sorted(EVERYTHING))}"
        token = self.server.token("admin", (scope,))
        return super().ask(method, path, body, **headers, Authorization=f"Bearer {token}")


@dataclass(frozen=True)
class Guarded:
    """A registry, its token server, and what an administrator sees in it."""

    peer: Peer
    wire: Tokened


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    place = tmp_path_factory.mktemp("guarded")
    rights = Rights({user: f"{user}-secret" for user in USERS}, {}, USERS)
    with token_server(place, rights) as tokens, Peer("docker-registry", place / "registry", tokens.settings) as peer:
        yield Guarded(peer, Tokened(peer.address, tokens))


def rm(guarded: Guarded, person: Shell, user: str, repository: str, *options: str) -> Done:
    """Push an image as an administrator, and delete it as `user`."""
    push_image(guarded.wire, repository, make_content(repository), "v1")
    login(person, guarded.peer.address, user, f"{user}-secret")
    done = person("rm", f"{guarded.peer.address}/{repository}:v1", *options)
    assert "-secret" not in done.out + done.err
    assert not any(token in done.out + done.err for token in guarded.wire.server.given)
    return done


def test_who_may_do_everything_does_it(guarded: Guarded, person: Shell) -> None:
    repository = "tokens/admin"
    push_image(guarded.wire, repository, make_content(repository), "v1")
    before = read_tags(guarded.wire, repository)
    done = rm(guarded, person, "admin", repository)
    assert done.code == 0, done.err
    assert tags_of(guarded.wire, repository) == []
    guarded.peer.collect("--delete-untagged")
    done = person("restore", f"{guarded.peer.address}/{repository}:v1")
    assert done.code == 0, done.err
    assert read_tags(guarded.wire, repository) == before


@pytest.mark.parametrize(
    ("user", "repository", "lacks"),
    [
        ("pusher", "tokens/pusher", "delete"), ("reader", "tokens/reader", "delete"),
        ("cleaner", "tokens/cleaner", "push"), ("tenant", OWN, f"{TRASH}/{OWN}"),
    ],
)  # fmt: skip
def test_who_may_not_is_told_so_and_nothing_happens(
    guarded: Guarded, person: Shell, user: str, repository: str, lacks: str
) -> None:
    done = rm(guarded, person, user, repository)
    assert done.code == NOT_ALLOWED, done
    assert done.err.startswith("error: ")
    assert lacks in done.err
    assert tags_of(guarded.wire, repository) == ["v1"]
    assert read_tags(guarded.wire, repository)["v1"].digest == make_content(repository).amd64.digest
    assert kept_in(guarded.wire, repository) == []
    uploads = guarded.peer.server.root / "docker/registry/v2/repositories" / TRASH / repository / "_uploads"
    assert [*uploads.glob("*/startedat")] == []


def test_who_may_not_push_keeps_in_a_directory(guarded: Guarded, person: Shell, tmp_path: Path) -> None:
    repository = "tokens/saved"
    done = rm(guarded, person, "cleaner", repository, "--save", str(tmp_path / "saved"))
    assert done.code == 0, done.err
    assert (tags_of(guarded.wire, repository), kept_in(guarded.wire, repository)) == ([], [])
    login(person, guarded.peer.address, "pusher", "pusher-secret")
    done = person("restore", f"{guarded.peer.address}/{repository}:v1", "--save", str(tmp_path / "saved"))
    assert done.code == 0, done.err
    assert tags_of(guarded.wire, repository) == ["v1"]
