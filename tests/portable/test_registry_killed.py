"""kill -9 of the registry itself in the middle of rm and of restore; it is started again, and so is the verb."""

import signal
from collections.abc import Callable
from typing import Literal

import pytest

from tests.cli.conftest import Shell
from tests.portable.forked import Commands
from tests.portable.peers import Peer
from tests.portable.reading import read_tags
from tests.portable.relay import Moment, Relay, Request
from tests.portable.small import Small, make_small

Verb = Literal["rm", "restore"]
UNREACHABLE = 9


def deletes_index(small: Small, request: Request) -> bool:
    return request.method == "DELETE" and request.path.endswith(small.index.digest)


def puts_tag(small: Small, request: Request) -> bool:
    return request.method == "PUT" and request.path.endswith("/manifests/v1")


@pytest.fixture(scope="module")
def mortal(tmp_path_factory: pytest.TempPathFactory) -> Peer:
    """A registry that is started and killed by tests. Nothing runs between them."""
    return Peer("docker-registry", tmp_path_factory.mktemp("mortal"))


@pytest.mark.parametrize(
    ("verb", "at", "moment"),
    [("rm", deletes_index, "before"), ("rm", deletes_index, "after"), ("restore", puts_tag, "after")],
    ids=["delete-lost", "delete-done", "put-done"],
)
def test_the_registry_is_killed_and_comes_back(
    verb: Verb, at: Callable[[Small, Request], bool], moment: Moment, mortal: Peer, person: Shell
) -> None:
    repository = f"mortal/{verb}-{at.__name__.replace('_', '-')}-{moment}"
    small = make_small(repository)
    with mortal, Relay(mortal.address) as relay, Commands(person.environment) as commands:
        small.push(mortal.wire, repository, "v1")
        before, named = read_tags(mortal.wire, repository), f"{relay.address}/{repository}:v1"
        if verb == "restore":
            assert commands("rm", named).code == 0

        def kill() -> None:
            assert mortal.server.process is not None
            mortal.server.process.send_signal(signal.SIGKILL)
            mortal.server.process.wait(60)

        made = relay.interfere(moment, lambda request: at(small, request), kill)
        done = commands(verb, named)
        assert made.happened
        assert done.code == UNREACHABLE, done
        relay.forget()
        mortal.server.start()
        relay.upstream = mortal.address
        for again in ("rm", "restore") if verb == "rm" else ("restore",):
            done = commands(again, named)
            assert done.code == 0, done
        assert read_tags(mortal.wire, repository) == before
