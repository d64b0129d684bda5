"""`refloat salvage` leaves the directory as it is, whatever it is asked, and reads no layer to list what is lost."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.programs import needed
from tests.salvage.conftest import BLOBS, Stock
from tests.salvage.speaking import salvage, whole
from tests.serve.program import DEADLINE, environment
from tools.bench.servers import Server
from tools.tracing import changes, reads, tracing

BEGINNING = 64
"""Bytes that are read of what no repository names, to see whether it can be a manifest."""

ASKED = {
    "listing": (), "json": ("--json",), "gone": ("--gone",), "deep": ("--deep",), "saving": ("--oci", "SAVED"),
    "all": ("--deep", "--gone", "--oci", "SAVED"),
}  # fmt: skip


def words(asked: str, place: Path) -> tuple[str, ...]:
    return tuple(word.replace("SAVED", str(place / "saved")) for word in ASKED[asked])


@pytest.mark.parametrize("asked", list(ASKED))
def test_nothing_in_the_directory_changes(each: Stock, asked: str, tmp_path: Path) -> None:
    before = each.seen()
    salvage(each, *words(asked, tmp_path), code=3 if "--oci" in ASKED[asked] else 0)
    assert each.seen() == before


def traced(stock: Stock, *arguments: str) -> Path:
    """Run it under strace and return what that wrote."""
    trace = stock.root.with_suffix(".trace")
    command = [sys.executable, "-m", "refloat", "salvage", str(stock.root), *arguments]
    done = subprocess.run(
        [*tracing(needed("strace"), trace), *command],
        env=environment({}, stock.root.parent), stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=DEADLINE, check=False,
    )  # fmt: skip
    assert done.returncode in (0, 3), done.stderr
    return trace


@pytest.mark.parametrize("asked", ["listing", "all"])
def test_no_call_could_change_anything_there(stock: Stock, asked: str, tmp_path: Path) -> None:
    trace = traced(stock, *words(asked, tmp_path))
    assert reads(trace, stock.root)
    assert changes(trace, stock.root) == []


def test_putting_back_writes_through_the_server_alone(stock: Stock) -> None:
    with Server(stock.kind, stock.root) as server:
        trace = traced(stock, *whole(stock), "--to", server.address)
    assert changes(trace, stock.root) == []


def test_no_layer_is_read_to_list_what_is_lost(each: Stock) -> None:
    """Layers that a repository names are not even opened; of others the beginning tells that they are none."""
    read = reads(traced(each, "--json"), each.root / BLOBS)
    opened = {f"sha256:{Path(path).parent.name}": count for path, count in read.items() if path.endswith("/data")}
    assert set(whole(each)) <= set(opened)
    layers = {digest: opened[digest] for digest in each.layers() & set(opened) if digest not in configurations(each)}
    assert {digest for digest in layers if each.names_a_blob(digest)} == set()
    assert set(layers.values()) == {BEGINNING}


def configurations(stock: Stock) -> set[str]:
    """Return the digests of what images say of themselves: JSON, read to tell platforms and ages."""
    return {part.digest for content in stock.contents.values() for part in content.blobs if part.body[:1] == b"{"}


def test_all_bytes_are_read_where_that_is_asked_for(stock: Stock) -> None:
    """The counting itself works."""
    read = reads(traced(stock, "--deep"), stock.root / BLOBS)
    layers = [part for part in stock.contents["deleted"].own_blobs if part.body[:1] != b"{"][:2]
    for part in layers:
        assert read[str(stock.blob(part.digest))] == len(part.body)
