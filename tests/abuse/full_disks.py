"""A disk that fills: by manifests, by blobs, by another program; with something kept back and without; with kills.

Nothing that was acknowledged is lost, what makes room works wherever there is room to be had, each sentence is true,
and the space comes back. SQLite's own files are in it: a start maps a shared index, a delete makes the log longer.
"""

import random
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from tests.abuse.attack import Attack
from tests.abuse.filling import LEAST, Meanwhile, Round
from tests.disks import fill, free, small_disk
from tests.programs import needed_root
from tests.serve.program import DEADLINE, refloat
from tools.proof.part import Effort, Outcome
from tools.provision import HOME
from tools.wire import Answer

ROUNDS = 60
SHARED = b"the layer of all images that are large in their manifests only"
ALLOWANCE = 8 << 20  # bytes that the database and its log may have become larger by
SIZES = (2 << 20, 200_000, 20_000, 1_000)  # bytes of what is pushed, until nothing is taken any more
SETTINGS = {
    "REGISTRY_REFLOAT_WINDOW": "1s", "REGISTRY_REFLOAT_GRAVEYARD": "1s", "REGISTRY_REFLOAT_LEASE": "1s",
    "REGISTRY_REFLOAT_COLLECT_INTERVAL": "1h", "REGISTRY_REFLOAT_WORKERS": "2",
}  # fmt: skip
By = Literal["manifests", "blobs", "another program"]
Kept = Literal["kept back", "nothing kept back"]
Way = tuple[By, Kept, Meanwhile]
DISKS: Mapping[Kept, str] = {"kept back": "208m", "nothing kept back": "96m"}


@dataclass(frozen=True, slots=True)
class Fault:
    """A defence that is edited out: the file under src/refloat, the text there, and what takes its place."""

    file: str
    old: str
    new: str


NO_SECOND_TRY = Fault("metadata/writer.py", "if not (short and self._is_room_made()):", "if True:")
NO_RESERVE = Fault("blobs/filesystem.py", "if not self._rows.allows(length):", "if False:")
FOR_PUSHES = Fault("metadata/batches.py", 'job.is_short and job.room == "kept"', "job.is_short")


def run(effort: Effort) -> Outcome:
    """Fill disks in every way, each some times."""
    needed_root()
    ways: list[tuple[By, Kept]] = [
        ("another program", "kept back"), ("another program", "nothing kept back"), ("manifests", "kept back"),
        ("blobs", "kept back"), ("manifests", "nothing kept back"), ("blobs", "nothing kept back"),
    ]  # fmt: skip
    ends: tuple[Meanwhile, ...] = ("stopped", "killed on the full disk", "goes on", "killed", "goes on")
    outcome = Outcome()
    for number in range(effort.times(ROUNDS, least=2)):
        dice = random.Random(f"{effort.seed} {number}")
        by, kept = ways[number % len(ways)]
        meanwhile = ends[number % len(ends)]
        _try(effort.directory / f"{number}", (by, kept, meanwhile), (outcome, dice), SETTINGS)
    return outcome


def _try(place: Path, way: Way, found: tuple[Outcome, random.Random], settings: Mapping[str, str]) -> None:
    by, kept, meanwhile = way
    outcome, dice = found
    place.mkdir()
    with small_disk(place / "root", DISKS[kept]) as disk:
        round_ = Round(place, disk, outcome, dice, settings, meanwhile)
        round_.start()
        try:
            _fill(round_, by)
            _look(round_, f"{by}, {kept}")
            _make_room(round_, f"{by}, {kept}")
            _give_back(round_, by)
        except (RuntimeError, OSError) as problem:
            outcome.lose(f"{by}, {kept}: {problem}")
        finally:
            round_.kill()
    shutil.rmtree(place, ignore_errors=True)


def _fill(round_: Round, by: By) -> None:
    """Push until nothing is taken any more, and perhaps end the server in between."""
    for number in range(4):
        round_.push(f"base{number}", round_.dice.randbytes(100_000), "")
    round_.push("base-shared", SHARED, "")
    if by == "another program":
        filling = threading.Thread(target=fill, args=(round_.disk,))
        filling.start()
        _push_until_full(round_, "blobs", "fill-beside")
        filling.join()
    else:
        _push_until_full(round_, by, "fill-first")
    if round_.meanwhile != "goes on":
        round_.stop() if round_.meanwhile == "stopped" else round_.kill()
        if round_.meanwhile == "killed on the full disk":
            fill(round_.disk)
        round_.start()
    if by == "another program":
        fill(round_.disk)
    _push_until_full(round_, "manifests", "fill-again")


def _push_until_full(round_: Round, by: By, name: str) -> None:
    def push(pusher: int) -> None:
        dice = random.Random(f"{round_.dice.getrandbits(64)} {pusher}")
        for size in SIZES:
            number = 0
            while round_.push(f"{name}-{pusher}-{size}-{number}", *_content(dice, by, size)):
                number += 1

    pushers = [threading.Thread(target=push, args=(number,)) for number in range(3)]
    for pusher in pushers:
        pusher.start()
    for pusher in pushers:
        pusher.join(DEADLINE * 5)


def _content(dice: random.Random, by: By, size: int) -> tuple[bytes, str]:
    """Return a layer and a note, one of which has a size."""
    return (SHARED, dice.randbytes(size // 2).hex()) if by == "manifests" else (dice.randbytes(size), "")


def _look(round_: Round, where: str) -> None:
    """Every image that was acknowledged is whole, and every deleted one is gone."""
    for tag, (manifest, layer) in list(round_.images.items()):
        for part, answer in (
            (manifest, round_.wire.manifest("team/api", tag)), (layer, round_.wire.blob("team/api", layer.digest)),
        ):  # fmt: skip
            if answer.body != part.body:
                round_.outcome.lose(f"{where}: {tag} was acknowledged, and is answered {answer.status}")
    for tag in round_.gone:
        if round_.wire.manifest("team/api", tag).status != 404:
            round_.outcome.lose(f"{where}: {tag} was deleted, and is there")


def _is_kept_back(round_: Round) -> bool:
    ballast = round_.disk / "refloat" / "ballast"
    return ballast.exists() and ballast.stat().st_size > 0


def _make_room(round_: Round, where: str) -> None:
    """Each thing that makes room does at the first try, or there is truly none, and then after a person made some."""
    is_kept = _is_kept_back(round_)
    acts: tuple[Callable[[], Answer], ...] = (
        lambda: _delete(round_, "base0"), lambda: _remove(round_, "base1"), lambda: _purge(round_, "base2"),
        lambda: round_.manage("collect"),
    )  # fmt: skip
    for number, act in enumerate(acts):
        had = free(round_.disk)
        answer = act()
        round_.outcome.tried += 1
        if answer.status == 507 and b'"STORAGE_FULL"' in answer.body:
            _judge_refusal(round_, f"{where}: act {number}", answer, is_possible=is_kept or had > LEAST)
            round_.make_room()
            answer = act()
        if answer.status not in (200, 201, 202):
            round_.outcome.lose(f"{where}: act {number} was answered {answer.status} {answer.body[:300]!r}")
        is_kept = _is_kept_back(round_)
    _look(round_, f"{where}, after deletes")


def _judge_refusal(round_: Round, where: str, answer: Answer, *, is_possible: bool) -> None:
    """It had nothing to make room with, and says so."""
    if is_possible:
        round_.outcome.lose(f"{where} was refused though there was room: {answer.body[:200]!r}")
    if b"16 MiB" not in answer.body or b"undo still work" in answer.body:
        round_.outcome.lose(f"{where} was refused with what is not true: {answer.body[:300]!r}")


def _delete(round_: Round, tag: str) -> Answer:
    answer = round_.wire.delete("team/api", tag)
    if answer.status == 202:
        round_.manage(f"changes/{answer.headers['refloat-change']}/undo").expect(201, 507)
        answer = round_.wire.delete("team/api", tag)
        _note_gone(round_, tag, answer)
    return answer


def _remove(round_: Round, tag: str) -> Answer:
    answer = round_.manage("remove", images=[f"team/api:{tag}"])
    _note_gone(round_, tag, answer)
    return answer


def _purge(round_: Round, tag: str) -> Answer:
    answer = round_.manage("purge", image=f"team/api:{tag}")
    _note_gone(round_, tag, answer)
    if answer.status == 503 and b"has ended" in answer.body and free(round_.disk) < LEAST:
        _judge_refusal(round_, "a purge", answer, is_possible=False)
        round_.make_room()
        return round_.manage("collect")  # what of it is left goes with a round
    return answer


def _note_gone(round_: Round, tag: str, answer: Answer) -> None:
    if (answer.status < 300 or b"has ended" in answer.body) and tag in round_.images:
        round_.gone[tag] = round_.images.pop(tag)[0]


def _room(round_: Round) -> int:
    """Return how many bytes of a disk nothing of an image takes: what is free, and what is kept back."""
    ballast = round_.disk / "refloat" / "ballast"
    return free(round_.disk) + (ballast.stat().st_size if ballast.exists() else 0)


def _give_back(round_: Round, by: By) -> None:
    """Delete what filled the disk: it comes back, and a fresh process finds everything whole and explained."""
    before = _room(round_)
    going = [tag for tag in round_.images if not tag.startswith("base")]
    size = sum(len(layer.body) for tag, (_, layer) in round_.images.items() if tag in going)
    if going:
        round_.manage("remove", images=["team/api:fill-*"]).expect(201)
    for tag in going:
        round_.gone[tag] = round_.images.pop(tag)[0]
    if by != "manifests" and not _comes_back(round_, before + size - ALLOWANCE):
        round_.outcome.leak(f"{by}: of {size:,} bytes that were deleted {_room(round_) - before:,} came back")
    if round_.dice.random() < 0.5:
        round_.kill()
        round_.start()
    _look(round_, f"{by}, in the end")
    found = refloat("verify", "--deep", "--root", str(round_.disk), home=round_.place)
    if found.returncode:
        round_.outcome.leak(f"{by}: {found.stdout[-300:]} {found.stderr[-300:]}")


def _comes_back(round_: Round, wanted: int) -> bool:
    """Collect until a disk has so many bytes free. False: it never has."""
    deadline = time.monotonic() + DEADLINE
    while _room(round_) < wanted:
        if time.monotonic() > deadline:
            return False
        round_.manage("collect").expect(200, 503)  # another round may be under way
        time.sleep(0.1)
    return True


@contextmanager
def _without(faults: tuple[Fault, ...], place: Path) -> Iterator[Mapping[str, str]]:
    """Yield the settings of a server whose source, a copy, lacks some defences."""
    source = place / "src"
    shutil.copytree(HOME / "src", source, ignore=shutil.ignore_patterns("__pycache__"))
    for fault in faults:
        path = source / "refloat" / fault.file
        text = path.read_text()
        assert text.count(fault.old) == 1, fault
        path.write_text(text.replace(fault.old, fault.new))
    yield {**SETTINGS, "PYTHONPATH": str(source)}
    shutil.rmtree(source)


def run_planted(effort: Effort) -> Outcome:
    """A first delete that is refused, and manifests that use up what is kept back: each has to be noticed."""
    needed_root()
    whole = Outcome()
    planted: tuple[tuple[By, tuple[Fault, ...]], ...] = (
        ("another program", (NO_SECOND_TRY,)),
        ("manifests", (NO_RESERVE, FOR_PUSHES)),
    )
    for number, (by, faults) in enumerate(planted):
        place = effort.directory / f"planted{number}"
        place.mkdir()
        found = Outcome()
        with _without(faults, place) as settings:
            _try(place / "round", (by, "kept back", "stopped"), (found, random.Random(1)), settings)
        if not found.is_red:
            return replace(found, notes=[f"not noticed: {faults}"])
        whole.tried += found.tried
        whole.lose(found.notes[0])
    return whole


ATTACK = Attack(
    name="full disks",
    run=run,
    planted="nothing is tried again when room was made; pushes take the reserve and what is kept back",
    run_planted=run_planted,
)
