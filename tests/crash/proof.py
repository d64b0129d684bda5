"""The process is killed before each durable operation of each story; what is left is started without a repair."""

import shutil
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from refloat import durable
from refloat.blobs.filesystem import FileBlobs
from refloat.blobs.layout import Layout
from tests.crash.deaths import Told, look, tell
from tests.crash.stories import STORIES, Step
from tools.proof.part import Effort, Outcome, Part

NEVER = 1 << 30
MANY = 2000  # more operations than a story has: then something never ends
Before = Callable[[], None]


def honest() -> None:
    """Nothing is different in the process that dies."""


def rows_before_bytes() -> None:
    """The fault: a file gets its final name only after the commit that makes it live."""
    commit, waiting = durable.commit, list[tuple[Layout, str]]()

    async def put_off(blobs: FileBlobs, key: str) -> None:
        waiting.append((blobs._layout, key))

    def commit_first(connection: sqlite3.Connection) -> None:
        commit(connection)
        while waiting:
            layout, key = waiting.pop()
            durable.make_directory(Path(layout.day(key)))
            durable.rename(layout.arriving(key), layout.whole(key))

    FileBlobs.seal, durable.commit = put_off, commit_first  # type: ignore[method-assign, assignment]


def run(effort: Effort, before: Before = honest) -> Outcome:
    """At scale 1 die at every point of every story."""
    outcome, every = Outcome(), max(1, round(1 / effort.scale))
    for name, story in STORIES.items():
        begun = time.monotonic()
        place = effort.directory / name.replace(" ", "-")
        points = sum(1 for _ in die(story, place, outcome, before, every=every))
        print(f"  {name}: {points} points, {time.monotonic() - begun:.0f} s", file=sys.stderr, flush=True)
    return outcome


def run_planted(effort: Effort) -> Outcome:
    """One story, told by a process that writes rows before bytes."""
    outcome = Outcome()
    for _ in die(STORIES["overwritten"], effort.directory, outcome, rows_before_bytes):
        if outcome.is_red:
            break
    return outcome


def die(
    story: Sequence[Step], place: Path, outcome: Outcome, before: Before = honest, *, every: int = 1
) -> Iterator[int]:
    """Die at each point of a story in turn, or at every n-th; yield its number once it was looked at."""
    whole = _whole(story, place / "whole")
    for point in range(1, MANY, every):
        directory = place / str(point)
        told = tell(story, directory, point, before)
        if told.ended and before is honest:
            return
        for problem in look(directory, told, whole):
            outcome.lose(f"{place.name}, point {point}: {problem}")
        outcome.tried += 1
        shutil.rmtree(directory)
        yield point
        if told.ended:
            return
    raise RuntimeError(f"no story has {MANY} operations")


def _whole(story: Sequence[Step], directory: Path) -> Told:
    told = tell(story, directory, NEVER)
    problems = look(directory, told, told)
    if problems:
        raise RuntimeError(f"the story goes wrong with nobody dying: {problems}")
    return told


PART = Part(
    name="crash points",
    counts="deaths",
    run=run,
    planted="rows before bytes",
    run_planted=run_planted,
)
