"""A registry's day in one process: push, push again, delete, collect, heal. Each answer is told as it is given.

Run as a program it tries the day once for every durable operation in it, each time on a fresh directory,
dying before that operation, and then looks at what is left:

    python -m tests.crash.scenario DIRECTORY      prints one JSON line: how many deaths, and what was wrong
"""

import asyncio
import json
import os
import signal
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from refloat import durable
from refloat.blobs.filesystem import FileBlobs
from refloat.core.clock import Tick
from refloat.core.errors import RefloatError
from refloat.core.identity import change_id, key_at
from refloat.core.media import OCI_MANIFEST
from refloat.core.names import Digest, RepositoryName, Tag
from refloat.core.records import Cause, Upload
from refloat.metadata.migrate import migrate
from refloat.metadata.store import SqliteMetadata
from refloat.ports import Transaction
from refloat.usecases import pull, upload
from refloat.usecases.collect import CollectTerms, Round, run_round
from refloat.usecases.delete import delete_reference
from refloat.usecases.push import ManifestPush, push_manifest
from refloat.usecases.undo import UndoRequest, undo

T = TypeVar("T")
Tell = Callable[[str], None]
HOUR = 3600 * 1_000_000
DAY = 24 * HOUR
START = 1_764_000_000_000_000
REPOSITORY = RepositoryName("team/api")
MANY = 1000  # more operations than a day has: then something never ends


@dataclass
class Registry:
    """The stores of one directory, and a clock that is put forward by hand."""

    directory: Path
    now: int = START
    tell: Tell = field(default=lambda _: None)

    def __post_init__(self) -> None:
        migrate(self.directory / "refloat.db")
        self.blobs = FileBlobs(self.directory, 0.0)
        self.metadata = SqliteMetadata(self.directory / "refloat.db", self.directory, self.blobs.make_room)

    def close(self) -> None:
        self.metadata.close()
        self.blobs.close()

    def write(self, work: Callable[[Transaction], T]) -> T:
        return self.metadata.write_now(work)

    def blob(self, content: bytes) -> Digest:
        """Push a blob as a client does: a session, an append, the end."""
        self.now += 1000
        session = Upload(os.urandom(8).hex(), REPOSITORY, key_at(self.now, os.urandom(10)), 0, 0, self.now + DAY)
        self.write(lambda tx: upload.begin(tx, session))
        self.blobs.create(session.key)
        with self.blobs.open_upload(session) as file:
            file.cut(0)
            file.append(content)
            found = self.write(lambda tx: upload.record_append(tx, session, len(content), self.now + DAY, self.now))
            digest = Digest.of(content)
            asyncio.run(self.blobs.seal(session.key))
            trusted = upload.judge_live(self.metadata.read, self.blobs, digest, self.now)
            terms = upload.Terms(self.now, len(content), HOUR, HOUR)
            self.write(lambda tx: upload.finish(tx, found, digest, trusted, terms))
        self.tell(f"blob {digest}")
        return digest

    def image(self, tag: str, *layers: bytes) -> Digest:
        """Push an image whole."""
        digests = [self.blob(content) for content in (b"{}", *layers)]
        descriptors = [{"mediaType": "application/x", "digest": digest, "size": 1} for digest in digests]
        document = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": descriptors[0], "layers": descriptors[1:]}
        push = ManifestPush(Tag(tag), json.dumps(document).encode(), "")
        pushed = self.write(lambda tx: push_manifest(tx, REPOSITORY, push, self.cause()))
        self.tell(f"pushed {tag} {pushed.digest}")
        return pushed.digest

    def cause(self) -> Cause:
        self.now += 1000
        return Cause(self.now, change_id(os.urandom(8)), self.now + DAY)

    def collect(self) -> Round:
        tick = Tick(self.now, self.now - START, "one")
        return run_round(self.metadata, self.blobs, tick, CollectTerms(HOUR, 400 * DAY))


def live_through(registry: Registry) -> None:
    """One day, told step by step: what is announced may have happened, what is told has."""
    registry.metadata.backup(START)  # names no bytes yet, so it keeps none
    registry.image("v1", b"shared", b"first")
    registry.image("v2", b"shared", b"second")
    registry.tell("deleting v1")
    first = registry.write(lambda tx: delete_reference(tx, REPOSITORY, Tag("v1"), registry.cause()))
    assert first.change is not None
    registry.tell("deleted v1")
    registry.write(lambda tx: undo(tx, UndoRequest(str(first.change)), registry.cause()))
    registry.tell("undone v1")
    stored = registry.metadata.read.manifest(REPOSITORY, Tag("v1"))
    assert stored is not None
    registry.tell(f"deleting v1 {stored.digest}")
    registry.write(lambda tx: delete_reference(tx, REPOSITORY, stored.digest, registry.cause()))
    registry.tell(f"deleted v1 {stored.digest}")
    registry.now += 2 * DAY
    registry.collect()
    registry.now += 2 * DAY
    registry.collect()
    registry.image("v3", b"first", b"third")


def die_at(number: int, directory: Path) -> tuple[bool, list[str]]:
    """Live a day in another process that dies before its n-th durable operation. True: it lived to the end."""
    hear, tell = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(hear)
        _be_a_child(number, directory, tell)
    os.close(tell)
    with os.fdopen(hear) as news:
        told = news.read().splitlines()
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
        return False, told
    if status != 0:
        raise RuntimeError("\n".join(told))
    return True, told


def _be_a_child(number: int, directory: Path, tell: int) -> None:
    def say(line: str) -> None:
        os.write(tell, line.encode() + b"\n")

    try:
        durable._crash_at = number
        live_through(Registry(directory, tell=say))
    except BaseException:  # noqa: BLE001  # told to the parent, which raises
        say(traceback.format_exc())
        os._exit(1)
    os._exit(0)


def wrong_in(registry: Registry, told: list[str]) -> list[str]:
    """Return what is not as it was promised, after a death and again after everything due was collected."""
    promised, deleted, unsure = _promises(told)
    problems = [*_integrity(registry), *_lost(registry, promised, unsure), *_readable(registry, deleted - unsure)]
    registry.now = START + 30 * DAY
    for _ in range(4):
        registry.collect()
        registry.now += 3 * DAY
    problems += [*_integrity(registry), *_lost(registry, promised, unsure), *_strays(registry)]
    try:
        registry.image("after", b"first", b"shared")
    except RefloatError as problem:
        problems.append(f"pushing afterwards: {problem.message}")
    return problems


def _promises(told: list[str]) -> tuple[dict[str, str], set[str], set[str]]:
    """Return tags and digests that were acknowledged, those that are gone, and those in between."""
    promised: dict[str, str] = {}
    deleted, unsure = set[str](), set[str]()
    for line in told:
        verb, *names = line.split()
        if verb == "pushed":
            promised[names[0]] = names[1]
            promised[names[1]] = names[1]
        elif verb == "deleting":
            unsure = set(names)
        elif verb == "deleted":
            deleted |= set(names)
            unsure = set(names) if len(names) == 1 else set()  # a tag is put back by the next step
        elif verb == "undone":
            deleted, unsure = set(), set()
    return {name: digest for name, digest in promised.items() if name not in deleted}, deleted, unsure


def _lost(registry: Registry, promised: dict[str, str], unsure: set[str]) -> list[str]:
    problems = []
    for name, digest in promised.items():
        reference = Digest(name) if ":" in name else Tag(name)
        stored = registry.metadata.read.manifest(REPOSITORY, reference)
        if stored is None:
            problems += [f"lost {name}"] if name not in unsure else []
            continue
        if stored.digest != digest:
            problems.append(f"{name} is at {stored.digest}, not {digest}")
        document = json.loads(stored.body)
        for descriptor in (document["config"], *document["layers"]):
            problems += _unreadable(registry, Digest(descriptor["digest"]), name)
    return problems


def _unreadable(registry: Registry, digest: Digest, name: str) -> list[str]:
    try:
        blob = pull.open_blob(registry.metadata.read, registry.blobs, REPOSITORY, digest, registry.now)
    except RefloatError as problem:
        return [f"{name}: {problem.message}"]
    whole = Digest.of(registry.blobs.path(blob.key).read_bytes())
    return [] if whole == digest else [f"{name}: {digest} has the bytes of {whole}"]


def _readable(registry: Registry, deleted: set[str]) -> list[str]:
    names = [Digest(name) if ":" in name else Tag(name) for name in deleted]
    return [f"{name} is readable" for name in names if registry.metadata.read.manifest(REPOSITORY, name) is not None]


def _integrity(registry: Registry) -> list[str]:
    read = registry.metadata.read._execute
    problems = [f"foreign key: {row}" for row in read("PRAGMA foreign_key_check")]
    problems += [f"{row[0]}" for row in read("PRAGMA integrity_check") if row[0] != "ok"]
    for digest, key, size in read("SELECT digest, key, size FROM blobs").fetchall():
        if registry.blobs.size(key) != size:
            problems.append(f"live {digest} has {registry.blobs.size(key)} bytes, not {size}")
    known = {row[0] for row in read("SELECT key FROM keys")}
    return problems + [f"no row explains {key}" for key in list(registry.blobs.keys()) if key not in known]


def _strays(registry: Registry) -> list[str]:
    live = {row[0] for row in registry.metadata.read._execute("SELECT key FROM keys WHERE state = 'live'")}
    return [f"{key} was never collected" for key in set(registry.blobs.keys()) - live]


def main(place: Path) -> dict[str, object]:
    """Die at every operation there is. Returns how many there were, and for each what was wrong afterwards."""
    wrong: dict[int, list[str]] = {}
    for number in range(1, MANY):
        directory = place / str(number)
        ended, told = die_at(number, directory)
        problems = _judge(directory, told)
        if problems:
            wrong[number] = [*problems, *told]
        if ended:
            return {"deaths": number - 1, "told": told, "wrong": wrong}
    raise RuntimeError(f"no day ends within {MANY} operations")


def _judge(directory: Path, told: list[str]) -> list[str]:
    """Look at a directory in a process of its own: a server started again knows nothing of the one that died."""
    hear, tell = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            problems = wrong_in(Registry(directory), told)
        except BaseException:  # noqa: BLE001  # that is a problem too
            problems = [traceback.format_exc()]
        os.write(tell, "\0".join(problems).encode())
        os._exit(0)
    os.close(tell)
    with os.fdopen(hear) as news:
        text = news.read()
    os.waitpid(child, 0)
    return text.split("\0") if text else []


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]))))
