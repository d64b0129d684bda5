"""A `refloat serve` on disks in memory under load, and cuts of its power."""

import random
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Literal, Self
from urllib.parse import urlsplit

from tests.powercuts.clients import Client, Pool, Shared
from tests.powercuts.disk import Disk, Memory, copy_to, let_go, make_disk
from tests.powercuts.journal import Journal, Standing
from tests.serve.program import DEADLINE, Program

CLIENTS = 4
LEASE, WINDOW = 2.0, 3.0  # seconds
SETTINGS = {
    "REGISTRY_REFLOAT_LEASE": "2s",
    "REGISTRY_REFLOAT_WINDOW": "3s",
    "REGISTRY_REFLOAT_GRAVEYARD": "500ms",
    "REGISTRY_REFLOAT_UPLOADS_IDLE": "4s",
    "REGISTRY_REFLOAT_COLLECT_INTERVAL": "200ms",
    "REGISTRY_REFLOAT_HISTORY_KEEP": "10s",
    "REGISTRY_LOG_ACCESSLOG_DISABLED": "true",
}
COLLECTED = 0.1  # of the cuts
LONGEST_WORK = 0.1  # seconds between two cuts
LONGEST_WAIT = 2.0  # seconds for an acknowledgement of one kind; then the cut is taken anyway


@dataclass(frozen=True, slots=True)
class Cut:
    """What a power cut left: copies of the disks in `directory`, and what had been promised.

    Looking again when everything due was collected takes as long as all the rest: only some cuts are `judged` so.
    """

    name: str
    directory: Path
    images: tuple[Path, ...]
    standing: Standing
    judged: Literal["at once", "through collection"] = "at once"


class Load:
    """Server and clients. With `database` on a disk of its own neither disk syncs what is on the other."""

    def __init__(self, space: Memory, place: Path, dice: random.Random, **settings: str) -> None:
        self.space, self.place, self._dice, self._held = space, place, dice, ExitStack()
        self.journal = Journal()
        self._settings = {**SETTINGS, "REGISTRY_REFLOAT_WORKERS": f"{dice.choice((1, 2))}", **settings}
        self.disks: list[Disk] = []

    def __enter__(self) -> Self:
        with ExitStack() as held:
            self._begin(held)
            self._held = held.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._held.close()

    def _begin(self, held: ExitStack) -> None:
        for name in self._dice.choice((("root",), ("root", "database"))):
            disk = make_disk(self.space.drive / f"{name}.img", self.place / name, self._dice.choice((1, 5, 300)))
            self.disks.append(disk)
            held.callback(disk.image.unlink)
            held.callback(let_go, disk.place)
        if len(self.disks) > 1:
            self._settings["REGISTRY_REFLOAT_DATABASE"] = str(self.place / "database" / "refloat.db")
        self.program = held.enter_context(Program(self.place, **self._settings))
        address, dice = urlsplit(self.program.url).netloc, self._dice
        self._shared = Shared(address, self.journal, Pool(dice), LEASE, WINDOW)
        self.clients = start_clients(self._shared, dice)
        held.callback(self._end)

    def _end(self) -> None:
        end_clients(self._shared, self.clients)

    def cut(self, name: str, to: Path) -> Cut:
        """Let it work, and cut the power."""
        with moment(self._shared, self.clients, self._dice):
            cut = cut_power(self.journal, self.space, self.disks, (name, to))
        return replace(cut, judged="through collection") if self._dice.random() < COLLECTED else cut

    def check(self) -> None:
        """Raise what ended a client before its time."""
        for client in self.clients:
            if client.problem is not None:
                raise RuntimeError(f"{client.name} has ended; the server said:\n{self.program.said()[-3000:]}") from (
                    client.problem
                )


@contextmanager
def moment(shared: Shared, clients: Sequence[Client], dice: random.Random) -> Iterator[None]:
    """Let the clients work until the moment of a cut. One of three:

    any time; right after something was acknowledged; or when all is quiet but for one last thing that one client
    did, so that no sync of another request carries along what that one left behind.
    """
    kind = dice.choice(("any", "acknowledged", "quiet"))
    if kind == "acknowledged":
        answers = {"blob", "mount", *shared.weights} - {"repeat"}  # a repeated push is answered like any push
        shared.journal.wait_for(dice.choice(sorted(answers)), LONGEST_WAIT)
    else:
        shared.stop.wait(dice.uniform(0, LONGEST_WORK))
    if kind != "quiet":
        yield
        return
    with shared.gate.closed():
        dice.choice(clients).take_turn(dice.choice(list(shared.weights)))
        yield


def start_clients(shared: Shared, dice: random.Random) -> list[Client]:
    """Start the clients of a server."""
    clients = [Client(number, CLIENTS, shared, random.Random(dice.random())) for number in range(CLIENTS)]
    for client in clients:
        client.start()
    return clients


def end_clients(shared: Shared, clients: Sequence[Client]) -> None:
    """Let each client finish its turn."""
    shared.stop.set()
    for client in clients:
        client.join(DEADLINE)


def cut_power(journal: Journal, space: Memory, disks: Sequence[Disk], cut: tuple[str, Path]) -> Cut:
    """Copy what has reached the disks at one instant, while the server works on and may be syncing.

    From reading what is promised until the disks stand still no request begins, so that what is on them was
    asked for by then; what was acknowledged by then was so before the copy began.
    """
    name, to = cut
    with ExitStack() as held:
        with journal.paused() as standing:
            held.enter_context(space.frozen())
        images = copy_to(disks, to)
    return Cut(name, to, tuple(images), standing)
