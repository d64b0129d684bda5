"""Floods of manifests that name as much as one may, of uploads and of tags; then all of it is deleted and collected.

Meanwhile somebody else pushes, also while it is deleted and collected. Then what they pushed is deleted too, and in the
end the database and its log take no more room than if nothing had been.
"""

import http.client
import json
import random
import shutil
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from tests.abuse.attack import Attack
from tests.abuse.bystander import REPOSITORY as BYSTANDER
from tests.abuse.bystander import Bystander
from tools.content import INDEX
from tools.proof.part import Effort, Outcome
from tools.provision import HOME
from tools.serving import Served
from tools.wire import Answer

MOST = 30_000  # digests that one manifest may name
INDEXES = 40
UPLOADS = 2000
TAGS = 40  # of one push
AT_ONCE = 40  # clients that push large manifests
OTHERS = 4  # clients that begin uploads and push tags
MEANWHILE = 5  # rounds of the collector beside another client
ROUNDS = 20
LONGEST_ROUND = 600.0  # seconds, on a loaded machine
ROOM = 8 << 20  # bytes that the database, and its log, may take more than before
REPOSITORY = "flood"
BUNDLE = "application/vnd.example.bundle.v1+json"
SHORT = {f"REGISTRY_REFLOAT_{name}": "1s" for name in ("WINDOW", "GRAVEYARD", "UPLOADS_IDLE", "HISTORY_KEEP")}
SETTINGS = {**SHORT, "REGISTRY_REFLOAT_WORKERS": "2"}

UNBOUND = (
    ("core/manifest.py", "MOST_NAMED = 30_000", "MOST_NAMED = 10**9"),
    ("metadata/waiting.py", "ROWS_AT_ONCE = 2000", "ROWS_AT_ONCE = 10**9"),
    ("metadata/batches.py", "LONGEST = 0.1 ", "LONGEST = 1e9 "),
    ("metadata/store.py", '"small" if is_small else "wide"', '"small"'),
)
"""What makes the writer take whatever waits in the order it came, in one transaction."""
UNBOUND_CHILDREN = 45_000
UNBOUND_INDEXES = 20


@dataclass(frozen=True, slots=True)
class Flood:
    """What is pushed: so many manifests, each of which names so much, and so many uploads and tags."""

    indexes: int
    names: int
    uploads: int


def run(effort: Effort) -> Outcome:
    """Flood a server of two workers, delete, and collect."""
    flood = Flood(effort.times(INDEXES, least=4), MOST, effort.times(UPLOADS, least=40))
    outcome = Outcome()
    with Served(effort.directory / "root", effort.directory / "log", SETTINGS) as served:
        before = _sizes(served)
        with Bystander(served.address) as bystander:
            _push(served, flood, effort, outcome)
            _delete(served, outcome, REPOSITORY, f"{REPOSITORY}/**")
            for _ in range(MEANWHILE):
                _run_round(served, outcome)
        bystander.judge(outcome, effort)
        _delete(
            served, outcome, BYSTANDER
        )  # the more they were answered the more they have, and nobody took it from them
        after = _collect(served, before, outcome)
    outcome.notes.append(f"another client waited {bystander.longest:.2f} s at most, in {bystander.answers} requests")
    outcome.notes.append(f"the database and its log took {_told(before)} before and {_told(after)} after")
    return outcome


def run_planted(effort: Effort) -> Outcome:
    """The same without a bound and with one queue for all."""
    source = effort.directory / "src"
    shutil.copytree(HOME / "src", source, ignore=shutil.ignore_patterns("__pycache__"))
    for name, old, new in UNBOUND:
        file = source / "refloat" / name
        text = file.read_text("utf-8")
        assert text.count(old) == 1, name
        file.write_text(text.replace(old, new), "utf-8")
    settings = {**SHORT, "PYTHONPATH": str(source), "PYTHONDONTWRITEBYTECODE": "1"}
    outcome = Outcome()
    with Served(effort.directory / "root", effort.directory / "log", settings) as served:
        with Bystander(served.address) as bystander:
            _push(served, Flood(UNBOUND_INDEXES, UNBOUND_CHILDREN, 0), effort, outcome)
        bystander.judge(outcome, replace(effort, scale=1.0))
    return outcome


def _push(served: Served, flood: Flood, effort: Effort, outcome: Outcome) -> None:
    """Let every client push at once, then look whether what was acknowledged is there."""
    dice = random.Random(effort.seed)
    bodies = [_vast(number, flood.names, dice) for number in range(flood.indexes)]
    with ThreadPoolExecutor(AT_ONCE) as large, ThreadPoolExecutor(OTHERS) as others:
        pushes = [large.submit(_put, served, f"v{number}", *body) for number, body in enumerate(bodies)]
        little = [others.submit(_begin_or_tag, served, number) for number in range(flood.uploads)]
    outcome.tried += len(pushes) + len(little)
    for number, (push, (body, media_type)) in enumerate(zip(pushes, bodies, strict=True)):
        if push.exception() is not None or push.result().status != 201:
            continue  # refused is no promise
        stored = served.wire.ask("GET", f"/v2/{REPOSITORY}/manifests/v{number}", Accept=media_type)
        if stored.body != body:
            outcome.lose(f"manifest {number} was acknowledged and answers {stored.status}")
    if not any(push.exception() is None and push.result().status == 201 for push in pushes):
        outcome.lose("no large manifest was taken at all")


def _vast(number: int, names: int, dice: random.Random) -> tuple[bytes, str]:
    """Return a manifest that names so much, in a row or anywhere, and its type: an index or one nobody knows."""
    hexes = [f"{dice.getrandbits(256) if number % 2 else number * 10**6 + each:064x}" for each in range(names)]
    entries = [{"digest": f"sha256:{name}"} for name in hexes]
    if number % 4 == 3:
        return json.dumps({"number": number, "parts": entries}, separators=(",", ":")).encode(), BUNDLE
    return json.dumps({"schemaVersion": 2, "manifests": entries}, separators=(",", ":")).encode(), INDEX


def _put(served: Served, tag: str, body: bytes, media_type: str) -> Answer:
    return served.wire.ask("PUT", f"/v2/{REPOSITORY}/manifests/{tag}", body, Content_Type=media_type)


def _begin_or_tag(served: Served, number: int) -> Answer:
    if number % 4:
        return served.wire.ask("POST", f"/v2/{REPOSITORY}/uploads/blobs/uploads/")
    tags = "&".join(f"tag=t{number}-{each}" for each in range(TAGS))
    body = json.dumps({"schemaVersion": 2, "manifests": [], "annotations": {"n": f"{number}"}}).encode()
    path = f"/v2/{REPOSITORY}/tags/manifests/t{number}?{tags}"
    return served.wire.ask("PUT", path, body, Content_Type=INDEX)


def _delete(served: Served, outcome: Outcome, *repositories: str) -> None:
    removal = json.dumps({"repositories": repositories}).encode()
    answer = served.wire.ask("POST", "/v2/_refloat/v1/remove", removal)
    outcome.tried += 1
    if answer.status not in (200, 201):
        outcome.lose(f"what was pushed cannot be deleted: {answer.status} {answer.body[:200]!r}")


def _collect(served: Served, before: Sequence[int], outcome: Outcome) -> Sequence[int]:
    """Collect until the room is there again. Returns what the database and its log take then."""
    for _ in range(ROUNDS):
        _run_round(served, outcome)
        after = _sizes(served)
        if all(now <= then + ROOM for now, then in zip(after, before, strict=True)):
            return after
    outcome.leak(f"after {ROUNDS} rounds the database and its log take {_told(after)} and not {_told(before)}")
    return after


def _run_round(served: Served, outcome: Outcome) -> None:
    time.sleep(1.0)  # what the rounds are apart
    outcome.tried += 1
    connection = http.client.HTTPConnection(served.address, timeout=LONGEST_ROUND)
    try:
        connection.request("POST", "/v2/_refloat/v1/collect", b"{}")
        connection.getresponse().read()
    finally:
        connection.close()


def _sizes(served: Served) -> Sequence[int]:
    files = [served.root / "refloat" / name for name in ("refloat.db", "refloat.db-wal")]
    return [file.stat().st_size if file.exists() else 0 for file in files]


def _told(sizes: Sequence[int]) -> str:
    return " and ".join(f"{size / (1 << 20):.1f} MiB" for size in sizes)


ATTACK = Attack("floods", run, "no bound on what one manifest names, and one queue for all", run_planted)
