"""What is looked at after each step and at the end of a history: does the server show what the model says?"""

import json
import random
import time
from collections.abc import Iterable
from typing import TypeVar

from tests.histories.bench import API, Bench
from tests.histories.model import Change, Model, Wrong
from tests.histories.universe import BLOBS, CONTENT, digest_of

T = TypeVar("T")
PATIENCE, ROUNDS = 5.0, 30  # seconds and rounds until what is due must be gone: it takes three, a millisecond apart


class Watch:
    """Compares a server with a model. `dice` picks what is looked at, the same in a repeated history."""

    def __init__(self, bench: Bench, model: Model, repositories: list[str], dice: random.Random) -> None:
        self.bench, self.model, self.repositories, self.dice = bench, model, repositories, dice

    def some(self) -> None:
        """Look at a little of one repository."""
        repository = self.dice.choice(self.repositories)
        self.tags(repository)
        self.pull(repository, self._some(self.model.tips[repository], 2))
        self.gone(repository, self._some(self._once(repository), 2))
        self.blobs_gone(repository, self._some(BLOBS, 1))
        if self.dice.random() < 0.1:
            self.catalog()
            self.referrers(repository, self._some(CONTENT, 1))
            self.undoable(self._some(self.model.changes, 1))

    def everything(self) -> None:
        """Look at all of it."""
        self.catalog()
        for repository in self.repositories:
            self.tags(repository)
            once = self._once(repository)
            manifests = {*self.model.stored[repository], *(each for each in once if ":" in each)}
            self.pull(repository, self.model.tips[repository])
            self.gone(repository, once)
            self.blobs_gone(repository, self.model.blobs(repository, manifests))
            self.referrers(repository, manifests)
        self.undoable(self.model.changes)

    def _some(self, things: Iterable[T], count: int) -> list[T]:
        chosen = list(things)
        return self.dice.sample(chosen, min(count, len(chosen)))

    def _once(self, repository: str) -> list[str]:
        """References that pointed to something and do not now."""
        once = [reference for known, reference in self.model.past if known == repository]
        return [reference for reference in once if self.model.value(repository, reference) is None]

    def pull(self, repository: str, references: Iterable[str]) -> None:
        """What is live pulls byte for byte: the manifest under its type, and every blob."""
        blobs = set[bytes]()
        for reference in references:
            content = CONTENT[self.model.tips[repository][reference]]
            answer = self.bench.ask("GET", f"/v2/{repository}/manifests/{reference}")
            told = (answer.status, answer.body, answer.headers.get("content-type"))
            if told != (200, content.body, content.media_type):
                raise Wrong(f"{repository}:{reference} is live and was answered {answer.status}: {answer.body[:200]!r}")
            blobs.update(content.blobs)
        for blob in blobs:
            self._pull_blob(repository, blob)

    def _pull_blob(self, repository: str, blob: bytes) -> None:
        answer = self.bench.ask("GET", f"/v2/{repository}/blobs/{digest_of(blob)}")
        if (answer.status, answer.body) != (200, blob):
            raise Wrong(f"{blob!r} is part of a live manifest of {repository} and was answered {answer.status}")

    def gone(self, repository: str, references: Iterable[str]) -> None:
        """What was deleted cannot be read."""
        for reference in references:
            answer = self.bench.ask("GET", f"/v2/{repository}/manifests/{reference}")
            if answer.status != 404:
                raise Wrong(f"{repository}:{reference} was deleted and is answered {answer.status}")

    def blobs_gone(self, repository: str, digests: Iterable[str]) -> None:
        """Nor can blobs that nothing live uses, unless they were uploaded or mounted and not used since."""
        readable = self.model.blobs(repository) | self.model.leased[repository]
        for digest in digests:
            if digest not in readable:
                answer = self.bench.ask("HEAD", f"/v2/{repository}/blobs/{digest}")
                if answer.status != 404:
                    raise Wrong(f"{digest} is used by nothing live of {repository} and is answered {answer.status}")

    def tags(self, repository: str) -> None:
        answer = self.bench.ask("GET", f"/v2/{repository}/tags/list")
        shown = answer.document()["tags"] if answer.status == 200 else []
        if shown != self.model.tags(repository):
            raise Wrong(f"{repository} has tags {self.model.tags(repository)}, {shown} are shown")

    def catalog(self) -> None:
        first = self.repositories[0].rpartition("/")[0]
        shown = self.bench.ask("GET", f"/v2/_catalog?n=10&last={first}").document()["repositories"]
        assert isinstance(shown, list)
        mine = [name for name in shown if name.startswith(f"{first}/")]
        if mine != [repository for repository in self.repositories if self.model.tips[repository]]:
            raise Wrong(f"the catalog shows {mine}")

    def referrers(self, repository: str, subjects: Iterable[str]) -> None:
        for subject in subjects:
            shown = self.bench.ask("GET", f"/v2/{repository}/referrers/{subject}").document()["manifests"]
            assert isinstance(shown, list)
            if [each["digest"] for each in shown] != self.model.referrers(repository, subject):
                raise Wrong(f"{subject} has other referrers in {repository} than {shown}")

    def undoable(self, changes: Iterable[Change]) -> None:
        """What is said to be undoable is what the model still has the manifests for, and in its window all is."""
        for change in changes:
            shown = self.bench.ask("GET", f"{API}/changes/{change.id}").document()
            moves = change.moves
            kept = all(move.old is None or move.old in self.model.stored[move.repository] for move in moves)
            if shown["undoable"] != kept or (self.bench.windows == "days" and not kept):
                raise Wrong(f"change {change.id} is said to be undoable: {shown['undoable']}")

    # when all is due

    def collect(self) -> dict[str, object]:
        """Run a round; the model lets go of what is due by the round's clock."""
        answer = self.bench.ask("POST", f"{API}/collect", b"{}")
        if answer.status != 200:
            raise Wrong(f"a round was answered {answer.status}: {answer.body!r}")
        done = answer.document()
        self.model.pass_until(str(done["clock"]))
        if self.bench.windows == "at once":
            self.model.held.clear()
        return done

    def disk(self) -> None:
        """Collect until all that is due is gone: each blob in use is there once, and no other file is."""
        deadline, rounds = time.monotonic() + PATIENCE, 0
        while (difference := self._unexplained()) or not all(change.pruned for change in self.model.changes):
            if time.monotonic() > deadline and rounds >= ROUNDS:
                raise Unexplained(f"after {rounds} rounds: {difference or 'changes are not let go'}")
            self.collect()
            rounds += 1

    def _unexplained(self) -> str:
        found = sorted(digest_of(path.read_bytes()) for path in self.bench.files())
        needed = sorted(set().union(*(self.model.blobs(each, self.model.stored[each]) for each in self.repositories)))
        lost, loose = set(needed) - set(found), list(found)
        for digest in needed:
            if digest in loose:
                loose.remove(digest)
        if lost:
            raise Wrong(f"no file has the bytes of {sorted(lost)}")
        may = {digest_of(CONTENT[part].body) for each in self.repositories for part in self.model.kept_parts(each)}
        loose = [digest for digest in loose if digest not in may]
        return json.dumps(loose) if loose else ""


class Unexplained(AssertionError):
    """Bytes stay though nothing needs them."""
