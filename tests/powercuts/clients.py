"""Clients that push, overwrite, mount, delete and undo, and write down what they asked and were told."""

import json
import random
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.powercuts.journal import Effects, Journal, Place, Until
from tests.torture.content import CONFIG, LAYER, MANIFEST, Blob, Manifest, blob, descriptor, manifest
from tests.torture.wire import Answer, LostError, Wire

API = "/v2/_refloat/v1"
TAGS = ("latest", "v1", "v2", "v3", "v4")
MOST_LIVE = 6  # manifests of a repository, so that looking at all of them stays quick
SECOND = 1_000_000
REFLOAT = {"push": 10, "repeat": 2, "delete tag": 3, "delete digest": 4, "undo": 5}
"""How often a client does what."""

LONGEST_PAUSE = 0.02  # seconds between two turns: the judges need the processors too


class Pool:
    """Layers that many images share. Some are replaced now and then, so that old ones fall out of use."""

    def __init__(self, dice: random.Random) -> None:
        self._layers = [_layer(dice) for _ in range(20)]

    def pick(self, dice: random.Random) -> list[Blob]:
        """Return a few different layers."""
        if dice.random() < 0.3:
            self._layers[dice.randrange(len(self._layers))] = _layer(dice)
        picked = {layer.digest: layer for layer in dice.choices(self._layers, k=dice.randint(1, 3))}
        return list(picked.values())


def _layer(dice: random.Random) -> Blob:
    return blob(dice.randbytes(dice.choice((1, 300, 4096, 9000, 30_000))))


class Gate:
    """Where turns begin. While it is closed no client is in the middle of one."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._inside, self._is_open = 0, True

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait until the gate is open, and be inside."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_open)
            self._inside += 1
        try:
            yield
        finally:
            with self._changed:
                self._inside -= 1
                self._changed.notify_all()

    @contextmanager
    def closed(self) -> Iterator[None]:
        """Let nobody in, and wait until everybody is out."""
        with self._changed:
            self._is_open = False
            self._changed.wait_for(lambda: not self._inside)
        try:
            yield
        finally:
            with self._changed:
                self._is_open = True
                self._changed.notify_all()


@dataclass
class Shared:
    """What all clients of one server have: its address, the journal, the layers, the lease and window in seconds."""

    address: str
    journal: Journal
    pool: Pool
    lease: float
    window: float
    weights: Mapping[str, int] = field(default_factory=lambda: REFLOAT)
    gate: Gate = field(default_factory=Gate)
    stop: threading.Event = field(default_factory=threading.Event)


class Client:
    """One client with repositories that only it writes to. `problem` is what ended it before its time."""

    def __init__(self, number: int, clients: int, shared: Shared, dice: random.Random) -> None:
        self.name = f"client {number}"
        self._shared, self._dice = shared, dice
        self._wire = Wire(shared.address)
        self._own = [f"team{number}/api", f"team{number}/web"]
        self._others = [f"team{other}/api" for other in range(clients) if other != number]
        self._standing: dict[Place, str] = {}
        self._pushed: dict[str, Manifest] = {}
        self._undoable: dict[Place, Until] = {}
        self._thread = threading.Thread(target=self._run, name=self.name, daemon=True)
        self.problem: Exception | None = None

    def start(self) -> None:
        """Begin to take turns."""
        self._thread.start()

    def join(self, seconds: float) -> None:
        """Wait until the last turn is over."""
        self._thread.join(seconds)

    def take_turn(self, kind: str) -> None:
        """Do one thing of a kind, if there is anything to do it to. Only for who has the gate."""
        turns = {
            "push": self._push,
            "repeat": self._repeat,
            "delete tag": self._delete_tag,
            "delete digest": self._delete_digest,
            "undo": self._take_back,
        }
        turns[kind](self._dice.choice(self._own))

    def _run(self) -> None:
        """Take turns until told to stop, or until the server is gone."""
        names, weights = list(self._shared.weights), list(self._shared.weights.values())
        try:
            while not self._shared.stop.is_set():
                with self._shared.gate.turn():
                    self.take_turn(self._dice.choices(names, weights)[0])
                self._shared.stop.wait(self._dice.uniform(0, LONGEST_PAUSE))
        except LostError as lost:
            self.problem = None if self._shared.stop.is_set() else lost
        except Exception as problem:  # noqa: BLE001  # told to whoever started this thread
            self.problem = problem
        finally:
            self._wire.close()

    # one turn of each

    def _push(self, repository: str) -> None:
        if self._is_full(repository):
            self._delete_digest(repository)
        config = blob(json.dumps({"made": self._dice.getrandbits(64)}).encode())
        layers = self._shared.pool.pick(self._dice)
        document: dict[str, object] = {
            "config": descriptor(CONFIG, config.digest, config.content),
            "layers": [descriptor(LAYER, layer.digest, layer.content) for layer in layers],
        }
        image = manifest(MANIFEST, document, (config, *layers))
        for part in image.blobs:
            self._bring(repository, part)
        self._put(repository, self._dice.choice(TAGS), image)

    def _repeat(self, repository: str) -> None:
        """Push again what was pushed before, be it there or deleted, and all its blobs."""
        if not self._pushed or self._is_full(repository):
            return
        image = self._dice.choice(list(self._pushed.values())[-20:])
        for part in image.blobs:
            self._bring(repository, part)
        self._put(repository, self._dice.choice(TAGS), image)

    def _delete_tag(self, repository: str) -> None:
        tags = [place for place in self._live(repository) if ":" not in place.name]
        if tags:
            self._delete("delete tag", self._dice.choice(tags), ())

    def _delete_digest(self, repository: str) -> None:
        digests = [place for place in self._live(repository) if ":" in place.name]
        if digests:
            place = self._dice.choice(digests)
            tags = [tag for tag in self._live(repository) if self._standing[tag] == place.name and tag != place]
            self._delete("delete digest", place, tags)

    def _take_back(self, _: str) -> None:
        """Undo a delete, early enough to have been promised."""
        soon = _now() + int(self._shared.window * SECOND / 2)
        changes = [place for place, until in self._undoable.items() if until.instant > soon]
        if not changes:
            return
        change = self._dice.choice(changes)
        brings = dict(self._undoable.pop(change).brings)
        number = self._shared.journal.begin("undo", {**brings, change: None})
        answer = self._ask("POST", f"{API}/changes/{change.name}/undo", b"{}", Content_Type="application/json")
        _expect(answer, 201)
        self._shared.journal.acknowledge(number)
        self._standing.update(brings)

    # the requests

    def _put(self, repository: str, tag: str, image: Manifest) -> None:
        places = [Place("manifest", repository, tag), Place("manifest", repository, image.digest)]
        held = {Place("blob", repository, part.digest): None for part in image.blobs}
        effects: Effects = {**dict.fromkeys(places, image.digest), **held, **self._in_the_way(places)}
        number = self._shared.journal.begin("push", effects)
        path = f"/v2/{repository}/manifests/{tag}"
        answer = self._ask("PUT", path, image.body, Content_Type=image.media_type)
        if answer.status in (400, 404) and answer.code() in ("MANIFEST_BLOB_UNKNOWN", "BLOB_UNKNOWN"):
            self._shared.journal.refuse(number)  # slower than the lease
            return
        _expect(answer, 201)
        self._shared.journal.acknowledge(number)
        self._standing.update(dict.fromkeys(places, image.digest))
        self._pushed[image.digest] = image

    def _delete(self, what: str, place: Place, more: Sequence[Place]) -> None:
        places = (place, *more)
        effects: Effects = {**dict.fromkeys(places, None), **self._in_the_way(places)}
        brings = tuple((each, self._standing[each]) for each in places)
        until = Until(_now() + int(self._shared.window * SECOND), brings)
        number = self._shared.journal.begin(what, effects)
        answer = self._ask("DELETE", f"/v2/{place.repository}/manifests/{place.name}")
        _expect(answer, 202)
        for each in places:
            del self._standing[each]
        change = Place("change", place.repository, answer.headers.get("refloat-change", ""))
        if not change.name:  # a registry without undo
            self._shared.journal.acknowledge(number)
            return
        self._shared.journal.acknowledge(number, {change: until})
        self._undoable[change] = until

    def _in_the_way(self, places: Sequence[Place]) -> dict[Place, None]:
        """Changes that cannot simply be undone any more when something new happens to these places."""
        blocked = {change for change, until in self._undoable.items() if _meets(until, places)}
        for change in blocked:
            del self._undoable[change]
        return dict.fromkeys(blocked, None)

    def _bring(self, repository: str, part: Blob) -> None:
        way = self._dice.random()
        if way < 0.2 and self._ask("HEAD", f"/v2/{repository}/blobs/{part.digest}").status == 200:
            return
        place = Place("blob", repository, part.digest)
        until = Until(_now() + int(self._shared.lease * SECOND))
        uploads = f"/v2/{repository}/blobs/uploads/"
        if way < 0.5:
            number = self._shared.journal.begin("mount", {place: None})
            answer = self._ask("POST", f"{uploads}?mount={part.digest}&from={self._dice.choice(self._others)}", b"")
            if answer.status == 201:
                self._shared.journal.acknowledge(number, {place: until})
                return
            self._shared.journal.refuse(number)
        else:
            answer = self._ask("POST", uploads, b"")
        _expect(answer, 202)
        self._upload(answer, place, part, len(part.content) // 2 if way > 0.8 else 0)

    def _upload(self, answer: Answer, place: Place, part: Blob, first: int) -> None:
        if first:
            sent = {"Content_Range": f"0-{first - 1}", "Content_Type": "application/octet-stream"}
            answer = self._ask("PATCH", self._location(answer), part.content[:first], **sent)
            _expect(answer, 202)
        until = Until(_now() + int(self._shared.lease * SECOND))
        number = self._shared.journal.begin("blob", {place: None})
        path = self._location(answer)
        path += f"{'&' if '?' in path else '?'}digest={part.digest}"
        _expect(self._ask("PUT", path, part.content[first:], Content_Type="application/octet-stream"), 201)
        self._shared.journal.acknowledge(number, {place: until})

    def _ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
        return self._wire.ask(method, path, body, **headers)

    def _location(self, answer: Answer) -> str:
        return answer.headers["location"].removeprefix(f"http://{self._shared.address}")

    def _live(self, repository: str) -> list[Place]:
        return [place for place in self._standing if place.repository == repository]

    def _is_full(self, repository: str) -> bool:
        return sum(":" in place.name for place in self._live(repository)) >= MOST_LIVE


def _meets(until: Until, places: Sequence[Place]) -> bool:
    names = {place.name for place in places}
    return any(place in places or value in names for place, value in until.brings)


def _expect(answer: Answer, status: int) -> None:
    if answer.status != status:
        raise RuntimeError(f"answered {answer.status}, not {status}: {answer.body[:300]!r}")


def _now() -> int:
    return time.time_ns() // 1000
