"""Manifests on the wire. Spec: "Pulling Manifests", "Pushing Manifests", "Deleting Manifests"."""

from datetime import UTC, datetime

from refloat.core import room
from refloat.core.errors import ManifestTooLarge, Unsupported
from refloat.core.manifest import MAX_SIZE
from refloat.core.names import Digest, Reference, RepositoryName, Tag
from refloat.core.preconditions import Precondition
from refloat.ports import Transaction
from refloat.usecases.delete import delete_reference
from refloat.usecases.pull import resolve
from refloat.usecases.push import ManifestPush, Pushed, push_manifest
from refloat.web.asgi import Header, Request
from refloat.web.door import Door


async def get(door: Door, request: Request, repository: RepositoryName, reference: Reference) -> None:
    """GET and HEAD: the bytes as pushed, under the type they were pushed with; Accept selects nothing."""
    stored = resolve(door.metadata.read, repository, reference)
    digest = stored.digest.encode()
    etag = b'"' + digest + b'"'
    headers = [(b"docker-content-digest", digest), (b"etag", etag)]
    if is_match(request.header(b"if-none-match"), etag):
        await request.answer(304, headers)
        return
    headers.append((b"content-type", stored.media_type.encode()))
    await request.answer(200, headers, stored.body)


def is_match(header: bytes | None, etag: bytes) -> bool:
    """Does an If-None-Match name this entity? RFC 9110 section 13.1.2: the comparison is weak."""
    if header is None:
        return False
    return any(one.strip().removeprefix(b"W/") in (etag, b"*") for one in header.split(b","))


def _condition(request: Request) -> Precondition:
    return Precondition(request.text_header(b"if-match") or None, request.text_header(b"if-none-match") or None)


async def put(door: Door, request: Request, repository: RepositoryName, reference: Reference) -> None:
    """PUT: store, make live, move the tags; `?tag=` names more of them."""
    tags = tuple(Tag.parse(tag) for tag in request.query().get("tag", ()))
    push = ManifestPush(
        reference=reference,
        body=await _body(request),
        declared=request.text_header(b"content-type"),
        tags=tags,
        condition=_condition(request),
    )
    cause = door.services.cause(request)
    with door.blobs.entering(room.of_manifest(push.body)) as check_room:

        def work(tx: Transaction) -> Pushed:
            check_room()
            return push_manifest(tx, repository, push, cause)

        pushed = await door.metadata.write(work)
    headers: list[Header] = [
        (b"location", door.location(request, f"/v2/{repository}/manifests/{pushed.digest}")),
        (b"docker-content-digest", pushed.digest.encode()),
        (b"etag", b'"' + pushed.digest.encode() + b'"'),
        *change_header(pushed.change),
        *((b"oci-tag", tag.encode()) for tag in tags),
    ]
    if pushed.subject is not None:
        headers.append((b"oci-subject", pushed.subject.encode()))
    await request.answer(201, headers)


async def _body(request: Request) -> bytes:
    """Return a manifest's bytes. Raises ManifestTooLarge without reading on."""
    too_large = ManifestTooLarge(f"a manifest has at most {MAX_SIZE} bytes", {"limit": MAX_SIZE})
    if (request.content_length() or 0) > MAX_SIZE:
        raise too_large
    body = bytearray()
    async for chunk in request.chunks():
        body += chunk
        if len(body) > MAX_SIZE:
            raise too_large
    return bytes(body)


async def delete(door: Door, request: Request, repository: RepositoryName, reference: Reference) -> None:
    """DELETE: undoable, and the answer says how and until when."""
    if not door.settings.delete_enabled:
        raise Unsupported("deletion is switched off here (storage.delete.enabled)")
    cause = door.services.cause(request)
    condition = _condition(request)
    done = await door.metadata.write(
        lambda tx: delete_reference(tx, repository, reference, cause, condition), room="kept"
    )
    until = datetime.fromtimestamp(cause.held_until / 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    warning = f'299 - "deleted; until {until} this brings it back: refloat undo {done.change}"'
    headers = [*change_header(done.change), (b"warning", warning.encode())]
    if isinstance(reference, Digest):
        headers.append((b"docker-content-digest", reference.encode()))
    await request.answer(202, headers)


def change_header(change: str | None) -> tuple[Header, ...]:
    """Return the header that names the change a request made."""
    return ((b"refloat-change", change.encode()),) if change is not None else ()
