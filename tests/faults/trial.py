"""One trial: some steps while the disk fails at one call or for a while, and a look at what came of it.

A step either succeeds or raises a condition. Then nothing is lost, everything can be pulled, and the same process goes
on as if nothing had been: it repeats the step and takes the rest. Only a process that said it writes no more may
refuse, and then a fresh one takes over without a repair.
"""

import errno
import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

from refloat.blobs.ballast import SIZE
from refloat.core.errors import RefloatError, StorageFull, Unavailable
from refloat.core.names import Tag
from refloat.usecases.delete import delete_reference
from refloat.usecases.undo import UndoRequest, undo
from tests.crash.child import in_a_child
from tests.crash.deaths import State, Told, look, looked_at, state_from, state_of
from tests.crash.registry import REPOSITORY, Registry
from tests.crash.stories import Step, rm
from tests.faults.library import FOR_EVER, FULL, SHORT, Failing
from tests.faults.operations import Operation

T = TypeVar("T")
Kind = Literal["ENOSPC", "EIO", "short", "full"]
HOW: dict[Kind, int] = {"ENOSPC": errno.ENOSPC, "EIO": errno.EIO, "short": SHORT, "full": FULL}
MOST_REFUSALS = 3
STANDING = "standing"  # a tag that is there before everything
NOT_DONE_TWICE = frozenset({"fsync", "fdatasync", "ftruncate64"})
"""Calls whose failure ends a process's writing whatever the reason was: what they left cannot be known."""


@dataclass(frozen=True)
class Fault:
    """`kind` at the `number`-th call."""

    kind: Kind
    number: int

    @property
    def last(self) -> int:
        return FOR_EVER if self.kind == "full" else self.number


@dataclass
class Result:
    """How far the steps came, how many calls the disk had, what was wrong, and whether the process gave up."""

    told: Told
    calls: int
    problems: list[str]
    gave_up: str


class Inline(Executor):
    """Runs what it is given at once, so that the calls of a trial have the same numbers each time it is tried."""

    def submit(self, fn: Callable[..., T], /, *args: object, **kwargs: object) -> Future[T]:
        done: Future[T] = Future()
        try:
            done.set_result(fn(*args, **kwargs))
        except BaseException as problem:  # noqa: BLE001  # that is what a pool does with it
            done.set_exception(problem)
        return done


class Watched(Registry):
    """A registry that notes when a store says that it writes no more."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.broken: list[str] = []
        self.metadata._writer._batches._on_broken = self._note
        self.blobs._sealer._on_broken = self._note
        self.blobs._sealer._flushers = Inline()  # type: ignore[assignment]

    def _note(self, reason: BaseException) -> None:
        self.broken.append(f"{reason}")


class Trial:
    """The process under fire."""

    def __init__(self, registry: Watched, failing: Failing, fault: Fault, say: Callable[[object], None]) -> None:
        self.registry = registry
        self.failing = failing
        self.fault = fault
        self.refusals = 0
        self.hides_reasons = False
        self._say = say
        self.state = state_of(registry)

    def run(self, steps: Sequence[Step]) -> None:
        """Take every step, repeating one that is refused. Returns early when the process writes no more."""
        self.failing.arm(self.registry.directory, self.fault.number, self.fault.last, HOW[self.fault.kind])
        for number, step in enumerate(steps):
            while not self._take(step, number):
                self.refusals += 1
                if self.refusals > MOST_REFUSALS:
                    raise RuntimeError(f"step {number} is refused for ever")
                if self.registry.broken:
                    self.failing.disarm()
                    self._gave_up()
                    return
                if self.fault.kind == "full":
                    self._go_on_while_full()
                    self.failing.disarm()
            self.state = state_of(self.registry)
            self._say({"state": [sorted(self.state.tips), sorted(self.state.blobs)]})
        self.failing.disarm()
        self._say({"calls": self.failing.seen})
        self.registry.image("another", b"another")
        rm("another")(self.registry)
        if self.registry.broken:
            self._problem(f"nothing was refused, and yet nothing is written any more: {self.registry.broken}")

    def _take(self, step: Step, number: int) -> bool:
        try:
            step(self.registry)
        except RefloatError as refused:
            self._judge(refused, number)
            return False
        return True

    def _judge(self, refused: RefloatError, number: int) -> None:
        what = f"step {number} was refused at {self.failing.what}: {type(refused).__name__} {refused.message}"
        if not self.failing.what:
            raise RuntimeError(f"nothing failed, and yet {what}") from refused
        expected: tuple[type[RefloatError], ...] = (Unavailable,) if self.fault.kind == "EIO" else (StorageFull,)
        if self.fault.kind != "EIO" and (self.hides_reasons or self.failing.what in NOT_DONE_TWICE):
            expected = (StorageFull, Unavailable)
        if self.fault.kind == "short" or not isinstance(refused, expected):
            self._problem(what)
        if not self.registry.broken and state_of(self.registry).tips != self.state.tips:
            self._problem(f"{what}, and yet something moved")
        for problem in looked_at(self.registry, state_of(self.registry)):
            self._problem(f"{what}; then {problem}")

    def _gave_up(self) -> None:
        """It writes nothing more, says so, and still answers pulls."""
        if self.fault.kind not in ("EIO", "short") and self.failing.what not in NOT_DONE_TWICE:
            self._problem(f"a full disk ended the process at {self.failing.what}: {self.registry.broken}")
        self._say({"gave up": self.failing.what})
        try:
            self.registry.image("refused", b"refused")
            self._problem(f"it said that it writes no more, and wrote: {self.registry.broken}")
        except Unavailable:
            pass

    def _go_on_while_full(self) -> None:
        """Uploads are refused; deletes and undo go on, with the room of the ballast."""
        registry = self.registry
        try:
            registry.blob(b"no room for this")
            self._problem("an upload found room on a full disk")
        except StorageFull:
            pass
        deleted = registry.free(lambda tx: delete_reference(tx, REPOSITORY, Tag(STANDING), registry.cause()))
        registry.free(lambda tx: undo(tx, UndoRequest(str(deleted.change)), registry.cause()))
        if state_of(registry).tips != self.state.tips:
            self._problem("a delete and its undo on a full disk left something moved")

    def _problem(self, what: str) -> None:
        self._say({"problem": what})


def prepare(operation: Operation, directory: Path) -> None:
    """Do what comes before, on a disk that works, and keep the hour in the file `now`."""

    def work(say: Callable[[object], None]) -> None:
        registry = Registry(directory)
        registry.image(STANDING, b"standing")
        for step in operation.before:
            step(registry)
        registry.close()
        say(registry.now)

    status, said = in_a_child(work)
    if status:
        raise RuntimeError("\n".join(map(str, said)))
    (found,) = said
    assert isinstance(found, int)
    (directory / "now").write_text(f"{found}")


def attempt(operation: Operation, template: Path, directory: Path, trial: tuple[Fault, Callable[[], None]]) -> Result:
    """Try the operation on a copy of `template` in another process. The second of `trial` runs there first."""
    fault, before = trial
    shutil.copytree(template, directory, ignore=shutil.ignore_patterns("ballast"))
    with (directory / "ballast").open("wb") as ballast:
        ballast.truncate(SIZE)  # only its name and length are looked at; to take the room each time takes long
    now = int((directory / "now").read_text())

    def work(say: Callable[[object], None]) -> None:
        before()
        failing = Failing()
        registry = Watched(directory, now)
        tried = Trial(registry, failing, fault, say)
        say({"state": [sorted(tried.state.tips), sorted(tried.state.blobs)]})
        tried.hides_reasons = operation.hides_reasons
        tried.run(operation.makes())

    status, said = in_a_child(work)
    return _result(status, said)


def _result(status: int, said: Sequence[object]) -> Result:
    result = Result(Told((), False), 0, [], "")
    states: list[State] = []
    for line in said:
        if isinstance(line, str):
            result.problems.append(line)
            continue
        assert isinstance(line, dict)
        for name, value in line.items():
            if name == "state":
                states.append(state_from(value))
            elif name == "problem":
                result.problems.append(value)
            elif name == "gave up":
                result.gave_up = value
            else:
                result.calls = value
    if status and not result.problems:
        result.problems.append(f"the process ended with {status}")
    result.told = Told(tuple(states), not result.gave_up and not status)
    return result


def judged(directory: Path, result: Result, whole: Told) -> list[str]:
    """Return everything that was wrong, also in a process that starts on what is left."""
    return result.problems or look(directory, result.told, whole)
