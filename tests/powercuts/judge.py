"""Open what a power cut left, repair nothing, and compare it with what was promised. Runs in a process of its own."""

import json
import shutil
import time
import traceback
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from refloat.blobs.filesystem import FileBlobs
from refloat.core.clock import HOUR, Tick
from refloat.core.errors import RefloatError
from refloat.core.identity import change_id
from refloat.core.names import Digest, Reference, RepositoryName, Tag
from refloat.core.records import Cause
from refloat.main.directory import examine
from refloat.metadata.migrate import migrate
from refloat.metadata.store import SqliteMetadata
from refloat.settings.load import Flags, load
from refloat.usecases import pull
from refloat.usecases.collect import CollectTerms, run_round
from refloat.usecases.undo import UndoRequest, undo
from refloat.usecases.verify import VerifyTerms, verify
from tests.powercuts.disk import attach, let_go
from tests.powercuts.journal import Asked, Place, Until, Value
from tests.powercuts.load import Cut

LEAKS = ("unknown", "foreign")
STEP = 10 * HOUR  # between two rounds afterwards: a stop of the machine may count for a day at most
ROUNDS = 4


@dataclass
class Verdict:
    """What is not as it was promised. `looked_at` counts promises."""

    cut: str
    looked_at: int = 0
    lost: list[str] = field(default_factory=list)
    leaked: list[str] = field(default_factory=list)


@dataclass
class Stores:
    """The stores over what was left, at the instant of the cut."""

    metadata: SqliteMetadata
    blobs: FileBlobs
    at: int


def judge(cut: Cut) -> Verdict:
    """Mount the copies, look at them, and throw them away."""
    verdict = Verdict(cut.name)
    with _mounted(cut) as places:
        try:
            _look(cut, places, verdict)
        except Exception:  # noqa: BLE001  # refloat does not open what was left, or fails on it: that is a loss
            verdict.lost.append(traceback.format_exc())
    return verdict


@contextmanager
def _mounted(cut: Cut) -> Iterator[list[Path]]:
    with ExitStack() as held:
        held.callback(shutil.rmtree, cut.directory)
        places = []
        for image in cut.images:
            place = cut.directory / image.stem
            disk = attach(image, place)
            held.callback(let_go, place)
            errors = Path(f"/sys/fs/ext4/{disk.device}/errors_count")
            assert errors.read_text().strip() == "0", f"{cut.name}: the file system itself is broken"
            places.append(place)
        yield places


def _look(cut: Cut, places: list[Path], verdict: Verdict) -> None:
    ours = places[0] / "refloat"
    database = places[1] / "refloat.db" if len(places) > 1 else ours / "refloat.db"
    examine(load(None, {"REGISTRY_REFLOAT_DATABASE": str(database)}, Flags(root=places[0])).settings)
    migrate(database)
    with closing(FileBlobs(ours, 0.0)) as blobs, closing(SqliteMetadata(database, ours, blobs.make_room)) as metadata:
        stores = Stores(metadata, blobs, cut.standing.at)
        _verify(stores, "at once", verdict)
        settled = _compare(stores, cut, verdict)
        settled |= _undo_one(stores, cut, verdict)
        if cut.judged == "through collection":
            _collect(stores, verdict)
            for place, value in settled.items():
                _match(stores, place, value, "after collection", verdict)
            _verify(stores, "after collection", verdict)
            _strays(stores, verdict)


def _verify(stores: Stores, when: str, verdict: Verdict) -> None:
    """Every byte is read."""
    done = verify(stores.metadata, stores.blobs, VerifyTerms("bytes", "report", stores.at), lambda _: None)
    for finding in done.findings:
        what = f"{when}: {finding.kind} {finding.name}: {finding.detail}"
        (verdict.leaked if finding.kind in LEAKS else verdict.lost).append(what)


def _compare(stores: Stores, cut: Cut, verdict: Verdict) -> dict[Place, str | None]:
    """Look at every promise. Returns what references must stay at."""
    standing = cut.standing
    unsure = {place for asked in standing.under_way for place in asked.effects}
    settled: dict[Place, str | None] = {}
    for place, value in standing.certain.items():
        if place in unsure or place.kind == "change":
            continue
        verdict.looked_at += 1
        _match(stores, place, value, "at once", verdict)
        if place.kind == "manifest" and not isinstance(value, Until):
            settled[place] = value
    for asked in standing.under_way:
        settled |= _either(stores, asked, standing.certain, verdict)
    return settled


def _either(stores: Stores, asked: Asked, certain: Mapping[Place, Value], verdict: Verdict) -> dict[Place, str | None]:
    """A request under way was carried out whole, or not at all."""
    places = [place for place in asked.effects if place.kind == "manifest"]
    found = {place: _digest_at(stores, place) for place in places}
    before = {place: certain.get(place) for place in places}
    after = {place: asked.effects[place] for place in places}
    if found not in (before, after):
        verdict.lost.append(f"{asked.what} (request {asked.number}) was carried out by half: {found}")
    for place, value in found.items():
        _match(stores, place, value, f"under way: {asked.what}", verdict)
    return found


def _match(stores: Stores, place: Place, value: Value, when: str, verdict: Verdict) -> None:
    if place.kind == "blob":
        problem = _unreadable(stores, RepositoryName(place.repository), Digest(place.name))
    else:
        digest = _digest_at(stores, place)
        problem = "" if digest == value else f"is at {digest}, not {value}"
        if ":" in place.name:  # whoever promised a tag promised its digest too
            problem = problem or _incomplete(stores, place)
    if problem:
        verdict.lost.append(f"{when}: {place.repository} {place.name}: {problem}")


def _digest_at(stores: Stores, place: Place) -> str | None:
    stored = stores.metadata.read.manifest(RepositoryName(place.repository), _reference(place))
    return None if stored is None else stored.digest


def _incomplete(stores: Stores, place: Place) -> str:
    """Return what of an image cannot be pulled. That its bytes are right, verification sees."""
    repository = RepositoryName(place.repository)
    stored = stores.metadata.read.manifest(repository, _reference(place))
    if stored is None:
        return ""
    document = json.loads(stored.body)
    needed = [Digest(entry["digest"]) for entry in (document["config"], *document["layers"])]
    problems = [_unreadable(stores, repository, digest) for digest in needed]
    if Digest.of(stored.body) != stored.digest:
        problems.append("its manifest has other bytes")
    return ", ".join(filter(None, problems))


def _unreadable(stores: Stores, repository: RepositoryName, digest: Digest) -> str:
    try:
        pull.open_blob(stores.metadata.read, stores.blobs, repository, digest, stores.at)
    except RefloatError as problem:
        return problem.message
    return ""


def _undo_one(stores: Stores, cut: Cut, verdict: Verdict) -> dict[Place, str | None]:
    """The newest acknowledged delete that can still be undone is, and all of it is back. Returns what must stay."""
    unsure = {place for asked in cut.standing.under_way for place in asked.effects}
    certain = cut.standing.certain
    for place, value in reversed(list(certain.items())):
        if not isinstance(value, Until) or place.kind != "change" or place in unsure:
            continue
        if any(each in unsure or certain.get(each) is not None for each, _ in value.brings):
            continue
        verdict.looked_at += 1
        try:
            _undo(stores, place.name)
        except RefloatError as problem:
            verdict.lost.append(f"change {place.name} cannot be undone: {problem.message}")
            return {}
        for each, digest in value.brings:
            _match(stores, each, digest, "undone", verdict)
        return dict(value.brings)
    return {}


def _undo(stores: Stores, change: str) -> None:
    cause = Cause(stores.at, change_id(bytes(8)), stores.at + HOUR)
    stores.metadata.write_now(lambda tx: undo(tx, UndoRequest(change), cause))


def _collect(stores: Stores, verdict: Verdict) -> None:
    """Collect as a machine does that was started again, until everything is over and due."""
    begun = time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1000
    for number in range(1, ROUNDS + 1):
        tick = Tick(stores.at + number * STEP, begun + number * STEP, "after the cut")
        done = run_round(stores.metadata, stores.blobs, tick, CollectTerms(HOUR, 400 * 24 * HOUR))
        if done.stopped is not None:
            verdict.lost.append(f"collection does not go on: {done.stopped}")
            return


def _strays(stores: Stores, verdict: Verdict) -> None:
    """When all is collected, a file without a live row is one that would stay for ever."""
    live, after = set[str](), ""
    while page := stores.metadata.verifying.live(after, 500):
        live |= {key.key for _, key in page}
        after = page[-1][0]
    for key in set(stores.blobs.keys()) - live:
        verdict.leaked.append(f"{key} was never collected")


def _reference(place: Place) -> Reference:
    return Digest(place.name) if ":" in place.name else Tag(place.name)
