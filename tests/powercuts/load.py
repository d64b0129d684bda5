"""A `refloat serve` on disks in memory under load, and cuts of its power."""

import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Literal, Self
from urllib.parse import urlsplit

from tests.powercuts.clients import Client, Pool, Shared
from tests.powercuts.disk import Disk, copy_still, let_go, make_disk
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
KINDS = ("blob", "mount", "push", "delete tag", "delete digest", "undo")
COLLECTED = 0.1  # of the cuts
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

    def __init__(self, place: Path, dice: random.Random, **settings: str) -> None:
        self.place, self._dice, self._held = place, dice, ExitStack()
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
            disk = make_disk(self.place / f"{name}.img", self.place / name, self._dice.choice((1, 5, 300)))
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
        """Let it work for a moment, or until something is acknowledged, and cut the power."""
        if self._dice.random() < 0.5:
            self._shared.stop.wait(self._dice.uniform(0, 0.1))
        else:
            self.journal.wait_for(self._dice.choice(KINDS), LONGEST_WAIT)
        cut = cut_power(self.program.process, self.journal, self.disks, (name, to))
        return replace(cut, judged="through collection") if self._dice.random() < COLLECTED else cut

    def check(self) -> None:
        """Raise what ended a client before its time."""
        for client in self.clients:
            if client.problem is not None:
                raise RuntimeError(f"{client.name} has ended; the server said:\n{self.program.said()[-3000:]}") from (
                    client.problem
                )


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


def cut_power(server: "subprocess.Popen[bytes]", journal: Journal, disks: Sequence[Disk], cut: tuple[str, Path]) -> Cut:
    """Copy what has reached the disks at an instant at which no process of the server runs.

    What is promised is read while they stand: what was acknowledged by then was so before the copy began.
    """
    name, to = cut
    with standing_still(server.pid):
        standing = journal.standing()
        images = copy_still(disks, to)
    return Cut(name, to, tuple(images), standing)


@contextmanager
def standing_still(group: int) -> Iterator[None]:
    """Stop all processes of a group, and let them go on. System calls that have begun, such as an fsync, end before."""
    os.killpg(group, signal.SIGSTOP)
    try:
        deadline = time.monotonic() + DEADLINE
        while not all(_stands(task) for task in _tasks(group)):
            if time.monotonic() > deadline:
                raise TimeoutError(f"group {group} does not stop")
            time.sleep(0.001)  # nothing tells when a thread has stopped
        yield
    finally:
        os.killpg(group, signal.SIGCONT)


def _tasks(pid: int) -> list[Path]:
    """Return the threads of a process and of its children."""
    tasks = list(Path(f"/proc/{pid}/task").iterdir())
    children = [int(child) for task in tasks for child in (task / "children").read_text().split()]
    return [*tasks, *(task for child in children for task in _tasks(child))]


def _stands(task: Path) -> bool:
    try:
        state = (task / "stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return True
    return state in "TtZX"
