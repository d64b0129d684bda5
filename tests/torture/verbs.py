"""What clients do with one image whose lock they have. Each keeps its standing in step with the answers."""

import json
import random
import time
from collections.abc import Callable

from tests.torture.content import Blob, Manifest
from tests.torture.shelf import NOTHING, Deletion, Image, Shelf, Standing
from tests.torture.wire import Answer, Wire

API = "/v2/_refloat/v1"
TRIES = 4


class Verbs:
    """The verbs, over the wire."""

    def __init__(self, wire: Wire, shelf: Shelf) -> None:
        self.wire = wire
        self.shelf = shelf

    # pushing

    def push(self, image: Image, rng: random.Random, others: list[str]) -> None:
        """Push all of an image. A manifest that is refused because a hold was over is tried again, blobs first."""
        for manifest in image.content.manifests:
            path = image.tag_path if manifest is image.content.main else image.path(manifest)
            self._push_manifest(image, manifest, path, rng, others)
        self.shelf.count("images pushed")

    def _push_manifest(
        self, image: Image, manifest: Manifest, path: str, rng: random.Random, others: list[str]
    ) -> None:
        for _ in range(TRIES):
            promised = min((self._bring(image.repository, blob, rng, others) for blob in manifest.blobs), default=0)
            after = image.standing.joined_by(manifest.digest, tagged=path == image.tag_path)
            with self.shelf.putting():
                answer = self._certain(image, after, lambda: self._put(path, manifest))
            if answer.status == 201:
                image.standing = after
                image.accepted.add(manifest.digest)
                return
            self.expect(answer.code() == "MANIFEST_BLOB_UNKNOWN", f"PUT {path} answered {told(answer)}")
            self.expect(time.monotonic() >= promised, f"PUT {path} was refused while its blobs were promised")
            self.shelf.count("manifests refused after a hold was over")
        raise TooSlowError(path)

    def _put(self, path: str, manifest: Manifest) -> Answer:
        return self.wire.ask("PUT", path, manifest.body, Content_Type=manifest.media_type)

    def _bring(self, repository: str, blob: Blob, rng: random.Random, others: list[str]) -> float:
        """See to it that the repository holds a blob. Returns until when it is promised to."""
        begun, way = time.monotonic(), rng.random()
        if way < 0.5:
            answer = self.wire.ask("HEAD", f"/v2/{repository}/blobs/{blob.digest}")
            if answer.status == 200:
                self.shelf.count("uploads spared by HEAD")
                return begun + self.shelf.terms.lease / 2
            self.expect(answer.status == 404, f"HEAD of a blob answered {answer.status}")
        elif way < 0.6:
            source = rng.choice(others)
            query = f"mount={blob.digest}&from={source}"
            answer = self.wire.ask("POST", f"/v2/{repository}/blobs/uploads/?{query}", b"")
            if answer.status == 201:
                self.shelf.count("blobs mounted")
                return begun + self.shelf.terms.lease
            self.expect(answer.status == 202, f"mount answered {told(answer)}")
            return self._upload(blob, answer, begun, 0)
        session = self.wire.ask("POST", f"/v2/{repository}/blobs/uploads/", b"")
        return self._upload(blob, session, begun, len(blob.content) // 2 if way > 0.9 else 0)

    def _upload(self, blob: Blob, session: Answer, begun: float, first: int) -> float:
        """Send a blob to a session: its first bytes in a chunk of their own, if any, and the rest."""
        self.expect(session.status == 202, f"POST of an upload answered {told(session)}")
        place = self._place(session)
        if first:
            answer = self.wire.ask("PATCH", place, blob.content[:first], Content_Range=f"0-{first - 1}")
            self._check_session(answer, 202, begun)
            begun, place = time.monotonic(), self._place(answer)
            self.shelf.count("uploads in chunks")
        put = f"{place}{'&' if '?' in place else '?'}digest={blob.digest}"
        asked = time.monotonic()
        answer = self.wire.ask("PUT", put, blob.content[first:], Content_Type="application/octet-stream")
        self._check_session(answer, 201, begun)
        self.shelf.count("blobs uploaded")
        return asked + self.shelf.terms.lease

    def _check_session(self, answer: Answer, wanted: int, begun: float) -> None:
        """A session may be unknown only after it stood still for too long, as on a machine that is busy."""
        if answer.status == wanted:
            return
        expired = answer.code() == "BLOB_UPLOAD_UNKNOWN" and time.monotonic() >= begun + self.shelf.terms.idle
        self.expect(
            expired, f"an upload answered {told(answer)} {time.monotonic() - begun:.1f} s after the last answer"
        )
        raise TooSlowError("upload")

    def _place(self, session: Answer) -> str:
        return session.headers["location"].removeprefix(f"http://{self.wire.address}")

    # deleting and taking back

    def delete(self, image: Image, way: str, *, final: bool) -> None:
        """Delete an image by `tag`, by `digest`, or with `rm`; it can be taken back."""
        before, after = image.standing, self._after(image, way)
        begun = time.monotonic()
        answer = self._certain(image, after, lambda: self._ask_delete(image, way))
        self.expect(answer.status in (201, 202), f"delete by {way} of {image.tag_path} answered {told(answer)}")
        change = answer.headers.get("refloat-change", "")
        self.expect(bool(change), f"delete by {way} of {image.tag_path} names no change")
        image.standing, image.deletion = after, Deletion(change, before, begun, final)
        self.shelf.count(f"deletes by {way}")

    def _ask_delete(self, image: Image, way: str) -> Answer:
        if way == "rm":
            return self._remove(image.repository, [image.tag])
        path = image.tag_path if way == "tag" else image.path(image.content.main)
        return self.wire.ask("DELETE", path)

    def _remove(self, repository: str, tags: list[str]) -> Answer:
        body = json.dumps({"images": [f"{repository}:{tag}" for tag in tags]}).encode()
        return self.wire.ask("POST", f"{API}/remove", body, Content_Type="application/json")

    def _after(self, image: Image, way: str) -> Standing:
        if way == "tag":
            return Standing(False, image.standing.present)
        if way == "digest":
            return Standing(False, frozenset(child.digest for child in image.content.children))
        return NOTHING

    def take_back(self, image: Image, way: str) -> None:
        """Take a deletion back by `undo`, or by putting the saved manifest (`put`). It may fail only when it is due."""
        deletion = image.deletion
        assert deletion is not None
        answer = self._certain(image, deletion.before, lambda: self._ask_back(image, deletion, way))
        image.deletion = None
        if answer.status == 201:
            image.standing = deletion.before
            self.shelf.count("deletes taken back by undo" if way == "undo" else "deletes taken back by PUT")
            if time.monotonic() >= deletion.begun + self.shelf.terms.window:
                self.resolve(image, None)  # too late to have been promised whole
            return
        due = time.monotonic() >= deletion.begun + self.shelf.terms.window
        self.expect(due, f"{way} of {deletion.change} ({image.tag_path}) answered {told(answer)} within the window")
        self.shelf.count("deletes whose window was over")
        self.resolve(image, None)

    def _ask_back(self, image: Image, deletion: Deletion, way: str) -> Answer:
        if way == "undo":
            path = f"{API}/changes/{deletion.change}/undo"
            return self.wire.ask("POST", path, b"{}", Content_Type="application/json")
        return self.wire.ask("PUT", image.tag_path, image.content.main.body)

    def bury(self, image: Image) -> None:
        """Delete what is left of an image, for good."""
        if image.standing.tagged:
            answer = self._certain(image, NOTHING, lambda: self._remove(image.repository, [image.tag]))
            self.expect(answer.status in (201, 202), f"rm of {image.tag_path} answered {told(answer)}")
            image.standing = NOTHING
        for manifest in reversed(image.content.manifests):
            if manifest.digest in image.standing.present:
                self._bury_manifest(image, manifest)
        image.deletion = None
        self.look(image, "buried")

    def _bury_manifest(self, image: Image, manifest: Manifest) -> None:
        after = Standing(False, image.standing.present - {manifest.digest})
        answer = self._certain(image, after, lambda: self.wire.ask("DELETE", image.path(manifest)))
        self.expect(answer.status == 202, f"DELETE of {image.path(manifest)} answered {told(answer)}")
        image.standing = after

    # reading

    def look(self, image: Image, when: str) -> None:
        """Read all of an image, and compare every byte with what its standing says."""
        tagged = self.wire.ask("GET", image.tag_path)
        main = image.content.main
        self._compare(tagged, main.body if image.standing.tagged else None, f"{image.tag_path} ({when})")
        for manifest in image.content.manifests:
            there = manifest.digest in image.standing.present
            answer = self.wire.ask("GET", image.path(manifest))
            self._compare(answer, manifest.body if there else None, f"{image.path(manifest)} ({when})")
            for place, blob in enumerate(manifest.blobs):
                if there or (place == 0 and manifest.digest in image.accepted):  # a config is in one image only
                    path = f"/v2/{image.repository}/blobs/{blob.digest}"
                    answer = self.wire.ask("GET", path)
                    self._compare(answer, blob.content if there else None, f"{path} of {image.tag_path} ({when})")
        self.shelf.count("images read and compared")

    def _compare(self, answer: Answer, body: bytes | None, what: str) -> None:
        if body is None:
            self.expect(answer.status == 404, f"{what} is deleted and answers {answer.status}")
        else:
            self.expect(answer.status == 200, f"{what} is LOST: {told(answer)}")
            self.expect(answer.body == body, f"{what} has other bytes")

    # when answers are lost

    def _certain(self, image: Image, after: Standing, ask: Callable[[], Answer]) -> Answer:
        image.perhaps = after
        answer = ask()
        image.perhaps = None
        return answer

    def resolve(self, image: Image, expected: tuple[Standing, ...] | None) -> None:
        """Find out where an image stands after an answer that is lost or came too late to promise anything."""
        lost = image.perhaps
        tagged = self.wire.ask("HEAD", image.tag_path).status == 200
        found = [each for each in image.content.manifests if self.wire.ask("HEAD", image.path(each)).status == 200]
        standing = Standing(tagged, frozenset(manifest.digest for manifest in found))
        if expected is not None:
            self.expect(standing in expected, f"{image.tag_path} is neither as before nor as after: {standing}")
        image.standing, image.perhaps, image.deletion = standing, None, None
        if lost is not None:
            image.accepted |= lost.present & standing.present
        self.look(image, "resolved")

    def expect(self, kept: bool, promise: str) -> None:
        if not kept:
            self.shelf.wrong(promise)
            raise BrokenPromiseError(promise)


class BrokenPromiseError(Exception):
    """The judge saw a promise broken."""


class TooSlowError(Exception):
    """A push was overtaken by the end of its leases again and again."""


def told(answer: Answer) -> str:
    return f"{answer.status} {answer.body[:300]!r}"
