"""The relay passes what real clients and a real registry say, and interferes only where it is asked to."""

import http.client
import subprocess
import sys
from pathlib import Path

import pytest

from tests.clients.closure import read_closure
from tests.clients.drivers import Crane, Skopeo
from tests.portable.peers import Peer, push_image
from tests.portable.relay import Cut, Relay, nth
from tests.programs import needed
from tools.content import make_content
from tools.wire import Wire


def test_clients_push_and_pull_through_it(stock: Peer, tmp_path: Path) -> None:
    content = make_content("relayed")
    with Relay(stock.address) as relay:
        Skopeo(needed("skopeo"), tmp_path).push("index", content, f"{relay.address}/relayed/skopeo:v1")
        Crane(needed("crane"), tmp_path).push("index", content, f"{relay.address}/relayed/crane:v1")
        assert relay.requests
        through = read_closure(Wire(relay.address), "relayed/skopeo", "v1")
    for repository in ("relayed/skopeo", "relayed/crane"):
        assert read_closure(stock.wire, repository, "v1") == through


def test_mounts_can_be_refused(stock: Peer) -> None:
    content = make_content("unmounted")
    push_image(stock.wire, "relayed/source", content, "v1")
    mount = f"/v2/relayed/target/blobs/uploads/?mount={content.blobs[0].digest}&from=relayed/source"
    with Relay(stock.address) as open_, Relay(stock.address, mounts=False) as refusing:
        assert Wire(refusing.address).ask("POST", mount).status == 202
        assert Wire(open_.address).ask("POST", mount).status == 201


def test_catalog_can_be_denied(stock: Peer) -> None:
    with Relay(stock.address, refused={"/v2/_catalog": 401}) as relay:
        assert Wire(relay.address).ask("GET", "/v2/_catalog?n=10").status == 401
        assert Wire(relay.address).ask("GET", "/v2/").status == 200


@pytest.mark.parametrize(("moment", "arrived"), [("before", 404), ("after", 200)])
def test_client_that_is_killed_gets_no_answer(stock: Peer, moment: str, arrived: int) -> None:
    """Before: the registry never hears of the request. After: it has done what was asked."""
    content, repository = make_content("killed"), f"relayed/{moment}"
    push_image(stock.wire, repository, content)
    with Relay(stock.address) as relay:
        put = (
            "import sys; from tools.wire import Wire; from tools.content import make_content;"
            "Wire(sys.argv[1]).ask('GET', '/v2/');"
            "Wire(sys.argv[1]).push_manifest(sys.argv[2], 'v1', make_content('killed').amd64)"
        )
        client = subprocess.Popen([sys.executable, "-c", put, relay.address, repository])

        def kill() -> None:
            client.kill()
            raise Cut

        made = relay.interfere("before" if moment == "before" else "after", nth(2), kill)
        assert client.wait(60) == -9
        relay.forget()
    assert str(made.happened) == f"PUT /v2/{repository}/manifests/v1"
    assert stock.wire.manifest(repository, "v1").status == arrived


def test_something_can_happen_in_between(stock: Peer) -> None:
    content, repository = make_content("between"), "relayed/between"
    push_image(stock.wire, repository, content)
    with Relay(stock.address) as relay:
        relay.interfere(
            "before", lambda request: request.method == "GET",
            lambda: push_image(stock.wire, repository, content, "v1"),
        )  # fmt: skip
        assert Wire(relay.address).manifest(repository, "v1").status == 200


def test_what_breaks_off_upstream_breaks_off_here(stock: Peer) -> None:
    """An answer that ends early is not made whole by the relay."""
    content, repository = make_content("cut off"), "relayed/cut"
    push_image(stock.wire, repository, content, "v1")
    stock.wire.delete(repository, content.amd64.digest).expect(202)
    stock.collect("--delete-untagged")
    with Relay(stock.address) as relay, pytest.raises(http.client.IncompleteRead):
        Wire(relay.address).blob(repository, content.own_blobs[0].digest)
