"""Workers that are killed one after the other, as the OOM killer does, while others push."""

import os
import random
import signal
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from tests.abuse.attack import Attack
from tests.abuse.undefended import without
from tools.content import MANIFEST, Part
from tools.proof.part import Effort, Outcome
from tools.serving import Served, wait_until
from tools.wire import Wire

SETTINGS = {"REGISTRY_LOG_ACCESSLOG_DISABLED": "true", "REGISTRY_REFLOAT_WORKERS": "3"}
PUSHERS = 4
SECONDS = 120.0  # of killing, in full
PAUSES = (0.1, 1.5)  # seconds between two pairs of kills
PATIENCE = 10.0  # seconds that the next worker is waited for, to be killed too


class Pusher:
    """Pushes images of its own, each of which no other has a byte of, until told to stop."""

    def __init__(self, address: str, name: str) -> None:
        self._wire = Wire(address)
        self._name = name
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._push, name=name, daemon=True)
        self.acknowledged: dict[str, Part] = {}
        self._thread.start()

    def stop(self) -> None:
        self._end.set()
        self._thread.join(120)

    def _push(self) -> None:
        number = 0
        while not self._end.is_set():
            number += 1
            layer = Part("application/octet-stream", f"{self._name} {number}".encode() * 1000)
            document = (
                f'{{"schemaVersion":2,"mediaType":"{MANIFEST}","config":{{"mediaType":"a/b",'
                f'"digest":"{layer.digest}","size":{len(layer.body)}}},"layers":[]}}'
            )
            try:
                self._wire.push_blob(self._name, layer)
                self._wire.push_manifest(self._name, f"v{number}", Part(MANIFEST, document.encode()))
            except (OSError, RuntimeError):
                continue  # a worker was killed under it: nothing was acknowledged
            self.acknowledged[f"v{number}"] = layer

    def missing(self, wire: Wire) -> list[str]:
        """Return which of the acknowledged images cannot be pulled whole."""
        return [tag for tag, layer in self.acknowledged.items() if not self._is_whole(wire, tag, layer)]

    def _is_whole(self, wire: Wire, tag: str, layer: Part) -> bool:
        manifest = wire.manifest(self._name, tag)
        return (
            manifest.status == 200
            and layer.digest.encode() in manifest.body
            and wire.blob(self._name, layer.digest).body == layer.body
        )


def run(effort: Effort) -> Outcome:
    """Kill workers while others push, then look for all that was acknowledged."""
    return _killed(effort, {})


def run_planted(effort: Effort) -> Outcome:
    """Do it with a server that ends when a worker ends twice within seconds."""
    patient = "if self._has_served or any(self._serving[:]):\n            return False"
    hasty = "if any(place.quick_ends > 1 for place in self._places):\n            return True"
    return _killed(effort, without(effort.directory, "main/respawning.py", patient, hasty))


def _killed(effort: Effort, more: Mapping[str, str]) -> Outcome:
    outcome, chance = Outcome(), random.Random(effort.seed)
    with Served(effort.directory / "root", effort.directory / "log", {**SETTINGS, **more}) as served:
        pushers = [Pusher(served.address, f"pusher-{number}") for number in range(PUSHERS)]
        until = time.monotonic() + max(SECONDS * effort.scale, 8.0)
        while time.monotonic() < until and _is_running(served):
            outcome.tried += _kill(served, chance)
            time.sleep(chance.uniform(*PAUSES))
        for pusher in pushers:
            pusher.stop()
        _judge(served, pushers, outcome)
    return outcome


def _is_running(served: Served) -> bool:
    return served.process is not None and served.process.poll() is None


def _kill(served: Served, chance: random.Random) -> int:
    """Kill one of the workers there are, and the next one in its place. Returns how many that were."""
    before = _workers(served)
    if not before:
        return 0
    os.kill(chance.choice(before), signal.SIGKILL)
    with suppress(RuntimeError):  # it waits for longer, because the one before it had not lived long either
        wait_until(lambda: bool(_newcomers(served, before)), PATIENCE, lambda: "nobody came")
        os.kill(_newcomers(served, before)[0], signal.SIGKILL)
        return 2
    return 1


def _newcomers(served: Served, before: Sequence[int]) -> list[int]:
    return [worker for worker in _workers(served) if worker not in before]


def _workers(served: Served) -> list[int]:
    assert served.process is not None
    children = Path(f"/proc/{served.process.pid}/task/{served.process.pid}/children")
    with suppress(OSError):
        return [int(pid) for pid in children.read_text().split()]
    return []


def _judge(served: Served, pushers: list[Pusher], outcome: Outcome) -> None:
    if not _is_running(served):
        outcome.lose("the server ended with its workers")
        return
    if not any(pusher.acknowledged for pusher in pushers):
        outcome.lose("nobody's push was answered")
    for pusher in pushers:
        for tag in pusher.missing(served.wire):
            outcome.lose(f"{tag} was acknowledged and is not whole")


ATTACK = Attack(
    name="workers",
    run=run,
    planted="a worker that ends twice within seconds ends the server",
    run_planted=run_planted,
)
