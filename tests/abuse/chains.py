"""Chains of referrers and indexes in indexes, longer than any function may call itself, and what every verb makes of
them."""

import http.client
import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from tests.abuse.attack import Attack
from tests.abuse.bystander import Bystander
from tests.abuse.patterns import changed_code
from tools.content import CONFIG, INDEX, MANIFEST, Part
from tools.proof.part import Effort, Outcome
from tools.serving import Served
from tools.wire import Answer, Wire

API = "/v2/_refloat/v1"
NAME = "team/chain"
LENGTH, SHORTEST = 20_000, 1_100  # a thousand calls within each other are what Python allows
AT_ONCE = 8  # connections that push
PATIENCE = 900  # seconds: a change of very many moves is one transaction
BLOB = Part(CONFIG, b"{}")
RECURSIVE = """
    for step in steps:
        if _follows(view, proposal, step, following):
            _walk(view, proposal, _taken(view, proposal, step), following)
    return
    pending = [*reversed(steps)]
"""


def referrers(count: int) -> Iterator[Part]:
    """An image, a referrer to it, a referrer to that, and so on."""
    last: Part | None = None
    for number in range(count):
        document: dict[str, object] = {
            "schemaVersion": 2, "config": BLOB.descriptor(), "layers": [], "annotations": {"number": f"{number}"},
        }  # fmt: skip
        if last is not None:
            document["subject"] = last.descriptor()
        last = Part(MANIFEST, json.dumps(document).encode())
        yield last


def nest(count: int) -> Iterator[Part]:
    """An image, an index with it, an index with that, and so on."""
    last = next(referrers(1))
    yield last
    for _ in range(count - 1):
        last = Part(INDEX, json.dumps({"schemaVersion": 2, "manifests": [last.descriptor()]}).encode())
        yield last


def push(wire: Wire, parts: Sequence[Part], top: Part) -> None:
    """Push a chain, by several connections, and then a tag on what takes all of it along."""
    wire.push_blob(NAME, BLOB)
    with ThreadPoolExecutor(AT_ONCE) as threads:
        list(threads.map(partial(_push, wire.address), [parts[first::AT_ONCE] for first in range(AT_ONCE)]))
    wire.push_manifest(NAME, "top", top)


def _push(address: str, parts: Sequence[Part]) -> None:
    connection = http.client.HTTPConnection(address, timeout=60)
    for part in parts:
        path = f"/v2/{NAME}/manifests/{part.digest}"
        connection.request("PUT", path, part.body, {"Content-Type": part.media_type})
        reply = connection.getresponse()
        reply.read()
        if reply.status != 201:
            raise RuntimeError(f"answered {reply.status}")
    connection.close()


class Chain:
    """A chain at a server, and what is asked about it; what is answered otherwise than it should be is counted."""

    def __init__(self, served: Served, parts: Sequence[Part], top: Part, outcome: Outcome) -> None:
        self._served, self._parts, self._top, self._outcome = served, parts, top, outcome
        self._far = parts[0] if top is parts[-1] else parts[-1]

    def go_through(self) -> None:
        """Look at it, compare it, take it away in every way and bring it back, and end it for good."""
        self._look()
        for body in ({"images": [f"{NAME}:top"]}, {"images": ["team/**:t*"]}, {"repositories": [NAME]}):
            self._expect("POST", f"{API}/remove", {**body, "dry_run": True}, statuses=(200,))
            self._undo(self._expect("POST", f"{API}/remove", body))
        self._undo(self._expect("DELETE", f"/v2/{NAME}/manifests/{self._top.digest}", statuses=(202,)))
        self._expect("POST", f"{API}/purge", {"image": f"{NAME}@{self._far.digest}", "dry_run": True}, statuses=(200,))
        self._expect("POST", f"{API}/purge", {"image": f"{NAME}:top"}, statuses=(200, 201))
        self._see(404)

    def _look(self) -> None:
        base = f"{API}/repositories/{NAME}"
        for path in (
            "images",
            "images?which=untagged",
            "image?reference=top",
            f"comparison?old=top&new={self._far.digest}",
        ):
            self._expect("GET", f"{base}/{path}", statuses=(200,))

    def _undo(self, answer: Answer) -> None:
        self._see(404 if answer.status == 201 else None)
        self._expect("POST", f"{API}/changes/{answer.headers.get('refloat-change')}/undo", {})
        self._see(200)

    def _see(self, status: int | None) -> None:
        """Are the tag, both ends and the middle all there, or all gone?"""
        middle = self._parts[len(self._parts) // 2]
        for reference in ("top", self._top.digest, middle.digest, self._far.digest) if status else ():
            found = self._served.wire.manifest(NAME, reference).status
            if found != status:
                self._outcome.lose(f"{reference[:19]} of {len(self._parts)} answers {found} instead of {status}")

    def _expect(self, method: str, path: str, body: object = None, *, statuses: Sequence[int] = (200, 201)) -> Answer:
        token = (self._served.root / "refloat" / "admin.token").read_text().strip()
        connection = http.client.HTTPConnection(self._served.address, timeout=PATIENCE)
        document = None if body is None else json.dumps(body).encode()
        connection.request(method, path, document, {"Refloat-Admin-Token": token})
        reply = connection.getresponse()
        answer = Answer(reply.status, {name.lower(): value for name, value in reply.getheaders()}, reply.read())
        connection.close()
        self._outcome.tried += 1
        if answer.status not in statuses:
            self._outcome.lose(f"{method} {path[:60]} of {len(self._parts)}: {answer.status} {answer.body[:100]!r}")
        return answer


KINDS: Sequence[Callable[[int], Iterator[Part]]] = (referrers, nest)


def run(effort: Effort) -> Outcome:
    """Push each kind of chain, and ask every verb about it; a change is one transaction, however much it moves."""
    outcome = Outcome()
    for kind in KINDS:
        _try(effort, kind, effort.times(LENGTH, least=SHORTEST), {}, outcome)
    return outcome


def _try(
    effort: Effort, kind: Callable[[int], Iterator[Part]], count: int, settings: dict[str, str], outcome: Outcome
) -> None:
    parts, place = list(kind(count)), effort.directory / kind.__name__
    place.mkdir()
    with Served(place / "root", place / "log", settings) as served:
        top = parts[0] if kind is referrers else parts[-1]
        push(served.wire, parts, top)
        with Bystander(served.address) as other:
            Chain(served, parts, top, outcome).go_through()
        for failure in other.failures[:3]:
            outcome.lose(f"another client's {failure}")
    outcome.notes.append(
        f"{kind.__name__}: another client waited at most {other.longest:.1f} s for a chain of {count:,}"
    )


def run_planted(effort: Effort) -> Outcome:
    """Try a short chain with a walk that calls itself for each of its members."""
    outcome = Outcome()
    settings = changed_code(
        effort.directory / "src", "core/removal.py", "    pending = [*reversed(steps)]\n", RECURSIVE
    )
    _try(effort, referrers, SHORTEST, settings, outcome)
    return outcome


ATTACK = Attack(
    name="chains",
    run=run,
    planted="what follows is walked by a function that calls itself",
    run_planted=run_planted,
)
