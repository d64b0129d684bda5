"""The same power cuts for registries that are not refloat: how many acknowledged images they lose.

    python -m tests.powercuts.peer            prints a table; PROOF_SCALE and PROOF_SEED as for the proofs

It says nothing about refloat and never makes a proof fail.
"""

import json
import os
import random
import secrets
import shutil
import sys
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import astuple, dataclass
from pathlib import Path

from tests.powercuts import disk
from tests.powercuts.clients import Client, Pool, Shared
from tests.powercuts.journal import Journal, Place, Value
from tests.powercuts.load import LEASE, WINDOW, Cut, cut_power, end_clients, moment, start_clients
from tests.torture.content import MANIFEST, digest_of
from tests.torture.wire import LostError, Wire
from tools.bench.servers import Kind, Server, kinds

CUTS = 100
CUTS_A_ROUND = 20  # on one disk: nothing collects there
COMMIT = 5  # seconds: ext4's own default
WEIGHTS = {"push": 10, "repeat": 2, "delete digest": 4}
STOCK = "docker-registry"


@dataclass
class Tally:
    """What one registry was asked, what it lost, and what came back though its deletion was acknowledged.

    An image counts as lost when a reference to it does not give it back byte for byte.
    """

    name: str
    cuts: int = 0
    images: int = 0
    lost: int = 0
    deletes: int = 0
    back: int = 0

    def __str__(self) -> str:
        return (
            f"{self.name}: tried {self.cuts} cuts, lost {self.lost:,} of {self.images:,} acknowledged images; "
            f"{self.back:,} of {self.deletes:,} acknowledged deletes were readable again"
        )


def told(directory: Path, seed: int, cuts: int) -> list[str]:
    """Return as notes what Debian's docker-registry lost, where it is installed."""
    stock = kinds().get(STOCK)
    if stock is None:
        return [f"{STOCK} is not installed: nothing to compare with"]
    return [str(try_peer(stock, directory, seed, cuts))]


def try_peer(kind: Kind, directory: Path, seed: int, cuts: int) -> Tally:
    """Cut the power of a registry under load so many times."""
    tally = Tally(f"{kind.name} {kind.version()}")
    with disk.memory(directory / "peer") as space:
        for first in range(0, cuts, CUTS_A_ROUND):
            dice = random.Random(f"{seed} peer {first}")
            ours = space.place / f"round{first}"
            ours.mkdir()
            _round(kind, (space, ours), dice, (tally, range(first, min(cuts, first + CUTS_A_ROUND))))
            print(f"  {tally}", file=sys.stderr, flush=True)
    return tally


def _round(
    kind: Kind, where: tuple[disk.Memory, Path], dice: random.Random, wanted: tuple[Tally, Iterable[int]]
) -> None:
    (space, place), (tally, numbers) = where, wanted
    with ExitStack() as held:
        held.callback(shutil.rmtree, place)
        drive = disk.make_disk(space.drive / "root.img", place / "root", COMMIT)
        held.callback(drive.image.unlink)
        held.callback(disk.let_go, drive.place)
        server = held.enter_context(Server(kind, drive.place))
        shared = Shared(server.address, Journal(), Pool(dice), LEASE, WINDOW, WEIGHTS)
        clients = start_clients(shared, dice)
        held.callback(end_clients, shared, clients)
        for number in numbers:
            with moment(shared, clients, dice):
                cut = cut_power(shared.journal, space, [drive], (f"cut {number}", place / f"cut{number}"))
            _judge(kind, cut, tally)
            _check(clients)


def _judge(kind: Kind, cut: Cut, tally: Tally) -> None:
    """Start the registry on what is left, and pull what was acknowledged; what was being changed may be either."""
    promised = {place: {value} for place, value in cut.standing.certain.items() if place.kind == "manifest"}
    for asked in cut.standing.under_way:
        for place, value in asked.effects.items():
            promised.get(place, set()).add(value)
    with ExitStack() as held:
        held.callback(shutil.rmtree, cut.directory)
        left = disk.attach(cut.images[0], cut.directory / "root")
        held.callback(disk.let_go, left.place)
        server = held.enter_context(Server(kind, left.place))
        wire = Wire(server.address)
        held.callback(wire.close)
        tally.cuts += 1
        _pull(wire, promised, tally)


def _pull(wire: Wire, promised: Mapping[Place, set[Value]], tally: Tally) -> None:
    """Pull every image that was acknowledged, and ask for every manifest whose deletion was."""
    blobs: dict[str, bool] = {}
    for place, values in promised.items():
        if None not in values:
            tally.images += 1
            tally.lost += not _is_whole(wire, place, values, blobs)
        elif values == {None}:
            tally.deletes += 1
            path = f"/v2/{place.repository}/manifests/{place.name}"
            tally.back += wire.ask("GET", path, Accept=MANIFEST).status == 200


def _is_whole(wire: Wire, place: Place, digests: set[Value], blobs: dict[str, bool]) -> bool:
    path = f"/v2/{place.repository}/manifests/{place.name}"
    answer = wire.ask("GET", path, Accept=MANIFEST)
    if answer.status != 200 or digest_of(answer.body) not in digests:
        return False
    document = json.loads(answer.body)
    return all(
        _has_blob(wire, f"/v2/{place.repository}/blobs/{entry['digest']}", blobs)
        for entry in (document["config"], *document["layers"])
    )


def _has_blob(wire: Wire, path: str, seen: dict[str, bool]) -> bool:
    """Is a blob there byte for byte? `seen` remembers the answers."""
    if path not in seen:
        try:
            answer = wire.ask("GET", path)
        except LostError:  # it promised more bytes than it has
            seen[path] = False
        else:
            seen[path] = answer.status == 200 and digest_of(answer.body) == path.rpartition("/")[2]
    return seen[path]


def _check(clients: Iterable[Client]) -> None:
    for client in clients:
        if client.problem is not None:
            raise RuntimeError(f"{client.name} has ended") from client.problem


def main() -> int:
    """Print what each registry that is here lost."""
    reason = disk.missing()
    if reason is not None:
        print(f"power cuts cannot be tried here: {reason}", file=sys.stderr)
        return 1
    seed = int(os.environ.get("PROOF_SEED") or secrets.randbelow(1 << 31))
    cuts = max(1, round(CUTS * float(os.environ.get("PROOF_SCALE") or 1)))
    rows: list[tuple[str, ...]] = [("registry", "cuts", "images", "lost", "deletes", "readable again")]
    with tempfile.TemporaryDirectory(prefix="powercuts-") as directory:
        for kind in (kind for kind in kinds().values() if kind.tree):
            tally = try_peer(kind, Path(directory), seed, cuts)
            _, *counts = astuple(tally)
            rows.append((tally.name, *(f"{count:,}" for count in counts)))
    print(f"PROOF_SEED={seed}")
    for row in rows:
        print("  ".join(cell.ljust(30 if cell == row[0] else 14) for cell in row).rstrip())
    return 0


if __name__ == "__main__":
    sys.exit(main())
