"""The requests of a history, each with what the model makes of its answer."""

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlsplit

from tests.histories.bench import API, Answer, Bench
from tests.histories.model import Change, Model, Move, Wrong
from tests.histories.universe import Content, digest_of

BYTES = "application/octet-stream"


class Voice:
    """Speaks to the server and keeps the model in step. Raises Wrong where an answer cannot be."""

    def __init__(self, bench: Bench, model: Model) -> None:
        self.bench, self.model = bench, model

    # pushing

    def bring_blobs(self, repository: str, content: Content, source: str | None) -> None:
        """Upload what a manifest needs and the repository shows not, or mount it from another repository."""
        there = self.model.blobs(repository)
        for blob in content.blobs:
            if digest_of(blob) in there:
                continue
            if source is None:
                self.upload(repository, blob)
            else:
                self.mount(repository, source, blob)

    def upload(self, repository: str, blob: bytes) -> None:
        path = f"/v2/{repository}/blobs/uploads/?digest={digest_of(blob)}"
        self._expect(self.bench.ask("POST", path, blob, Content_Type=BYTES), 201)
        self._leased(repository, digest_of(blob))

    def keep(self, repository: str, content: Content) -> None:
        """Upload the bytes of a manifest as a blob: an index that names it may hold it from then on."""
        path = f"/v2/{repository}/blobs/uploads/?digest={content.digest}"
        self._expect(self.bench.ask("POST", path, content.body, Content_Type=BYTES), 201)
        self.model.kept[repository].add(content.digest)

    def _leased(self, repository: str, digest: str) -> None:
        self.model.leased[repository].add(digest)
        self.model.held[repository].add(digest)

    def mount(self, repository: str, source: str, blob: bytes) -> None:
        """Mount a blob, or where the source may not show it, upload it into the session that is offered."""
        digest = digest_of(blob)
        answer = self.bench.ask("POST", f"/v2/{repository}/blobs/uploads/?mount={digest}&from={source}")
        if digest in self.model.blobs(source):
            self._expect(answer, 201)
        elif digest not in self.model.leased[source]:
            self._expect(answer, 202)
        if answer.status == 202:
            place = urlsplit(answer.headers["location"])
            path = f"{place.path}?digest={quote(digest)}"
            self._expect(self.bench.ask("PUT", path, blob, Content_Type=BYTES), 201)
        self._leased(repository, digest)

    def release(self, repository: str, digest: str) -> None:
        """Delete a blob: only what nothing uses goes."""
        answer = self.bench.ask("DELETE", f"/v2/{repository}/blobs/{digest}")
        if digest in self.model.blobs(repository):
            self._expect(answer, 202)
        self._expect(answer, 202, 404)
        if answer.status == 202:
            self.bench.released.add(digest)
        self.model.leased[repository].discard(digest)
        self.model.held[repository].discard(digest)

    def put(self, repository: str, content: Content, reference: str, tags: Sequence[str] = ()) -> bool:
        """Put a manifest. False: it was refused because blobs are missing, as it may be."""
        more = "&".join(f"tag={tag}" for tag in tags)
        path = f"/v2/{repository}/manifests/{reference}" + (f"?{more}" if more else "")
        answer = self.bench.ask("PUT", path, content.body, Content_Type=content.media_type)
        held = self.model.blobs(repository, self.model.stored[repository]) | self.model.held[repository]
        known = content.digest in self.model.stored[repository] or content.needs <= held
        self._expect(answer, 201) if known else self._expect(answer, 201, 404)
        if answer.status != 201:
            return False
        self.model.stored[repository].add(content.digest)
        self.model.leased[repository] -= content.needs
        tags = [*tags] if ":" in reference else [reference, *tags]
        change = self._heard(answer, "push")
        if change is not None:
            self.model.apply(change)
            self._only_brought(change, repository)
        else:
            change = Change("of no moves", "push", [], "")
        self.model.check_brought(change, repository, dict.fromkeys([content.digest, *tags], content.digest))
        return True

    def _only_brought(self, change: Change, repository: str) -> None:
        if any(move.new is None or move.repository != repository for move in change.moves):
            raise Wrong(f"push {change.id} took something: {change.moves}")

    # deleting

    def delete(self, repository: str, reference: str) -> None:
        """Delete over the wire: a tag alone, or a manifest with its tags and referrers."""
        asked = [reference, *self.model.tags_on(repository, reference)]
        expected = self.model.deletion(repository, [reference], with_children=False)
        answer = self.bench.ask("DELETE", f"/v2/{repository}/manifests/{reference}")
        self._expect(answer, *(202 if each == 200 else each for each in expected))
        self.follow_deletion(self._heard(answer, "delete"), repository, asked, answer.status == 202)

    def follow_deletion(self, change: Change | None, repository: str, asked: Sequence[str], done: bool) -> None:
        """Take a deletion over into the model: what was asked is gone, with what follows a digest among it."""
        if change is None:
            if done:
                raise Wrong(f"the deletion of {asked} from {repository} made no change")
            return
        self.model.apply(change)
        if left := [reference for reference in asked if self.model.value(repository, reference) is not None]:
            raise Wrong(f"{change.kind} {change.id} left {left}")
        self.model.check_taken(change, repository, [each for each in asked if ":" in each], asked, with_children=False)

    def remove(self, repository: str, references: Sequence[str], scope: str) -> None:
        """Remove as a person means it: tags, and with scope `image` what was only theirs."""
        tags = {each for each in references if ":" not in each}
        digests = {each for each in references if ":" in each}
        asked = {*tags, *(tag for digest in digests for tag in self.model.tags_on(repository, digest))}
        if scope == "image":
            expected = self.model.deletion(repository, references, with_children=True)
            asked |= digests
        else:  # a digest means the tags on it, and stays itself
            missing = any(self.model.value(repository, each) is None for each in references)
            expected, digests = {404} if missing else {200}, set[str]()
        meant = {self.model.tips[repository][tag] for tag in tags} if 200 in expected else set[str]()
        images = [f"{repository}{'@' if ':' in each else ':'}{each}" for each in references]
        answer = self.bench.ask("POST", f"{API}/remove", json.dumps({"images": images, "scope": scope}).encode())
        self._expect(answer, *(expected - {200}), *({201 if asked else 200} if 200 in expected else ()))
        change = self._heard(answer, "rm")
        if change is None or answer.status != 201:
            return
        self.model.apply(change)
        if left := [each for each in asked if self.model.value(repository, each) is not None]:
            raise Wrong(f"rm {change.id} left {left}")
        if scope == "image":
            self._check_meant(change, repository, meant)
        gone = {each for each in meant if self.model.value(repository, each) is None} if scope == "image" else set()
        self.model.check_taken(change, repository, digests | gone, asked, with_children=scope == "image")

    def _check_meant(self, change: Change, repository: str, meant: set[str]) -> None:
        for digest in meant:
            if self.model.value(repository, digest) is not None and not self.model.is_needed(repository, digest):
                raise Wrong(f"rm {change.id} took the last tag on {digest} and left it")

    # bringing back

    def undo(self, change: Change, on_conflict: str) -> None:
        """Take a change back. The last one of all is taken back exactly."""
        expected, wish = self.model.undoing(change, on_conflict)
        is_last = self.model.is_last(change)
        answer = self._ask(f"changes/{change.id}/undo", {"on_conflict": on_conflict})
        undone = self._heard(answer, "undo")
        if undone is None:
            self._expect(answer, expected, *({200} if self._may_stay(wish) else ()))
            return
        self._expect(answer, expected)
        self.model.apply(undone)
        self._check_undone(undone, change, wish)
        if is_last and not change.first_pushed:
            self._check_exact(change, _list(answer, "left"))

    def _check_exact(self, change: Change, left: Sequence[dict[str, Any]]) -> None:
        """All is as it was, but for what was pushed anew and is a part of an index that was live without it."""
        for repository, tips in change.before.items():
            stays = {each["digest"] for each in left if each["repository"] == repository}
            if not all(self.model.parents(repository, digest) for digest in stays):
                raise Wrong(f"undo of the last change {change.id} left {sorted(stays)}, which no index has")
            if self.model.tips[repository] != tips | {digest: digest for digest in stays}:
                raise Wrong(f"undo of the last change {change.id} did not restore {repository} as it was")

    def _may_stay(self, wish: Mapping[tuple[str, str], str | None]) -> bool:
        """Would an undo only take manifests that something live needs?"""
        return all(
            value is None and ":" in reference and self.model.is_needed(repository, reference)
            for (repository, reference), value in wish.items()
        )

    def _check_undone(self, undone: Change, change: Change, wish: dict[tuple[str, str], str | None]) -> None:
        for repository in change.before:
            mine = {reference: value for (name, reference), value in wish.items() if name == repository}
            self.model.check_brought(undone, repository, {name: value for name, value in mine.items() if value})
            wanted_gone = {reference for reference, value in mine.items() if value is None}
            first = {each for name, each in change.first_pushed if name == repository}
            for reference in wanted_gone:
                stays = self.model.value(repository, reference) is not None
                if stays and not self.model.is_needed(repository, reference):
                    raise Wrong(f"undo {undone.id} left {reference}")
            roots = {each for each in wanted_gone & first if self.model.value(repository, each) is None}
            self.model.check_taken(undone, repository, roots, mine, with_children=True)

    def undo_as(self, change: Change, move: Move, name: str, on_conflict: str) -> None:
        """Bring one reference of a change back under another tag."""
        asked = {"on_conflict": on_conflict, "as": name, "reference": move.reference}
        expected = 400
        if move.old is not None:
            expected = self.model.naming(move.repository, name, move.old, on_conflict)
        answer = self._ask(f"changes/{change.id}/undo", asked)
        self._expect(answer, expected)
        self._named(self._heard(answer, "undo"), move.repository, name, move.old)

    def restore(
        self, repository: str, reference: str, revision: int | None, name: str | None, on_conflict: str
    ) -> None:
        """Bring a reference back to a value it had, here or under another name."""
        asked = {"reference": reference, "revision": revision, "as": name, "on_conflict": on_conflict}
        past = self.model.past[(repository, reference)]
        live = self.model.value(repository, reference) is not None
        value = past[-(revision or 1)].old if len(past) >= (revision or 1) else None
        if revision is None and live:
            expected = {400}
        elif value is None:
            expected = {404}
        else:
            expected = {self.model.naming(repository, name or reference, value, on_conflict if name else "replace")}
        answer = self._ask(f"repositories/{repository}/restore", {k: v for k, v in asked.items() if v is not None})
        self._expect(answer, *expected)
        self._named(self._heard(answer, "restore"), repository, name or reference, value)

    def _named(self, change: Change | None, repository: str, name: str, value: str | None) -> None:
        if change is None:
            return
        assert value is not None
        self.model.apply(change)
        self._only_brought(change, repository)
        self.model.check_brought(change, repository, {name: value, value: value})

    # what a request came to

    def change(self, name: str) -> Change:
        """Return a change from the server's history."""
        shown: dict[str, Any] = self.bench.ask("GET", f"{API}/changes/{name}").document()
        moves = [Move(each["repository"], each["reference"], each["old"], each["new"]) for each in shown["moves"]]
        return Change(shown["id"], shown["kind"], moves, shown["held_until"])

    def newest(self, repository: str) -> Change | None:
        """Return a repository's newest change."""
        answer = self.bench.ask("GET", f"{API}/changes?repository={repository}&n=1")
        shown = _list(answer, "changes") if answer.status == 200 else []
        return self.change(shown[0]["id"]) if shown else None

    def _heard(self, answer: Answer, kind: str) -> Change | None:
        """Return the change that an answer speaks of. Only a success may have made one."""
        name = answer.headers.get("refloat-change")
        if (name is not None) != (answer.status in (201, 202)) and kind != "push":
            raise Wrong(f"{kind} was answered {answer.status} with change {name}")
        if name is None:
            return None
        change = self.change(name)
        if change.kind != kind or not change.moves:
            raise Wrong(f"{kind} {name} is recorded as {change}")
        return change

    def _ask(self, path: str, body: Mapping[str, object]) -> Answer:
        return self.bench.ask("POST", f"{API}/{path}", json.dumps(body).encode())

    def _expect(self, answer: Answer, *statuses: int) -> None:
        if answer.status not in statuses:
            raise Wrong(f"was answered {answer.status}, not {statuses}: {answer.body[:300]!r}; {self.bench.trace[-1]}")


def _list(answer: Answer, name: str) -> list[dict[str, Any]]:
    entries = answer.document()[name]
    assert isinstance(entries, list)
    return entries
