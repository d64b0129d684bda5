"""What a registry remembers in its process and has no longer on its disk: no verb believes it.

distribution 3 takes the repositories one after the other when it collects, and unlinks from each the layers that none
before it has, but goes on to answer from its memory that they are there. Only after a restart it says what is so.
"""

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.clients.closure import read_closure
from tests.portable.peers import Peer, push_index
from tests.portable.room import Room
from tools.content import make_content

BEFORE, AFTER = "app/api", "team/api"
"""Repositories that are collected before and after `refloat-trash/…`."""


@pytest.fixture
def peer(tmp_path: Path) -> Iterator[Peer]:
    """distribution 3, for a test alone."""
    with Peer("distribution 3", tmp_path / "peer") as peer:
        yield peer


def restart(peer: Peer) -> None:
    """Start it again over the same directory: it remembers nothing."""
    peer.server.stop()
    peer.server.start()


def test_what_was_brought_back_is_there_after_a_restart(peer: Peer) -> None:
    """Every link is made anew, whatever the registry says it has."""
    push_index(peer.wire, BEFORE, make_content("stays"), "v2")
    push_index(peer.wire, BEFORE, make_content("goes"), "v1")
    before = read_closure(peer.wire, BEFORE, "v1")
    room = Room(peer.address, BEFORE)
    room.remove("v1")
    peer.collect("--delete-untagged")
    room.restore("v1")
    restart(peer)
    assert read_closure(peer.wire, BEFORE, "v1") == before


def test_what_was_kept_once_and_collected_is_kept_again(peer: Peer) -> None:
    """Two images share layers. The trash let go of them with the first, and has to take them in with the second: then
    nothing of the repository itself is needed any more.
    """
    for tag in ("v1", "v2"):
        push_index(peer.wire, AFTER, make_content(tag), tag)
    before = read_closure(peer.wire, AFTER, "v2")
    room = Room(peer.address, AFTER)
    room.remove("v1", keep=timedelta(0))
    room.expire()
    peer.collect()
    room.remove("v2")
    shutil.rmtree(peer.server.root / "docker/registry/v2/repositories" / AFTER)
    restart(peer)
    Room(peer.address, AFTER).restore("v2")
    assert read_closure(peer.wire, AFTER, "v2") == before
