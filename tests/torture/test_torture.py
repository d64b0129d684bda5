"""Eight pushers, deleters, undoers and readers on shared layers, windows of seconds, the collector in a loop.

What was acknowledged and is not due comes back byte for byte; what was deleted answers 404; in the end no
file is left that no row explains, and when all is deleted and due, no file at all. TORTURE_SECONDS (60) says
how long; TORTURE_SEED repeats what can be repeated.
"""

import os
import secrets
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.serve.program import Program
from tests.torture import judge
from tests.torture.actors import Crowd
from tests.torture.content import Factory
from tests.torture.shelf import Shelf, Terms
from tests.torture.verbs import BrokenPromiseError
from tests.torture.wire import Wire

SECONDS = float(os.environ.get("TORTURE_SECONDS", "60"))
SEED = int(os.environ.get("TORTURE_SEED", str(secrets.randbelow(1_000_000))))
TERMS = Terms(window=2, lease=2, idle=3)
SETTINGS = {
    "REGISTRY_REFLOAT_WINDOW": "2s",
    "REGISTRY_REFLOAT_LEASE": "2s",
    "REGISTRY_REFLOAT_GRAVEYARD": "1s",
    "REGISTRY_REFLOAT_UPLOADS_IDLE": "3s",
    "REGISTRY_REFLOAT_COLLECT_INTERVAL": "1s",
    "REGISTRY_REFLOAT_WORKERS": "2",
    "REGISTRY_LOG_ACCESSLOG_DISABLED": "true",
}
GONE_BY = 60.0  # seconds that collecting everything may take in the end; only a broken collector needs them


class Torture:
    """A server, a crowd, and what both say."""

    def __init__(self, place: Path, **settings: str) -> None:
        self.place, self.settings = place, {**SETTINGS, **settings}
        self.program = Program(place, **self.settings)
        self.address = urlsplit(self.program.url).netloc
        self.shelf = Shelf(SEED, TERMS)
        self.crowd = Crowd(Wire(self.address), self.shelf, Factory(SEED), SEED)

    def run(self, seconds: float, kills: int = 0) -> None:
        """Let the crowd work, the server being killed so often in between, and stop it."""
        self.shelf.kills = kills
        self.crowd.start()
        for _ in range(kills):
            self.shelf.stop.wait(seconds / (kills + 1))
            self.kill()
        self.shelf.stop.wait(seconds / (kills + 1))
        self.shelf.stop.set()
        self.crowd.join()

    def kill(self) -> None:
        """Kill every process of the server at once, and start it again. Nothing is repaired."""
        self.shelf.up.clear()
        self.shelf.down.set()
        self.end()
        self.program = Program(self.place, "--listen", self.address, **self.settings)
        self.shelf.down.clear()
        self.shelf.up.set()
        self.shelf.count("kill -9")

    def close(self) -> None:
        self.crowd.wire.close()
        self.end()

    def end(self) -> None:
        os.killpg(self.program.process.pid, signal.SIGKILL)
        self.program.process.wait()

    def settle(self) -> None:
        """Find out where every image stands that an answer was lost for, and read all there is."""
        for image in self.shelf.images:
            if image.perhaps is not None:
                self.crowd.verbs.resolve(image, (image.standing, image.perhaps))
            self.crowd.verbs.look(image, "at the end")

    def empty(self) -> None:
        """Delete everything, and let the collector take it."""
        for image in self.shelf.images:
            self.crowd.verbs.bury(image)
        deadline = time.monotonic() + GONE_BY
        while not judge.is_empty(self.program.root):
            assert time.monotonic() < deadline, "what is deleted and due is not collected"
            self.crowd.collect(self.crowd.quiet)

    def tell(self) -> None:
        """Print seed and counters."""
        self.shelf.counters["pushes during a condemn"] = self.shelf.pushes_during_a_condemn
        self.shelf.counters.update(judge.counters(self.program.root))
        print(f"\ntorture, seed {SEED}:\n{self.shelf.table()}")


@pytest.fixture
def torture(tmp_path: Path) -> Iterator[Torture]:
    under = Torture(tmp_path)
    yield under
    under.close()


def check_promises(torture: Torture) -> None:
    """Everything that is promised in every torture."""
    root = torture.program.root
    assert torture.shelf.wrongs == [], torture.program.said()[-3000:]
    torture.settle()
    assert judge.damage(root) == []
    assert judge.lacking(root) == []
    torture.tell()
    torture.empty()
    assert judge.strays(root) == []
    assert judge.files(root) == {}


def test_nothing_is_lost_nothing_deleted_is_read_nothing_is_left(torture: Torture) -> None:
    torture.run(SECONDS)
    check_promises(torture)
    seen, share = torture.shelf.counters, min(1.0, SECONDS / 60)
    assert seen["keys reaped"] >= 1000 * share
    assert seen["keys doomed: adopted"] >= 100 * share
    assert seen["blobs uploaded again after they were condemned"] >= 20 * share
    assert seen["pushes during a condemn"] >= 20 * share
    assert seen["deletes taken back by undo"] >= 50 * share
    assert seen["deletes taken back by PUT"] >= 20 * share
    assert seen["deletes by digest"] + seen["deletes by rm"] >= seen["deletes by tag"]


def test_nor_by_kill_9(torture: Torture) -> None:
    torture.run(SECONDS / 2, kills=2)
    check_promises(torture)
    assert torture.shelf.counters["answers lost"] > 0


def test_the_torture_sees_the_loss_when_the_foreign_keys_are_off(tmp_path: Path) -> None:
    """The failing twin: the same program, but the database no longer refuses to let go of what is used."""
    twin = Torture(tmp_path, REFLOAT_UNSAFE_FOREIGN_KEYS="off")
    try:
        twin.run(SECONDS)
        for image in twin.shelf.images:
            with suppress(BrokenPromiseError):
                twin.crowd.verbs.look(image, "at the end")
        lost = [wrong for wrong in twin.shelf.wrongs if "LOST" in wrong]
        print(f"\nthe twin without foreign keys, seed {SEED}, lost {len(lost)} or more, first:\n  {lost[:1]}")
        assert lost, twin.shelf.wrongs
    finally:
        twin.close()
