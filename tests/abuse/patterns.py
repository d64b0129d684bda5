"""Patterns that a matcher which tries again would never be done with, and more of them than anybody needs."""

import json
import os
import shutil
import signal
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle, islice
from pathlib import Path

from tests.abuse.attack import Attack
from tests.abuse.bystander import BUSY_PATIENCE, Bystander
from tools.content import CONFIG, MANIFEST, Part
from tools.proof.part import Effort, Outcome
from tools.provision import HOME
from tools.serving import Served
from tools.wire import Wire

API = "/v2/_refloat/v1"
TAGS, REPOSITORIES, REQUESTS, AT_ONCE = 1000, 50, 200, 4
LARGEST = 1000  # patterns in one request
MANY_STARS = "*a" * 60 + "b"
PROTECT = f'["app/guarded:{MANY_STARS}"]'
BLOB = Part(CONFIG, b"{}")
REPEATING = """
    def ends_in(self, row):
        import re
        stands_for = {"**": ".*", "*": "[^/]*", "?": "[^/]"}
        pattern = "".join(stands_for.get(part, re.escape(part)) for part in self._parts)
        ends, place = 0, -1
        for text in row.texts:
            place += len(text) + 1
            ends |= (re.fullmatch(pattern, text) is not None) << place
        return ends

    def as_it_was(self, row: Row[S]) -> int:
"""
"""A matcher made of a regular expression, as there was one."""


def fill(wire: Wire, effort: Effort) -> None:
    """Push tags and repositories of one letter again and again, which many stars fit in many ways."""
    body = json.dumps({"schemaVersion": 2, "config": BLOB.descriptor(), "layers": []}).encode()
    manifest = Part(MANIFEST, body)
    tags = [f"{'a' * 120}{number:04d}" for number in range(effort.times(TAGS))] + ["a" * 120]
    names = ["app/hostile", "app/guarded", *_names(effort.times(REPOSITORIES))]
    for name in names:
        wire.push_blob(name, BLOB)
        wire.push_manifest(name, "a" * 120, manifest)
    for first in range(0, len(tags), 10):
        more = "&".join(f"tag={tag}" for tag in tags[first + 1 : first + 10])
        wire.push_manifest("app/hostile", f"{tags[first]}?{more}", manifest)


def _names(count: int) -> Iterator[str]:
    for number in range(count):
        yield "/".join(["a" * 20] * 10) + f"/{'a' * 20}{number}"


def hostile(effort: Effort) -> Iterator[tuple[str, dict[str, object]]]:
    """Yield requests that cost much where patterns are not compared in time linear in both lengths."""
    many = effort.times(LARGEST, least=20)
    fitting = [f"app/*:*{'a*' * 30}{number % 10}{number // 10 % 10}*" for number in range(many)]
    missing = [f"**:{'*a' * (number % 60)}*b{number}" for number in range(many)]
    everywhere = [f"{'**a' * 40}**{number}" for number in range(many)]
    bodies: list[dict[str, object]] = [
        {"images": [f"app/hostile:{MANY_STARS}"], "dry_run": True},
        {"images": [f"app/hostile:{MANY_STARS}"]},
        {"images": [f"{'*a' * 60}*/**a*:{'?' * 60}{MANY_STARS[:60]}"], "dry_run": True},
        {"repositories": [f"{'**a' * 60}b"]},
        {"untagged": [f"{'*a*/' * 10}b"], "dry_run": True},
        {"images": fitting, "dry_run": True},
        {"images": missing},
        {"untagged": everywhere},
        {"images": missing, "repositories": everywhere, "untagged": everywhere},
        {"images": [f"app/hostile:{'a' * 110}*?"], "older_than_seconds": 86400},
    ]
    for body in cycle(bodies):
        yield f"{API}/remove", body


def run(effort: Effort) -> Outcome:
    """Ask a server for removals by such patterns, several at once, and delete a tag that an operator's are about."""
    outcome = Outcome()
    place = effort.directory
    with Served(place / "root", place / "log", {"REGISTRY_REFLOAT_PROTECT": PROTECT}) as served:
        fill(served.wire, effort)
        requests = list(islice(hostile(effort), effort.times(REQUESTS, least=20)))
        with Bystander(served.address) as other, ThreadPoolExecutor(AT_ONCE) as threads:
            for problem in threads.map(lambda each: _ask(served.wire, *each), requests):
                outcome.tried += 1
                if problem:
                    outcome.lose(problem)
            served.wire.delete("app/guarded", "a" * 120).expect(202)
        other.judge(outcome, effort)
        if served.wire.manifest("app/hostile", "a" * 120).status != 200:
            outcome.lose("a tag is gone that no pattern matches")
    return outcome


def _ask(wire: Wire, path: str, body: Mapping[str, object]) -> str | None:
    """Send a hostile request. Returns what is wrong with the answer."""
    try:
        status = wire.ask("POST", path, json.dumps(body).encode()).status
    except OSError as problem:
        return f"no answer to {str(body)[:100]}: {problem!r}"
    return None if status in (200, 201, 400, 404) else f"{status} for {str(body)[:100]}"


def changed_code(place: Path, where: str, old: str, new: str) -> dict[str, str]:
    """Copy the code to a place and change one line of it. Returns the setting by which a server runs it."""
    shutil.copytree(HOME / "src", place, ignore=shutil.ignore_patterns("__pycache__"))
    path = place / "refloat" / where
    text = path.read_text()
    if text.count(old) != 1:
        raise RuntimeError(f"{where} has not exactly one {old!r}")
    path.write_text(text.replace(old, new))
    return {"PYTHONPATH": str(place)}


def run_planted(effort: Effort) -> Outcome:
    """Send one such pattern to a server that makes a regular expression of it, until the bystander has had enough."""
    outcome, place = Outcome(), effort.directory
    settings = changed_code(place / "src", "core/globs.py", "    def ends_in(self, row: Row[S]) -> int:\n", REPEATING)
    with Served(place / "root", place / "log", settings) as served:
        fill(served.wire, effort)
        _, body = next(hostile(effort))
        sent = threading.Thread(target=_ask, args=(served.wire, f"{API}/remove", body), daemon=True)
        with Bystander(served.address) as other:
            sent.start()
            sent.join(BUSY_PATIENCE + 2)
            if served.process is not None:
                os.killpg(served.process.pid, signal.SIGKILL)  # it hears of nothing gentler
        outcome.tried += 1
        other.judge(outcome, effort)
    return outcome


ATTACK = Attack(
    name="patterns",
    run=run,
    planted="patterns are made regular expressions",
    run_planted=run_planted,
)
