"""docs/wire.md has the shape of what its flows exchange now, and its captures hold what it shows."""

from pathlib import Path

import pytest

from tests.programs import needed, needed_root
from tools.wire_capture.__main__ import CAPTURES, PAGE, observe, versions
from tools.wire_capture.capture import read_heads
from tools.wire_capture.exchange import Exchange, Head
from tools.wire_capture.flows import FLOWS, Flow, make_image, perform, prepared
from tools.wire_capture.page import Shown, heads_of, section, shape, steady
from tools.wire_capture.stage import FETCH, MISS, PULL, RESTORE, SEE, Stretch

AGAIN = "make wire writes docs/wire.md again"
LARGEST = 200_000  # bytes a capture may have


def name_of(flow: Flow) -> str:
    return flow.name


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Shown]:
    """Every flow, walked through over plain sockets."""
    needed("docker-registry")
    place = tmp_path_factory.mktemp("wire")
    found = {}
    for flow in FLOWS:
        with prepared(flow, place / flow.name) as (server, image):
            found[flow.name] = Shown(flow, perform(flow, server, image))
    return found


def steps(shown: Shown) -> dict[str, Exchange]:
    return {told.step: told for told in shown.told if isinstance(told, Exchange)}


def test_page_has_the_shape_of_what_is_exchanged_now(shown: dict[str, Shown]) -> None:
    now = section(list(shown.values()), versions("0.0.0"))
    assert shape(PAGE.read_text()).splitlines() == shape(now).splitlines(), AGAIN


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("202 Accepted", "200 OK"), ("\nrefloat-change: ", "\nx-change: "), ("PUT 201", "PUT 200"),
        ("Content-Type: application/vnd.oci.image.manifest.v1+json", "Content-Type: application/json"),
        ("/uploads/?mount=sha256", "/uploads/?digest=sha256"), ("/manifests/begun-", "/manifests/"),
        ("HEAD, GET 0-0, GET ", "HEAD, GET "),
    ],
)  # fmt: skip
def test_shape_tells_another_status_or_header(old: str, new: str) -> None:
    page = PAGE.read_text()
    assert old in page
    assert shape(page) != shape(page.replace(old, new, 1))


def test_stock_registry_accepts_what_it_cannot_give_back(shown: dict[str, Shown]) -> None:
    after = steps(shown["stock-collected"])
    assert (after[RESTORE].status, after[PULL].status, after[SEE].status) == (201, 404, 200)
    assert after[FETCH].promised > 0
    assert after[FETCH].body == b""


@pytest.mark.parametrize("name", ["stock", "refloat-put", "refloat-collected", "refloat-undo"])
def test_what_is_back_is_whole(shown: dict[str, Shown], name: str) -> None:
    after, image = steps(shown[name]), make_image()
    assert after[RESTORE].status == 201
    assert (after[PULL].body, after[FETCH].body) == (image.manifest.body, image.layer.body)


def test_refloat_refuses_what_it_no_longer_holds(shown: dict[str, Shown]) -> None:
    after = steps(shown["refloat-late"])
    assert {after[step].status for step in (RESTORE, PULL, SEE, FETCH)} == {404}
    assert after[RESTORE].error().startswith("MANIFEST_BLOB_UNKNOWN")


def test_portable_trash_keeps_before_it_deletes(shown: dict[str, Shown]) -> None:
    runs = [told for told in shown["portable"].told if isinstance(told, Stretch)]
    assert [run.purpose for run in runs] == ["look", "keep", "delete", "check", "look", "put", "check"]
    assert [changed(run) for run in runs] == [
        ["POST 404", "DELETE 404"],
        ["POST 201", "POST 201", "POST 202", "PUT 201", "POST 202", "PUT 201", "PUT 201"],
        ["DELETE 202"],
        ["POST 202", "PUT 201", "PUT 201"],
        ["POST 404"],
        ["POST 201", "POST 201", "PUT 201", "PUT 201"],
        ["POST 202", "PUT 201", "PUT 201"],
    ]


def changed(run: Stretch) -> list[str]:
    return [f"{one.method} {one.status}" for one in run.exchanges if one.method not in ("GET", "HEAD")]


def test_portable_trash_brings_back_what_was_collected(shown: dict[str, Shown]) -> None:
    after, image = steps(shown["portable"]), make_image()
    assert after[MISS].status == 404
    assert (after[PULL].body, after[FETCH].body) == (image.manifest.body, image.layer.body)


def test_capture_of_the_portable_trash_names_nobody() -> None:
    assert b'"who":"somebody@client"' in (CAPTURES / "portable.pcapng").read_bytes()


@pytest.mark.parametrize("flow", [FLOWS[1], FLOWS[2], FLOWS[5]], ids=name_of)
def test_observer_sees_what_was_sent(flow: Flow, tmp_path: Path) -> None:
    needed_root()
    needed("docker-registry")
    seen, capture = observe(needed("tshark"), flow, tmp_path)
    assert "127.0.0.2 → 127.0.0.1" in seen.packets
    assert capture.stat().st_size < LARGEST


@pytest.mark.parametrize("flow", FLOWS, ids=name_of)
def test_capture_holds_what_is_exchanged_now(flow: Flow, shown: dict[str, Shown]) -> None:
    kept = read_heads(needed("tshark"), CAPTURES / f"{flow.name}.pcapng")
    assert [written(head) for head in kept] == [written(head) for head in heads_of(shown[flow.name].told)], AGAIN


def written(head: Head) -> str:
    return steady("\n".join([head.first, *head.lines]))


def test_captures_are_small_and_known() -> None:
    files = {path.stem: path.stat().st_size for path in CAPTURES.iterdir()}
    assert files.keys() == {flow.name for flow in FLOWS}
    assert max(files.values()) < LARGEST
    assert all(f"captures/{name}.pcapng" in PAGE.read_text() for name in files)
