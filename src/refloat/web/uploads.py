"""Uploads on the wire. Spec: "Pushing a blob monolithically", "Pushing a blob in chunks", "Mounting a blob".

A session's file is locked from a request's first byte to its answer, and the session is read again under
the lock: what another request did in between is seen, in this process or any other.
"""

from collections.abc import Callable
from contextlib import suppress

from refloat.core.blocks import refuse_blocked
from refloat.core.errors import (
    BlobUploadUnknown,
    Blocked,
    BodyIncomplete,
    DigestInvalid,
    NameInvalid,
    RefloatError,
    SizeInvalid,
    StorageFull,
    UploadOutOfOrder,
    UploadTooSlow,
)
from refloat.core.identity import key_at
from refloat.core.names import ALGORITHMS, Digest, RepositoryName
from refloat.core.records import Upload
from refloat.ports import Transaction, UploadFile
from refloat.usecases import upload as sessions
from refloat.web.asgi import Header, Request
from refloat.web.door import Door
from refloat.web.paths import STATE, digest_in
from refloat.web.ranges import Span, content_range
from refloat.web.streaming import pour

NOTHING = frozenset(Digest.of(b"", algorithm) for algorithm in ALGORITHMS)
"""The digests of an empty blob."""


async def begin(door: Door, request: Request, repository: RepositoryName) -> None:
    """POST: mount, take a whole blob at once, or begin a session."""
    query = request.query()
    door.blobs.check_room(request.content_length() or 0)
    mount = query.get("mount", [""])[0]
    if mount and await _mount(door, request, repository, mount, query.get("from", [""])[0]):
        return
    _check_algorithm(query)
    whole = None if mount or "digest" not in query else _whole(request, query["digest"][0])
    upload = await _open_session(door, repository)
    if whole is not None:
        await _finish_at_once(door, request, upload, whole)
    else:
        await request.answer(202, _session_headers(door, request, upload))


async def _open_session(door: Door, repository: RepositoryName) -> Upload:
    now = door.services.now()
    upload = Upload(
        id=door.services.random(16).hex(),
        repository=repository,
        key=key_at(now, door.services.random(10)),
        size=0,
        version=0,
        expires=now + door.settings.uploads_idle,
    )
    await door.metadata.write_brief(lambda tx: sessions.begin(tx, upload))
    try:
        door.blobs.create(upload.key)
    except StorageFull:
        await _give_up(door, upload)
        raise
    return upload


def _whole(request: Request, said: str) -> Digest | None:
    """Return the digest of the blob that the body is. None: an empty body asks for a session, whatever is to come."""
    if request.has_body:
        return Digest.parse(said)
    return Digest(said) if said in NOTHING else None


async def _mount(door: Door, request: Request, repository: RepositoryName, mount: str, source: str) -> bool:
    """Try to mount. Anything in doubt is answered like anything missing: with a session. Raises Blocked."""
    try:
        digest, origin = Digest.parse(mount), door.name(source)
    except (DigestInvalid, NameInvalid):
        return False
    now = door.services.now()
    refuse_blocked(door.metadata.read.block_on(digest))
    blob = door.metadata.read.blob(origin, digest, now)
    if blob is None or door.blobs.size(blob.key) != blob.size:
        return False
    lease = door.settings.lease
    if not await door.metadata.write_brief(lambda tx: sessions.mount(tx, repository, origin, digest, now, lease)):
        return False
    await request.answer(201, _blob_headers(door, request, repository, digest))
    return True


async def status(door: Door, request: Request, repository: RepositoryName, upload: str) -> None:
    """GET: how far the session is."""
    found = sessions.find(door.metadata.read, repository, upload, door.services.now())
    await request.answer(204, _session_headers(door, request, found))


async def append(door: Door, request: Request, repository: RepositoryName, upload: str) -> None:
    """PATCH: append what comes. If the client goes away, what came is kept and it can go on from there."""
    found = sessions.find(door.metadata.read, repository, upload, door.services.now())
    with door.files, door.blobs.open_upload(found) as file:
        found = _locked(door, file, found)
        span = _expected(request, found)
        try:
            await _receive(door, request, file, found.size)
        except (BodyIncomplete, UploadTooSlow):
            await _record(door, file, found)
            raise
        _check_length(span, file.size - found.size)
        found = await _record(door, file, found)
    await request.answer(202, _session_headers(door, request, found))


async def finish(door: Door, request: Request, repository: RepositoryName, upload: str) -> None:
    """PUT: append what comes and enter the blob under its digest."""
    said = digest_in(request.query())
    if not said:
        raise DigestInvalid("the last request of an upload names the digest: ?digest=")
    digest = Digest.parse(said)
    try:
        found = sessions.find(door.metadata.read, repository, upload, door.services.now())
        await _finish(door, request, found, digest)
    except BlobUploadUnknown:
        if not await _finish_again(door, repository, digest):
            raise
        await request.answer(201, _blob_headers(door, request, repository, digest))


async def _finish(door: Door, request: Request, found: Upload, digest: Digest) -> None:
    with door.files, door.blobs.open_upload(found) as file:
        found = _locked(door, file, found)
        span = _expected(request, found) if request.has_body else None
        await _receive(door, request, file, found.size)
        _check_length(span, file.size - found.size)
        actual = await file.digest(digest.algorithm)
        if actual != digest:
            raise DigestInvalid(f"the upload has digest {actual}, not {digest}", {"digest": actual})
        await door.blobs.seal(found.key)
        now = door.services.now()
        trusted = sessions.judge_live(door.metadata.read, door.blobs, digest, now)
        terms = sessions.Terms(now, file.size, door.settings.lease, door.settings.graveyard)
        await _enter(door, found, lambda tx: sessions.finish(tx, found, digest, trusted, terms))
    await request.answer(201, _blob_headers(door, request, found.repository, digest))


async def _enter(door: Door, upload: Upload, work: Callable[[Transaction], None]) -> None:
    """Enter a blob. What was purged leaves no bytes behind: its session ends as the client is told."""
    try:
        await door.metadata.write_brief(work)
    except Blocked:
        with suppress(BlobUploadUnknown):
            await door.metadata.write_brief(lambda tx: sessions.cancel(tx, upload, door.services.now()), room="kept")
        raise


async def _finish_again(door: Door, repository: RepositoryName, digest: Digest) -> bool:
    """Answer a repeated request like the first one: the blob is there, whole, and held from now on."""
    now = door.services.now()
    trusted = sessions.judge_live(door.metadata.read, door.blobs, digest, now)
    if trusted is None:
        return False
    until = now + door.settings.lease
    return await door.metadata.note(lambda tx: sessions.finish_again(tx, repository, digest, trusted, until))


async def _finish_at_once(door: Door, request: Request, upload: Upload, digest: Digest) -> None:
    """Take a blob whole. If that fails its session ends too: nobody was told of it, so nobody would."""
    try:
        await _finish(door, request, upload, digest)
    except RefloatError:
        await _give_up(door, upload)
        raise


async def _give_up(door: Door, upload: Upload) -> None:
    """End a session that nobody was told of."""
    with suppress(RefloatError):
        await door.metadata.note(lambda tx: sessions.cancel(tx, upload, door.services.now()), room="kept")


async def cancel(door: Door, request: Request, repository: RepositoryName, upload: str) -> None:
    """DELETE: end the session; its bytes go."""
    now = door.services.now()
    found = sessions.find(door.metadata.read, repository, upload, now)
    await door.metadata.write_brief(lambda tx: sessions.cancel(tx, found, now), room="kept")
    await request.answer(204)


def _locked(door: Door, file: UploadFile, seen: Upload) -> Upload:
    """Return the session as it is now that nobody else can write, its file cut to what is recorded."""
    read = door.metadata.read
    found = sessions.find(read, seen.repository, seen.id, door.services.now())  # guard: session-read-under-the-lock
    if found.version != seen.version:
        raise UploadOutOfOrder("another request wrote to this upload", {"offset": found.size})
    file.cut(found.size)
    return found


def _expected(request: Request, found: Upload) -> Span | None:
    """Return what the chunk says it is. Raises UploadOutOfOrder unless it begins where the upload ends."""
    span = content_range(request.text_header(b"content-range"))
    if span is not None and span.start != found.size:
        raise UploadOutOfOrder(f"the upload ends at {found.size}", {"offset": found.size})
    return span


def _check_length(span: Span | None, received: int) -> None:
    if span is not None and received != span.end - span.start:
        raise SizeInvalid(f"Content-Range promised {span.end - span.start} bytes, {received} came")


async def _receive(door: Door, request: Request, file: UploadFile, before: int) -> None:
    """Append what comes to the `before` bytes there are. What is refused for want of room takes none of it."""
    try:
        door.blobs.check_room(request.content_length() or 0)
        await pour(request.chunks(), file, door.blobs.check_room)
    except StorageFull:
        file.cut(before)
        raise


async def _record(door: Door, file: UploadFile, found: Upload) -> Upload:
    now = door.services.now()
    size, expires = file.size, now + door.settings.uploads_idle
    recorded = await door.metadata.note(lambda tx: sessions.record_append(tx, found, size, expires, now))
    file.recorded(recorded)
    return recorded


def _check_algorithm(query: dict[str, list[str]]) -> None:
    algorithm = query.get("digest-algorithm", ["sha256"])[0]
    if algorithm not in ALGORITHMS:
        raise DigestInvalid(f"digests are made with {' or '.join(ALGORITHMS)}")


def _session_headers(door: Door, request: Request, upload: Upload) -> list[Header]:
    path = f"/v2/{upload.repository}/blobs/uploads/{upload.id}{STATE}"
    return [
        (b"location", door.location(request, path)),
        (b"range", b"0-%d" % max(0, upload.size - 1)),
        (b"docker-upload-uuid", upload.id.encode()),
    ]


def _blob_headers(door: Door, request: Request, repository: RepositoryName, digest: Digest) -> list[Header]:
    path = f"/v2/{repository}/blobs/{digest}"
    return [(b"location", door.location(request, path)), (b"docker-content-digest", digest.encode())]
