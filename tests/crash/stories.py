"""Short stories of a registry, each a list of steps. Told again they come to the same state, step by step."""

import asyncio
import json
import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from refloat.core.identity import key_at
from refloat.core.media import OCI_INDEX, OCI_MANIFEST
from refloat.core.names import Digest, Reference, RepositoryName, Tag
from refloat.core.records import Upload
from refloat.ports import Transaction
from refloat.usecases import purge, upload, verify
from refloat.usecases.delete import delete_reference
from refloat.usecases.push import ManifestPush, push_manifest
from refloat.usecases.remove import Selection, remove
from refloat.usecases.undo import RestoreRequest, UndoRequest, restore, undo
from tests.crash.registry import DAY, HOUR, REPOSITORY, START, Registry
from tests.crash.restarts import keep_copy, put_backup_back, put_copy_back, update, vouch

Step = Callable[[Registry], object]
WEB = RepositoryName("team/web")
SPOILED = b"spoiled by the disk"
SECRET = b"a secret that is purged"
EMPTY = Digest.of(b"{}")


def push(tag: str, *layers: bytes) -> Step:
    return lambda registry: registry.image(tag, *layers)


def push_chunks(tag: str, *chunks: bytes) -> Step:
    """An image whose layer came in several requests."""

    def step(registry: Registry) -> None:
        session = _begin(registry)
        for chunk in chunks:
            session = _append(registry, session, chunk)
        _finish(registry, session, b"".join(chunks))
        registry.image(tag, b"".join(chunks))

    return step


def abandon(*chunks: bytes) -> Step:
    """An upload that its client never ends."""

    def step(registry: Registry) -> None:
        session = _begin(registry)
        for chunk in chunks:
            session = _append(registry, session, chunk)

    return step


def cancel(chunk: bytes) -> Step:
    def step(registry: Registry) -> None:
        session = _append(registry, _begin(registry), chunk)
        registry.free(lambda tx: upload.cancel(tx, session, registry.now))

    return step


def mount(tag: str, *layers: bytes) -> Step:
    """The same image in another repository, its blobs mounted."""

    def step(registry: Registry) -> None:
        digests = [Digest.of(content) for content in (b"{}", *layers)]
        for digest in digests:
            registry.write(partial(_mounted, registry=registry, digest=digest))
        _put(registry, WEB, Tag(tag), _manifest(digests))

    return step


def index(tag: str, *seeds: bytes) -> list[Step]:
    """An index over an index over images, and an image that refers to it: one manifest a step."""
    images = [_manifest([EMPTY, Digest.of(seed)]) for seed in seeds]
    inner = _index([Digest.of(image) for image in images])
    outer = _index([Digest.of(inner)])
    signature = _manifest([EMPTY], Digest.of(outer))
    bring = [partial(Registry.blob, content=content) for content in (b"{}", *seeds)]
    by_digest = [partial(_put, repository=REPOSITORY, tag=None, body=body) for body in (*images, inner)]
    tagged = partial(_put, repository=REPOSITORY, tag=Tag(tag), body=outer)
    return [*bring, *by_digest, tagged, partial(_put, repository=REPOSITORY, tag=None, body=signature)]


def delete(tag: str) -> Step:
    return _delete(Tag(tag))


def delete_image(*layers: bytes) -> Step:
    """Delete by digest the image with these layers."""
    return _delete(Digest.of(_manifest([Digest.of(content) for content in (b"{}", *layers)])))


def _delete(reference: Reference) -> Step:
    return lambda registry: registry.free(lambda tx: delete_reference(tx, REPOSITORY, reference, registry.cause()))


def rm(*names: str) -> Step:
    references = [Tag(name) for name in names]
    return lambda registry: registry.free(
        lambda tx: remove(tx, Selection({REPOSITORY: references}), registry.cause(), "image")
    )


def take_back(back: int = 1) -> Step:
    """Take back the change so many changes ago, by force."""

    def step(registry: Registry) -> None:
        change = registry.metadata.listing.changes(None, None, back)[-1]
        registry.free(lambda tx: undo(tx, UndoRequest(change.id, "replace"), registry.cause()))

    return step


def go_back(tag: str, revision: int) -> Step:
    request = RestoreRequest(REPOSITORY, Tag(tag), revision=revision)
    return lambda registry: registry.free(lambda tx: restore(tx, request, registry.cause()))


def days_pass(days: int) -> Step:
    def step(registry: Registry) -> None:
        registry.now += days * DAY
        registry.collect()

    return step


def back_up(day: int) -> Step:
    return lambda registry: registry.metadata.backup(START + day * DAY)


def purged(content: bytes) -> Step:
    """End a layer for good, with every image that has it."""
    names = (Digest.of(content), Digest.of(content, "sha512"))

    def step(registry: Registry) -> None:
        request = purge.PurgeRequest(f"{REPOSITORY}@{names[0]}", REPOSITORY, names, "everywhere")
        registry.metadata.purge(lambda tx: purge.purge(tx, request, registry.cause()))
        purge.finish(registry.metadata, registry.blobs, registry.now)

    return step


def spoil(registry: Registry) -> None:
    """The disk turns a bit in a blob; no durable operation of ours."""
    live = registry.metadata.read.live_key(Digest.of(SPOILED))
    assert live is not None
    path = registry.blobs.path(live.key)
    path.write_bytes(path.read_bytes().replace(b"spoiled", b"Spoiled"))


def repair(registry: Registry) -> None:
    terms = verify.VerifyTerms("bytes", "repair", registry.now)
    verify.verify(registry.metadata, registry.blobs, terms, lambda _: None)


def stray(registry: Registry) -> None:
    """A whole file that no row explains; somebody else's work."""
    path = registry.blobs.path(key_at(START, bytes(10)))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"whose?")


def _begin(registry: Registry) -> Upload:
    registry.now += 1000
    key = key_at(registry.now, os.urandom(10))
    session = Upload(os.urandom(8).hex(), REPOSITORY, key, 0, 0, registry.now + DAY)
    registry.write(lambda tx: upload.begin(tx, session))
    registry.blobs.create(session.key)
    return session


def _append(registry: Registry, session: Upload, chunk: bytes) -> Upload:
    with registry.blobs.open_upload(session) as file:
        file.cut(session.size)
        file.append(chunk)
        size, expires = file.size, registry.now + DAY
        recorded = registry.write(lambda tx: upload.record_append(tx, session, size, expires, registry.now))
        file.recorded(recorded)
    return recorded


def _finish(registry: Registry, session: Upload, content: bytes) -> None:
    digest = Digest.of(content)
    asyncio.run(registry.blobs.seal(session.key))
    trusted = upload.judge_live(registry.metadata.read, registry.blobs, digest, registry.now)
    terms = upload.Terms(registry.now, len(content), HOUR, HOUR)
    registry.write(lambda tx: upload.finish(tx, session, digest, trusted, terms))


def _mounted(tx: Transaction, *, registry: Registry, digest: Digest) -> bool:
    return upload.mount(tx, WEB, REPOSITORY, digest, registry.now, HOUR)


def _put(registry: Registry, repository: RepositoryName, tag: Tag | None, body: bytes) -> Digest:
    request = ManifestPush(tag or Digest.of(body), body, "")
    return registry.write(lambda tx: push_manifest(tx, repository, request, registry.cause())).digest


def _manifest(digests: Sequence[Digest], subject: Digest | None = None) -> bytes:
    first, *layers = [{"mediaType": "application/x", "digest": digest, "size": 1} for digest in digests]
    document: dict[str, object] = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": first, "layers": layers}
    if subject is not None:
        document["subject"] = {"mediaType": OCI_INDEX, "digest": subject, "size": 1}
    return json.dumps(document).encode()


def _index(children: Sequence[Digest]) -> bytes:
    entries = [{"mediaType": OCI_MANIFEST, "digest": digest, "size": 1} for digest in children]
    return json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}).encode()


STORIES: Mapping[str, Sequence[Step]] = {
    "a day": [back_up(0), push("v1", b"shared", b"first"), push("v2", b"shared", b"second"), delete("v1"), take_back(),
              delete_image(b"shared", b"first"), days_pass(2), days_pass(2), push("v3", b"first", b"third")],
    "chunks": [push_chunks("v1", b"one", b"two", b"three"), push_chunks("v2", b"one", b"two", b"three"),
               push_chunks("v3", b"four", b"five")],
    "the same again": [push("v1", b"a", b"b"), push("v1", b"a", b"b"), mount("w1", b"a", b"b"), push("v2", b"b", b"c"),
                       mount("w2", b"b", b"c")],
    "an index": [*index("i", b"x", b"y"), rm("i"), take_back(), delete("i"), take_back(), rm("i"), days_pass(3),
                 days_pass(3)],
    "overwritten": [push("v1", b"a"), push("v1", b"b"), go_back("v1", 1), push("v1", b"c"), take_back(2), rm("v1"),
                    take_back(), take_back()],
    "never finished": [abandon(b"some"), cancel(b"thing"), push("v1", b"a"), abandon(b"a"), days_pass(2), days_pass(2),
                       abandon(b"more", b"and more")],
    "collected and pushed again": [back_up(0), push("v1", b"a", b"b"), push("v2", b"b", b"c"), rm("v1"), days_pass(2),
                                   push("v3", b"a"), days_pass(2), rm("v2", "v3"), days_pass(2), push("v1", b"a", b"b"),
                                   days_pass(2)],
    "backups": [push("v1", b"a"), *[back_up(day) for day in range(9)], rm("v1"), days_pass(2), back_up(9),
                days_pass(3)],
    "spoiled": [push("v1", SPOILED, b"a"), spoil, stray, repair, push("v1", SPOILED, b"a"), push("v2", SPOILED)],
    "many at once": [*[push(f"v{n}", b"shared", b"layer %d" % n) for n in range(6)], rm("v0", "v2", "v4"), take_back(),
                     rm("v1", "v3"), days_pass(2), days_pass(2)],
    "a backup put back": [push("v1", b"a"), push("v2", b"b"), days_pass(1), back_up(1), rm("v1"), *[days_pass(2)] * 3,
                          put_backup_back, vouch, push("v3", b"a", b"c"), rm("v2"), days_pass(2), days_pass(2)],
    "purged": [push("v1", b"a", SECRET), back_up(0), abandon(SECRET), push("v2", b"a"), rm("v1"),
               *index("i", b"x", SECRET), purged(SECRET), push("v1", b"a", b"b")],
    "purged, and a copy put back": [push("v1", b"a", SECRET), push("v2", b"b"), keep_copy, rm("v2"), purged(SECRET),
                                    put_copy_back, vouch, push("v3", b"c"), rm("v2"), days_pass(2)],
    "a newer version": [push("v1", b"a"), update, push("v2", b"a"), update, rm("v1"), take_back()],
}  # fmt: skip
