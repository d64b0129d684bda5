"""Walk through the flows while tshark looks on; write docs/captures/*.pcapng and the generated part of docs/wire.md."""

import shutil
import sys
import tempfile
from pathlib import Path

from tools.bench.servers import Server, kinds
from tools.provision import HOME, find
from tools.serving import Served
from tools.wire_capture.capture import captured, list_packets, read_heads, version_of
from tools.wire_capture.flows import FLOWS, Flow, perform, prepared
from tools.wire_capture.page import BEGIN, END, Shown, heads_of, section

PAGE = HOME / "docs" / "wire.md"
CAPTURES = HOME / "docs" / "captures"


def observe(tshark: Path, flow: Flow, place: Path) -> tuple[Shown, Path]:
    """Walk through one flow under a capture. Returns what is to be shown of it, and the capture.

    Raises RuntimeError if the observer saw other heads than the client sent and got.
    """
    capture = place / f"{flow.name}.pcapng"
    with prepared(flow, place / flow.name) as (server, image), captured(tshark, port_of(server), capture):
        told = perform(flow, server, image)
    if read_heads(tshark, capture) != heads_of(told):
        raise RuntimeError(f"{capture.name} does not hold what was sent and got")
    return Shown(flow, told, list_packets(tshark, capture, flow.seen)), capture


def port_of(server: Served | Server) -> int:
    return int(server.address.rpartition(":")[2])


def main() -> int:
    """Capture every flow, then write all of it. Returns the exit code."""
    tshark = find("tshark")
    if tshark is None or "docker-registry" not in kinds():
        print("make wire takes tshark and docker-registry", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory(prefix="refloat-wire-") as name:
        seen = []
        for flow in FLOWS:
            seen.append(observe(tshark, flow, Path(name)))
            print(f"{flow.name}: {seen[-1][1].stat().st_size} bytes captured")
        CAPTURES.mkdir(exist_ok=True)
        for _, capture in seen:
            shutil.copyfile(capture, CAPTURES / capture.name)
    before, after = around(PAGE.read_text())
    PAGE.write_text(before + section([shown for shown, _ in seen], versions(version_of(tshark))) + after)
    return 0


def around(page: str) -> tuple[str, str]:
    """Return what people wrote before and after the generated part."""
    return page[: page.index(BEGIN)], page[page.index(END) + len(END) + 1 :]


def versions(tshark: str) -> str:
    """Return the lines that say what was captured, and with which version of tshark."""
    known = kinds()
    return (
        f"Captured by TShark {tshark} on loopback: docker-registry {known['docker-registry'].version()}, "
        f"refloat {known['refloat'].version()}.\nThe client speaks from 127.0.0.2, the registry from 127.0.0.1."
    )


if __name__ == "__main__":
    sys.exit(main())
