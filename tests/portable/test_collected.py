"""Garbage collection before every change that rm and restore ask for, with the registry up: what was safe stays so."""

import http.client
import json
from collections.abc import Callable
from itertools import count
from typing import Literal

import pytest

from tests.cli.conftest import Shell
from tests.portable.forked import Commands
from tests.portable.peers import Peer
from tests.portable.reading import TRASH, kept_in, read_tags
from tests.portable.relay import Relay, Request
from tests.portable.small import Small, make_small
from tools.content import digest_of

Verb = Literal["rm", "restore"]


def push(peer: Peer, repository: str, small: Small) -> None:
    """Push the image of one platform alone: 2.8.2's --delete-untagged takes the parts of what has a tag."""
    for blob in small.blobs[:2]:
        peer.wire.push_blob(repository, blob)
    peer.wire.push_manifest(repository, "v1", small.child)


@pytest.mark.parametrize("verb", ["rm", "restore"])
def test_collected_before_any_change(verb: Verb, stock: Peer, person: Shell) -> None:
    """A verb that is disturbed may refuse, and then succeeds when it is run again; it never says what is not so."""
    number = 0
    with Relay(stock.address) as relay, Commands(person.environment) as commands:
        while True:
            number += 1
            repository, small = f"collected/{verb}-{number}", make_small(f"collected {verb} {number}")
            direct, named = f"{stock.address}/{repository}:v1", f"{relay.address}/{repository}:v1"
            push(stock, repository, small)
            before = read_tags(stock.wire, repository)
            if verb == "restore":
                assert commands("rm", direct).code == 0
            relay.forget()
            made = relay.interfere("before", nth_write(number), lambda: stock.collect("--delete-untagged"))
            done = commands(verb, named)
            if made.happened is None:
                break
            if done.code:
                done = commands(verb, direct)
            assert done.code == 0, (number, str(made.happened), done)
            stock.collect("--delete-untagged")
            if verb == "rm":
                done = commands("restore", direct)
                assert done.code == 0, (number, str(made.happened), done)
            assert read_tags(stock.wire, repository) == before
            assert kept_in(stock.wire, repository)
    assert number > 3


def nth_write(number: int) -> Callable[[Request], bool]:
    """Return what accepts the request of that number among those that ask for a change."""
    left = count(1)
    return lambda request: request.method not in ("GET", "HEAD") and next(left) == number


def test_nothing_is_deleted_before_all_that_is_kept_can_be_read(stock: Peer, person: Shell) -> None:
    """What was written down is collected just before the artifact that holds it is put, and PUT answers 201."""
    repository, small = "collected/unreadable", make_small("collected unreadable")
    push(stock, repository, small)
    before = read_tags(stock.wire, repository)

    def is_artifact(request: Request) -> bool:
        return request.method == "PUT" and f"{TRASH}/{repository}/manifests/begun-" in request.path

    def is_delete(request: Request) -> bool:
        return request.method == "DELETE" and request.path.endswith(small.child.digest)

    readable: list[bool] = []
    with Relay(stock.address) as relay:
        made = relay.interfere("before", is_artifact, lambda: stock.collect("--delete-untagged"))
        relay.interfere("before", is_delete, lambda: readable.append(can_be_read(stock, repository)))
        done = person("rm", f"{relay.address}/{repository}:v1")
    assert made.happened
    assert (done.code, readable) == (0, [True]), done.err
    done = person("restore", f"{stock.address}/{repository}:v1")
    assert done.code == 0, done.err
    assert read_tags(stock.wire, repository) == before


def can_be_read(peer: Peer, repository: str) -> bool:
    """Is the config of the artifact there, which says what was deleted?"""
    [tag] = kept_in(peer.wire, repository)
    config = json.loads(peer.wire.manifest(f"{TRASH}/{repository}", tag).expect(200).body)["config"]
    try:
        return bool(digest_of(peer.wire.blob(f"{TRASH}/{repository}", config["digest"]).body) == config["digest"])
    except http.client.IncompleteRead:
        return False
