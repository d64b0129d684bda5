"""Tell a story in a process that dies before its n-th durable operation, and look at what it left.

A story comes to the same states whenever it is told: what survives must be the last state that was reached, or the
next one. The looking is done in a process of its own: a server started again knows nothing of the one that died.
"""

import os
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from refloat import durable
from refloat.core.errors import RefloatError
from refloat.core.manifest import parse
from refloat.core.names import Digest, RepositoryName, parse_reference
from refloat.usecases import verify
from tests.crash.child import Say, in_a_child
from tests.crash.registry import DAY, START, Registry
from tests.crash.stories import SECRET, SPOILED, Step

REPORT = verify.VerifyTerms("bytes", "report", START)
SPOILED_ONE = Digest.of(SPOILED)


@dataclass(frozen=True)
class State:
    """What everybody can see: every reference with its value, and the blobs that are there."""

    tips: frozenset[tuple[str, str, str]]
    blobs: frozenset[str]


def state_of(registry: Registry) -> State:
    read = registry.metadata.read._execute
    tips = read("SELECT r.name, t.reference, t.digest FROM tips t JOIN repositories r ON r.id = t.repository")
    blobs = frozenset(row[0] for row in read("SELECT digest FROM blobs"))
    return State(frozenset(tips.fetchall()), blobs)


@dataclass(frozen=True)
class Told:
    """How far a story came: its states, from the one before its first step on, and whether it ended."""

    states: tuple[State, ...]
    ended: bool


def tell(story: Sequence[Step], directory: Path, death: int, before: Callable[[], None] = lambda: None) -> Told:
    """Tell a story over an empty directory, dying before the `death`-th durable operation.

    `before` runs first, in the process that dies.
    """

    def live(say: Say) -> None:
        before()
        durable._crash_at = death
        registry = Registry(directory)
        for step in story:
            step(registry)
            seen = state_of(registry)
            say([sorted(seen.tips), sorted(seen.blobs)])

    status, said = in_a_child(live)
    has_died = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    if not has_died and status:
        raise RuntimeError("\n".join(map(str, said)))
    nothing = State(frozenset(), frozenset())
    return Told((nothing, *map(state_from, said)), status == 0)


def state_from(said: Any) -> State:
    tips, blobs = said
    return State(frozenset((name, reference, digest) for name, reference, digest in tips), frozenset(blobs))


def look(directory: Path, told: Told, whole: Told) -> list[str]:
    """Return what is not as it was promised, after a death and again after everything due was collected."""

    def judge(say: Say) -> None:
        for problem in _problems(Registry(directory), told, whole):
            say(problem)

    status, said = in_a_child(judge)
    return [*map(str, said), *([] if status == 0 else [f"the judge ended with {status}"])]


def _problems(registry: Registry, told: Told, whole: Told) -> list[str]:
    reached = len(told.states) - 1
    last, following = told.states[-1], whole.states[min(reached + 1, len(whole.states) - 1)]
    now = state_of(registry)
    problems = [] if now.tips in (last.tips, following.tips) else [f"after step {reached}: {_difference(now, last)}"]
    problems += [f"lost blob {digest}" for digest in (last.blobs & following.blobs) - now.blobs]
    problems += looked_at(registry, now) + _kept(registry)
    registry.now = START + 60 * DAY
    for _ in range(4):
        registry.collect()
        registry.now += 3 * DAY
    problems += looked_at(registry, now)
    problems += [] if state_of(registry).tips == now.tips else ["collection moved a reference"]
    return problems + _leaked(registry) + _goes_on(registry)


def _difference(now: State, wanted: State) -> str:
    missing, other = wanted.tips - now.tips, now.tips - wanted.tips
    return f"missing {sorted(missing)[:3]}, unexpected {sorted(other)[:3]}"


def looked_at(registry: Registry, now: State) -> list[str]:
    """Everything that can be pulled is whole, and a deep verification finds nothing we did not do ourselves."""
    problems = []
    for name, reference, _ in now.tips:
        stored = registry.metadata.read.manifest(RepositoryName(name), parse_reference(reference))
        if stored is None:
            problems.append(f"{name} has lost {reference}")
            continue
        needs = [need.digest for need in parse(stored.body, "", stored.media_type).needs if need.required]
        problems += [f"{reference}: {digest} is not whole" for digest in needs if not _is_whole(registry, digest)]
    found = verify.verify(registry.metadata, registry.blobs, REPORT, lambda _: None).findings
    return problems + [
        f"{it.kind} {it.name}: {it.detail}"
        for it in found
        if it.name != SPOILED_ONE and not (it.kind == "unknown" and _is_the_stray(registry, it.name))
    ]


def _is_whole(registry: Registry, digest: Digest) -> bool:
    if digest == SPOILED_ONE:
        return True
    live = registry.metadata.read.live_key(digest)
    return live is not None and registry.blobs.path(live.key).is_file() and (
        Digest.of(registry.blobs.path(live.key).read_bytes()) == digest
    )


def _is_the_stray(registry: Registry, key: str) -> bool:
    return registry.blobs.size(key) is not None and registry.blobs.path(key).read_bytes() == b"whose?"


def _leaked(registry: Registry) -> list[str]:
    live = {row[0] for row in registry.metadata.read._execute("SELECT key FROM keys WHERE state = 'live'")}
    stored = set(registry.blobs.keys())
    left = {key for key in stored - live if not _is_the_stray(registry, key)}
    left -= registry.metadata.named_live(sorted(left))  # a kept backup keeps its bytes
    return [f"{key} was never collected" for key in left]


def _kept(registry: Registry) -> list[str]:
    """What a purge has ended is in no file, whatever the process died of."""
    if registry.metadata.read.purged_by(Digest.of(SECRET)) is None:
        return []
    files = [path for path in registry.directory.rglob("*") if path.is_file() and SECRET in path.read_bytes()]
    return [f"{path} keeps what was purged" for path in files]


def _goes_on(registry: Registry) -> list[str]:
    try:
        registry.image("after", b"first", b"shared")
    except RefloatError as problem:
        return [f"pushing afterwards: {problem.message}"]
    return []
