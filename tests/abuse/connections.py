"""Ten thousand connections that say nothing, never end, read nothing or send in drops, and who wants to work."""

import resource
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.abuse.attack import Attack
from tests.abuse.bystander import BUSY_PATIENCE, PATIENCE, Bystander
from tests.abuse.crowd import Crowd, Plan
from tests.abuse.undefended import without
from tests.serve.program import limited
from tools.content import digest_of
from tools.proof.part import Effort, Outcome
from tools.serving import Served, wait_until

DEADLINES = {"REGISTRY_REFLOAT_SEND_TIMEOUT": "3s", "REGISTRY_REFLOAT_RECEIVE_TIMEOUT": "3s"}
QUIET = {"REGISTRY_LOG_ACCESSLOG_DISABLED": "true", "REGISTRY_REFLOAT_WORKERS": "1"}
BLOB = bytes(8 << 20)
PATH = f"/v2/big/blobs/{digest_of(BLOB)}"
ENOUGH = 20_000  # descriptors with which a worker takes so many; on a machine that grants fewer fewer come
LONGEST = 60.0  # seconds until who is too slow has been ended; the deadlines are a twentieth
FEW = 128  # descriptors of a server that is crowded by forty connections
TURN = 40.0  # seconds in which one who waits behind a crowd is served; without shedding it takes sixty-five


class Cramped(Served):
    """A server that may have few descriptors."""

    before = limited(FEW)


def run(effort: Effort) -> Outcome:
    """Crowd a server that has room for all, and one that has not."""
    outcome = Outcome()
    _beside(effort, outcome, {})
    _behind(effort, outcome)
    return outcome


def run_planted(effort: Effort) -> Outcome:
    """Do the first with a worker that takes a hundred connections."""
    outcome = Outcome()
    _beside(effort, outcome, without(effort.directory, "main/server.py", "backpressure=most,", "backpressure=100,"))
    return outcome


def _beside(effort: Effort, outcome: Outcome, more: Mapping[str, str]) -> None:
    """Others are served as if nobody else were there, and who is too slow is ended."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    granted = min(1.0, hard / ENOUGH)

    def many(number: int, least: int) -> int:
        return max(least, int(effort.times(number) * granted))

    plan = Plan(
        silent=many(5000, 100), asked=many(4500, 60), heads=many(500, 10), unread=many(250, 10),
        manifests=many(250, 10), uploads=many(250, 10), blob=PATH,
        patience=LONGEST if effort.scale >= 1 else BUSY_PATIENCE,
    )  # fmt: skip
    directory = effort.directory / "beside"
    directory.mkdir()
    with Served(directory / "root", directory / "log", {**QUIET, **DEADLINES, **more}) as served:
        _push(served)
        with Bystander(served.address) as bystander:
            _crowd(served, plan, effort, outcome)
        bystander.judge(outcome, effort)
    outcome.tried += plan.connections


def _crowd(served: Served, plan: Plan, effort: Effort, outcome: Outcome) -> None:
    try:
        with Crowd(served.address, plan) as crowd:
            _pull(served, effort, outcome)
            _wait_for_the_slow(served, crowd, plan, outcome)
            _pull(served, effort, outcome)
    except RuntimeError as problem:
        outcome.lose(f"somebody who connected was not answered: {problem}")


def _patience(effort: Effort) -> float:
    return PATIENCE if effort.scale >= 1 else BUSY_PATIENCE


def _behind(effort: Effort, outcome: Outcome) -> None:
    """A crowd that takes all there is moves on when others wait."""
    plan = Plan(silent=20, asked=10, heads=10, blob=PATH)
    directory = effort.directory / "behind"
    directory.mkdir()
    with Cramped(directory / "root", directory / "log", QUIET) as served:
        _push(served)
        for _ in range(effort.times(10)):
            with Crowd(served.address, plan):
                _timed(lambda: served.wire.ask("GET", PATH, None, Range="bytes=0-9").status == 206, TURN, outcome)
            outcome.tried += plan.connections


def _push(served: Served) -> None:
    served.wire.ask("POST", f"/v2/big/blobs/uploads/?digest={digest_of(BLOB)}", BLOB).expect(201)


def _pull(served: Served, effort: Effort, outcome: Outcome) -> None:
    """Pull for a while as others do."""

    def is_right() -> bool:
        return served.wire.ask("GET", PATH, None, Range="bytes=0-9999").body == BLOB[:10_000]

    for _ in range(effort.times(500, least=20)):
        _timed(is_right, _patience(effort), outcome)


def _timed(ask: Callable[[], bool], patience: float, outcome: Outcome) -> None:
    began = time.monotonic()
    try:
        is_right = ask()
    except OSError as problem:
        outcome.lose(f"a pull was not answered: {problem!r}")
        return
    took = time.monotonic() - began
    if not is_right:
        outcome.lose("a pull was answered otherwise")
    if took > patience:
        outcome.lose(f"a pull waited {took:.1f} s")


def _wait_for_the_slow(served: Served, crowd: Crowd, plan: Plan, outcome: Outcome) -> None:
    """Count who sends in drops or reads nothing and is kept for ever."""

    def is_rid() -> bool:
        ended = crowd.look()
        return ended["manifests"] == plan.manifests and ended["uploads"] == plan.uploads and not _open_blobs(served)

    try:
        wait_until(is_rid, LONGEST, lambda: f"{crowd.ended}, {_open_blobs(served)} blobs are open")
    except RuntimeError as problem:
        outcome.leak(f"who is too slow is kept: {problem}")


def _open_blobs(served: Served) -> int:
    """Return how many files of whole blobs the workers have open."""
    assert served.process is not None
    children = Path(f"/proc/{served.process.pid}/task/{served.process.pid}/children").read_text().split()
    links = [link for pid in children for link in Path(f"/proc/{pid}/fd").iterdir()]
    return sum("/objects/" in str(link.readlink()) for link in links if link.exists())


ATTACK = Attack(
    name="connections",
    run=run,
    planted="a worker takes no more than a hundred connections",
    run_planted=run_planted,
)
