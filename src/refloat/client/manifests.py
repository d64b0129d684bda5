"""Manifests of a registry: read, put and deleted. Spec: OCI Distribution 1.1 "Pulling manifests", "Deleting Manifests".

What was asked for by digest is compared with it, and with the digest the registry says.
"""

from dataclasses import dataclass

from refloat.client.asking import Asking
from refloat.client.errors import Broken
from refloat.client.exchange import Repeats, Reply, Request, number_in
from refloat.client.scopes import deleting, pulling, pushing
from refloat.core import media
from refloat.core.document import read as read_document
from refloat.core.errors import DigestInvalid, ManifestInvalid
from refloat.core.names import Digest
from refloat.language import say

TYPES = (
    media.OCI_INDEX, media.OCI_MANIFEST, media.DOCKER_LIST, media.DOCKER_MANIFEST, media.DOCKER_SCHEMA1_SIGNED,
    media.DOCKER_SCHEMA1, "application/vnd.oci.artifact.manifest.v1+json",
)  # fmt: skip
ACCEPT = ",".join(TYPES)


@dataclass(frozen=True, slots=True)
class Held:
    """A manifest a registry holds, byte for byte."""

    digest: Digest
    media_type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Pointer:
    """What names a manifest: its digest, type, and size in bytes."""

    digest: Digest
    media_type: str
    size: int


def read(asking: Asking, repository: str, reference: str) -> Held | None:
    """Return a manifest; None where there is none. Raises what client.errors names."""
    reply = asking.ask(_request("GET", repository, reference), pulling(repository))
    if reply.status == 404:
        return None
    if reply.status != 200:
        raise asking.refusal(reply)
    body = reply.body
    promised = [digest for digest in (_digest(reference), _said(reply)) if digest is not None]
    for digest in promised:
        if Digest.of(body, digest.algorithm) != digest:
            raise Broken(say("{server} sends other bytes as {digest}", server=asking.origin.netloc, digest=digest))
    return Held(promised[0] if promised else Digest.of(body), _media_type(reply, body), body)


def resolve(asking: Asking, repository: str, reference: str) -> Pointer | None:
    """Return what a reference points to; None where there is nothing. Raises what client.errors names."""
    reply = asking.ask(_request("HEAD", repository, reference), pulling(repository))
    if reply.status == 404:
        return None
    digest, length = _said(reply), number_in(reply.headers.get("content-length", ""))
    media_type = _type(reply)
    if reply.status == 200 and digest is not None and length is not None and not media.is_generic(media_type):
        if _digest(reference) not in (None, digest):
            raise Broken(say("{server} gives {digest} for another", server=asking.origin.netloc, digest=digest))
        return Pointer(digest, media_type, length)
    held = read(asking, repository, reference)
    return None if held is None else Pointer(held.digest, held.media_type, len(held.body))


def put(asking: Asking, repository: str, reference: str, held: Held) -> None:
    """Put a manifest. Raises what client.errors names: what a registry says is its type need not be one."""
    if held.media_type and not media.is_media_type(held.media_type):
        raise Broken(say("{digest} has no media type that can be sent", digest=held.digest))
    request = Request("PUT", _path(repository, reference), {"Content-Type": held.media_type}, held.body)
    reply = asking.ask(request, pushing(repository))
    if not 200 <= reply.status < 300:
        raise asking.refusal(reply)
    said = _said(reply)
    if said is not None and Digest.of(held.body, said.algorithm) != said:
        raise Broken(say("{server} gives {digest} for another", server=asking.origin.netloc, digest=said))


def delete(asking: Asking, repository: str, reference: str) -> bool:
    """Delete a manifest or a tag; False where there was none. Raises what client.errors names.

    A tag is not asked for twice where the first answer was lost: by then it may be somebody's new one.
    """
    repeats: Repeats = "untaken" if _digest(reference) is None else "always"
    reply = asking.ask(Request("DELETE", _path(repository, reference), repeats=repeats), deleting(repository))
    if reply.status == 404:
        return reply.tries > 0
    if not 200 <= reply.status < 300:
        raise asking.refusal(reply)
    return True


def _path(repository: str, reference: str) -> str:
    return f"/v2/{repository}/manifests/{reference}"


def _request(method: str, repository: str, reference: str) -> Request:
    return Request(method, _path(repository, reference), {"Accept": ACCEPT, "Accept-Encoding": "identity"})


def _digest(text: str) -> Digest | None:
    try:
        return Digest.parse(text)
    except DigestInvalid:
        return None


def _said(reply: Reply) -> Digest | None:
    return _digest(reply.headers.get("docker-content-digest", ""))


def _type(reply: Reply) -> str:
    return reply.headers.get("content-type", "").partition(";")[0].strip().lower()


def _media_type(reply: Reply, body: bytes) -> str:
    declared = _type(reply)
    if not media.is_generic(declared):
        return declared
    try:
        found = media.media_type_of(read_document(body), "", None)
    except ManifestInvalid:
        return declared
    return found if media.is_media_type(found) else declared
