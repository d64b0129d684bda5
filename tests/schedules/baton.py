"""Actors in threads of which exactly one runs: whoever comes to a step asks who goes on."""

import threading
import traceback
from collections.abc import Callable, Sequence
from typing import Protocol

MOST_STEPS = 2000  # an actor that takes more never ends
PATIENCE = 120.0  # seconds for a whole schedule, which takes milliseconds


class Chooser(Protocol):
    """Decides who runs next."""

    def choose(self, current: int | None, able: Sequence[int]) -> int:
        """Return one of `able`, in ascending order; `current` could go on, None: it has ended."""


class Baton:
    """Runs actors so that a choice is all that happens between two steps.

    The same actors and the same choices on the same state give the same steps.
    """

    def __init__(self, most_actors: int) -> None:
        self._gates = [threading.Lock() for _ in range(most_actors)]
        self._ended = threading.Lock()
        self._work: list[Callable[[], None] | None] = [None] * most_actors
        self._able: list[int] = []
        self._chooser: Chooser | None = None
        self.current: int | None = None
        self.steps: list[tuple[int, str]] = []
        self.failures: list[str] = []
        self._ended.acquire()
        for number, gate in enumerate(self._gates):
            gate.acquire()
            threading.Thread(target=self._live, args=(number,), name=f"actor-{number}", daemon=True).start()

    def run(self, actors: Sequence[Callable[[], None]], chooser: Chooser) -> None:
        """Run the actors to their ends. `steps` and `failures` then tell what happened."""
        self.steps, self.failures, self._chooser = [], [], chooser
        self._work[: len(actors)] = actors
        self._able = list(range(len(actors)))
        self._pass_on(None)
        if not self._ended.acquire(timeout=PATIENCE):
            raise AssertionError(f"actor {self.current} stands still after {self.steps[-1:]}")

    def close(self) -> None:
        """End the threads."""
        for number, gate in enumerate(self._gates):
            self._work[number] = None
            gate.release()

    def step(self, label: str) -> None:
        """Say what the running actor does next, and wait until it is its turn. Does nothing outside a run."""
        me = self.current
        if me is None or self._chooser is None:
            return
        if len(self.steps) > MOST_STEPS:
            raise AssertionError("an actor goes round in circles")
        following = self._chooser.choose(me, self._able)
        if following != me:
            self.current = following
            self._gates[following].release()
            self._gates[me].acquire()
        self.steps.append((me, label))

    def _pass_on(self, current: int | None) -> None:
        assert self._chooser is not None
        self.current = self._chooser.choose(current, self._able)
        self._gates[self.current].release()

    def _live(self, number: int) -> None:
        while True:
            self._gates[number].acquire()
            work = self._work[number]
            if work is None:
                return
            try:
                work()
            except Exception:  # noqa: BLE001  # whatever it is, it was found
                self.failures.append(traceback.format_exc())
            self._able = [other for other in self._able if other != number]
            if self._able:
                self._pass_on(None)
            else:
                self.current = None
                self._ended.release()
