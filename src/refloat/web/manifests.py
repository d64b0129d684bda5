"""Manifests on the wire. Spec: "Pulling Manifests", "Pushing Manifests", "Deleting Manifests"."""

import asyncio
from datetime import UTC, datetime
from functools import lru_cache

from refloat.core import room
from refloat.core.descriptors import blobs_in
from refloat.core.errors import ManifestTooLarge, ManifestUnknown, Unsupported
from refloat.core.manifest import LEAST_DESCRIPTOR, MAX_SIZE
from refloat.core.media import is_active, is_media_type
from refloat.core.names import Digest, Reference, RepositoryName, Tag
from refloat.core.preconditions import Precondition
from refloat.ports import Transaction
from refloat.usecases.delete import delete_reference
from refloat.usecases.pull import deleted, resolve
from refloat.usecases.push import ManifestPush, Pushed, hollow_in, push_manifest, read_ahead
from refloat.web.asgi import Header, Request
from refloat.web.door import Door
from refloat.web.errors import tell

MOST_TAG_LINES = 10  # lines of OCI-Tag; further tags join them, because some clients read 100 headers and no more

AS_BYTES: tuple[Header, ...] = (
    (b"content-type", b"application/octet-stream"),
    (b"content-disposition", b"attachment"),
    (b"content-security-policy", b"sandbox; default-src 'none'"),
)
"""How a manifest is sent whose type cannot be a header's value, or would make it a page of this origin.

Such types were taken once. Put again with this one, the manifest has its own: a generic type is taken from the row.
"""

MOST_AT_ONCE = 100  # blobs looked at before anybody else has a turn

LARGE = 64 * 1024  # bytes of a manifest that take some time to be read


async def get(door: Door, request: Request, repository: RepositoryName, reference: Reference) -> None:
    """GET and HEAD: the bytes as pushed, under the type they were pushed with; Accept selects nothing.

    Of a type that is not taken any more the bytes are as pushed, and the type says that they are bytes.
    """
    try:
        stored = resolve(door.metadata.read, repository, reference)
    except ManifestUnknown as condition:
        await _tell_missing(door, request, condition)
        return
    digest = stored.digest.encode()
    etag = b'"' + digest + b'"'
    headers = [(b"docker-content-digest", digest), (b"etag", etag)]
    if is_match(request.header(b"if-none-match"), etag):
        await request.answer(304, headers)
        return
    headers.extend(_typed(stored.media_type))
    await request.answer(200, headers, stored.body)


@lru_cache(maxsize=256)
def _typed(media_type: str) -> tuple[Header, ...]:
    """Return the headers that say what a manifest is."""
    if is_media_type(media_type) and not is_active(media_type):
        return ((b"content-type", media_type.encode()),)
    return AS_BYTES


async def _tell_missing(door: Door, request: Request, condition: ManifestUnknown) -> None:
    """Answer 404; how what was deleted comes back is said in a header too: HEAD has no body."""
    detail = condition.detail if isinstance(condition.detail, dict) else {}
    if "deleted_by" in detail:
        undo = door.undo_command(request, str(detail["deleted_by"]))
        condition = ManifestUnknown(deleted(detail["repository"], detail["reference"], undo), detail)
    told = [warning(condition.message)] if detail.keys() & {"deleted_by", "purged_by"} else []
    await tell(request, condition, told)


def is_match(header: bytes | None, etag: bytes) -> bool:
    """Does an If-None-Match name this entity? RFC 9110 section 13.1.2: the comparison is weak."""
    if header is None:
        return False
    return any(one.strip().removeprefix(b"W/") in (etag, b"*") for one in header.split(b","))


def _condition(request: Request) -> Precondition:
    return Precondition(request.text_header(b"if-match") or None, request.text_header(b"if-none-match") or None)


async def put(door: Door, request: Request, repository: RepositoryName, reference: Reference) -> None:
    """PUT: store, make live, move the tags; `?tag=` names more of them."""
    tags = tuple(Tag.parse(tag) for tag in dict.fromkeys(request.query().get("tag", ())))
    body = await _body(request)
    push = ManifestPush(
        reference=reference,
        body=body,
        declared=request.text_header(b"content-type"),
        tags=tags,
        condition=_condition(request),
        hollow=await _hollow(door, body),
    )
    cause = door.services.cause(request)
    with door.blobs.entering(room.of_manifest(push.body)) as check_room:

        def work(tx: Transaction) -> Pushed:
            check_room()
            return push_manifest(tx, repository, push, cause)

        pushed = await door.metadata.write(
            work,
            rows=len(push.body) // LEAST_DESCRIPTOR + len(tags),
            ahead=(lambda: read_ahead(door.metadata.listing, repository, push)) if len(push.body) > LARGE else None,
        )
    headers: list[Header] = [
        (b"location", door.location(request, f"/v2/{repository}/manifests/{pushed.digest}")),
        (b"docker-content-digest", pushed.digest.encode()),
        (b"etag", b'"' + pushed.digest.encode() + b'"'),
        *change_header(pushed.change),
        *((b"oci-tag", ", ".join(tags[first::MOST_TAG_LINES]).encode()) for first in range(len(tags[:MOST_TAG_LINES]))),
        *_retyped(pushed),
    ]
    if pushed.subject is not None:
        headers.append((b"oci-subject", pushed.subject.encode()))
    await request.answer(201, headers)


def _retyped(pushed: Pushed) -> tuple[Header, ...]:
    """Return the header that says of a push that it changed the type of what history holds."""
    if pushed.before is None:
        return ()
    before = pushed.before if is_media_type(pushed.before) else "another type"
    said = f"this digest was stored as {before}; what history holds of it comes back as {pushed.media_type}"
    return ((b"warning", f'299 - "{said}"'.encode()),)


async def _hollow(door: Door, body: bytes) -> frozenset[str]:
    """Return the keys of what a manifest needs and the disk does not have: it is not told that it was pushed."""
    named = blobs_in(body)
    if len(named) > MOST_AT_ONCE:
        return await asyncio.to_thread(lambda: hollow_in(door.metadata.read, door.blobs, named))
    return hollow_in(door.metadata.read, door.blobs, named)


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
    headers = [*change_header(done.change)]
    if done.change is not None:
        undo = door.undo_command(request, done.change)
        headers.append(warning(f"deleted; until {until} this brings it back: {undo}"))
    if isinstance(reference, Digest):
        headers.append((b"docker-content-digest", reference.encode()))
    await request.answer(202, headers)


def change_header(change: str | None) -> tuple[Header, ...]:
    """Return the header that names the change a request made."""
    return ((b"refloat-change", change.encode()),) if change is not None else ()


def warning(text: str) -> Header:
    """Return the header whose text clients show to people. `text` has no quotes. Spec: "Warnings"."""
    return (b"warning", f'299 - "{text}"'.encode())
