"""Blobs from a registry, piece by piece, gone on with where the connection broke.

Spec: OCI Distribution 1.1 "Pulling blobs"; RFC 9110 14 "Range Requests". What is asked by digest does not change, so
the rest of an answer may come from another one.
"""

import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from refloat.client.asking import Asking
from refloat.client.errors import Broken
from refloat.client.exchange import Cut, Reply, Request, number_in
from refloat.client.scopes import pulling
from refloat.core.names import Digest
from refloat.language import say

BREAKS = 5  # without a byte between them
_CONTENT_RANGE = re.compile(r"bytes ([0-9]{1,18})-([0-9]{1,18})/")

Progress = Callable[[str, str, int, int], None]
"""Told of a blob that is under way: repository, digest, bytes done, size in bytes."""


@dataclass(frozen=True, slots=True)
class Blob:
    """A blob of a repository."""

    repository: str
    digest: Digest

    @property
    def path(self) -> str:
        return f"/v2/{self.repository}/blobs/{self.digest}"


def size_of(asking: Asking, blob: Blob) -> int | None:
    """Return a blob's size in bytes; None where there is none. Raises what client.errors names."""
    reply = asking.ask(Request("HEAD", blob.path), pulling(blob.repository))
    if reply.status == 404:
        return None
    length = number_in(reply.headers.get("content-length", ""))
    if reply.status != 200:
        raise asking.refusal(reply)
    if length is None:
        raise Broken(
            say("{server} does not say how large {digest} is", server=asking.origin.netloc, digest=blob.digest)
        )
    return length


def stretch(asking: Asking, blob: Blob, first: int, last: int | None) -> Iterator[bytes]:
    """Return the bytes from `first` to `last`, to the end without it; nothing is compared with the digest.

    Raises what client.errors names; Broken where they cannot be had whole.
    """
    at, breaks = first, 0
    while last is None or at <= last:
        before = at
        try:
            for piece in _answered(asking, blob, at, last):
                at += len(piece)
                yield piece
            if last is not None and at <= last:
                raise _cut_off(asking, blob)
            return
        except Cut:
            breaks = breaks + 1 if at == before else 1
            if breaks > BREAKS:
                raise _cut_off(asking, blob) from None


def download(asking: Asking, blob: Blob, progress: Progress | None) -> Iterator[bytes]:
    """Return a whole blob; the end is reached only where its digest is right. Raises what client.errors names."""
    running = hashlib.new(blob.digest.algorithm)
    size = (size_of(asking, blob) or 0) if progress is not None else 0
    done = 0
    for piece in stretch(asking, blob, 0, None):
        running.update(piece)
        done += len(piece)
        if progress is not None:
            progress(blob.repository, blob.digest, done, max(size, done))
        yield piece
    if running.hexdigest() != blob.digest.partition(":")[2]:
        raise Broken(
            say("{server} sends other bytes as {digest}: {size} of them",
                server=asking.origin.netloc, digest=blob.digest, size=done)
        )  # fmt: skip


def _answered(asking: Asking, blob: Blob, first: int, last: int | None) -> Iterator[bytes]:
    """Return what one answer has of a stretch. Raises Cut where it ends before its end."""
    headers = {"Accept-Encoding": "identity"}
    if first or last is not None:
        headers["Range"] = f"bytes={first}-{'' if last is None else last}"
    reply = asking.ask(Request("GET", blob.path, headers), pulling(blob.repository), "streamed")
    try:
        yield from _within(asking, blob, reply, (first, last))
    finally:
        reply.close()


def _within(asking: Asking, blob: Blob, reply: Reply, wanted: tuple[int, int | None]) -> Iterator[bytes]:
    first, last = wanted
    if reply.status == 416 and first and last is None:
        return  # the connection broke behind the last byte
    if reply.status not in (200, 206):
        raise asking.refusal(reply)
    at = 0
    if reply.status == 206:
        said = _CONTENT_RANGE.match(reply.headers.get("content-range", ""))
        if said is None or int(said[1]) > first:
            raise _cut_off(asking, blob)
        at = int(said[1])
    for piece in reply.pieces():
        kept = piece[max(first - at, 0) : None if last is None else max(last + 1 - at, 0)]
        at += len(piece)
        if kept:
            yield kept
        if last is not None and at > last:
            return


def _cut_off(asking: Asking, blob: Blob) -> Broken:
    return Broken(say("{server} does not send {digest} to its end", server=asking.origin.netloc, digest=blob.digest))
