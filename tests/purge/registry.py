"""A registry's real stores, what is purged in them, and a search through every byte of the directory."""

import asyncio
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from refloat.core.closing import Rules
from refloat.core.identity import key_at
from refloat.core.media import OCI_INDEX, OCI_MANIFEST
from refloat.core.names import Digest, Reference, RepositoryName, Tag
from refloat.core.records import Cause, Upload
from refloat.usecases import purge, upload
from refloat.usecases.push import ManifestPush, push_manifest
from refloat.usecases.remove import Selection, remove
from refloat.usecases.unblock import unblock
from refloat.usecases.undo import UndoRequest, undo
from tests.crash import registry as stores
from tests.crash.registry import HOUR, REPOSITORY

OTHER = RepositoryName("team/web")
SECRET = b"a secret layer: hunter2 "
NOTE = "a secret note"


@dataclass
class Registry(stores.Registry):
    """The stores, with images that name a secret in a layer and in their manifest."""

    rules: Rules = field(default_factory=Rules)

    def cause(self) -> Cause:
        cause = super().cause()
        return Cause(cause.at, cause.change, cause.held_until, rules=self.rules)

    def manifest(self, *layers: bytes, note: str = "", subject: Digest | None = None) -> bytes:
        """Bring the blobs of an image and return its manifest, not yet put."""
        digests = [self.blob(content) for content in (b"{}", *layers)]
        config, *rest = [{"mediaType": "application/x", "digest": digest, "size": 1} for digest in digests]
        document: dict[str, object] = {
            "schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": rest,
            "annotations": {"note": note},
        }  # fmt: skip
        if subject is not None:
            document["subject"] = {"mediaType": OCI_INDEX, "digest": subject, "size": 1}
        return json.dumps(document).encode()

    def index(self, *children: bytes, note: str = "") -> bytes:
        entries = [{"mediaType": OCI_MANIFEST, "digest": Digest.of(child), "size": 1} for child in children]
        document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries, "annotations": {"note": note}}
        return json.dumps(document).encode()

    def put(self, body: bytes, tag: str | None = None, repository: RepositoryName = REPOSITORY) -> Digest:
        push = ManifestPush(Tag(tag) if tag else Digest.of(body), body, "")
        return self.write(lambda tx: push_manifest(tx, repository, push, self.cause())).digest

    def secret(self, tag: str) -> Digest:
        """Push an image with a secret layer and a secret note."""
        return self.put(self.manifest(b"base", SECRET, note=NOTE), tag)

    def mount(self, digest: Digest, source: RepositoryName = REPOSITORY, into: RepositoryName = OTHER) -> bool:
        return self.write(lambda tx: upload.mount(tx, into, source, digest, self.now, HOUR))

    def rm(self, *references: Reference) -> str:
        done = self.write(lambda tx: remove(tx, Selection({REPOSITORY: references}), self.cause(), "image"))
        assert done.change is not None
        return done.change

    def undo(self, change: str) -> None:
        self.write(lambda tx: undo(tx, UndoRequest(change), self.cause()))

    def begin(self, content: bytes) -> Upload:
        """Begin an upload that is never finished."""
        self.now += 1000
        session = Upload(f"u{self.now}", REPOSITORY, key_at(self.now, bytes(10)), 0, 0, self.now + stores.DAY)
        self.write(lambda tx: upload.begin(tx, session))
        self.blobs.create(session.key)
        with self.blobs.open_upload(session) as file:
            file.cut(0)
            file.append(content)
            return self.write(
                lambda tx: upload.record_append(tx, session, len(content), self.now + stores.DAY, self.now)
            )

    def enter(self, session: Upload, content: bytes, digest: Digest) -> None:
        """Finish an upload that has its content."""
        asyncio.run(self.blobs.seal(session.key))
        trusted = upload.judge_live(self.metadata.read, self.blobs, digest, self.now)
        terms = upload.Terms(self.now, len(content), HOUR, HOUR)
        self.write(lambda tx: upload.finish(tx, session, digest, trusted, terms))

    def request(self, digest: Digest, scope: purge.Scope = "repository") -> purge.PurgeRequest:
        names = purge.names_of(self.metadata, self.blobs, digest)
        return purge.PurgeRequest(f"{REPOSITORY}@{digest}", REPOSITORY, names, scope)

    def purge(self, digest: Digest, scope: purge.Scope = "repository") -> purge.Whole:
        request = self.request(digest, scope)
        whole = self.metadata.purge(lambda tx: purge.purge(tx, request, self.cause()))
        purge.finish(self.metadata, self.blobs, self.now)
        return whole

    def unblock(self, digest: Digest) -> None:
        self.metadata.purge(lambda tx: unblock(tx, digest, self.cause()))
        purge.keep_notes(self.metadata)

    def start_again(self) -> None:
        """Open the directory as the next start does."""
        self.close()
        self.__post_init__()
        purge.reconcile(self.metadata, self.blobs, self.now)


def found(directory: Path, *contents: bytes) -> Mapping[str, list[bytes]]:
    """Return the files of a directory that hold any of `contents`, byte for byte."""
    return dict(_found(directory, contents))


def _found(directory: Path, contents: tuple[bytes, ...]) -> Iterator[tuple[str, list[bytes]]]:
    for path in directory.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            if held := [content for content in contents if content in data]:
                yield str(path.relative_to(directory)), held
