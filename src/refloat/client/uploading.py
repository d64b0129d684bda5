"""Blobs to a registry: mounted, sent at once, or in pieces and gone on with where the connection broke.

Spec: OCI Distribution 1.1 "Pushing blobs". A session's place is asked again after each break: only the registry knows
which bytes it has. One piece is in memory at a time; a registry that takes no pieces gets the blob as it is read.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import urlencode

from refloat.client.asking import Asking, Place
from refloat.client.downloading import BREAKS, Blob, Progress, size_of, stretch
from refloat.client.errors import Broken, ClientError, NotAllowed, Refused
from refloat.client.exchange import AGAIN, Lost, Reply, Request, Stream, number_in
from refloat.client.scopes import pulling, pushing, united
from refloat.language import say

PIECE = 8 << 20  # bytes; what is not larger is sent at once
LARGEST_PIECE = 64 << 20  # bytes, whatever the registry asks for
BYTES = {"Content-Type": "application/octet-stream"}
REFUSED_MOUNT = frozenset({400, 404, 405, 501})
NO_PIECES = frozenset({400, 405, 411, 415, 501})
_RANGE = re.compile(r"(?:bytes=)?0-([0-9]{1,18})")

Source = Callable[[int], Iterator[bytes]]
"""Gives the bytes of a blob from an offset on; it may be called again."""


def mount(asking: Asking, blob: Blob, source: str) -> bool:
    """Let a repository have a blob that another one has; False where the registry does not do it.

    Raises what client.errors names.
    """
    path = f"/v2/{blob.repository}/blobs/uploads/?{urlencode({'mount': blob.digest, 'from': source})}"
    needs = united(pushing(blob.repository), pulling(source))
    try:
        reply = asking.ask(Request("POST", path), needs)
    except NotAllowed:
        return False  # copying needs the same rights, and one at a time
    if reply.status == 201:
        return True
    if reply.status == 202:
        with suppress(ClientError):
            _cancel(asking, blob, asking.place(Place(asking.origin, path), reply.headers.get("location", "")))
        return False
    if reply.status in REFUSED_MOUNT:
        return False
    raise asking.refusal(reply)


def upload(asking: Asking, blob: Blob, size: int, source: Source, progress: Progress | None) -> None:
    """Upload a blob of `size` bytes. Raises what client.errors names; Broken where the source has other bytes."""
    told = progress if progress is not None else _nobody
    breaks, largest = 0, PIECE
    while True:
        session = _begin(asking, blob)
        try:
            if size <= largest:
                _at_once(asking, blob, session, _body(source, size))
            else:
                _in_pieces(asking, blob, session, _Sending(size, source, told))
        except _NotInPieces:
            _cancel(asking, blob, session.place)
            largest = size
        except _StartOver as problem:
            breaks += 1
            if breaks > BREAKS:
                raise problem.error from None
        except Exception:
            _cancel(asking, blob, session.place)
            raise
        else:
            told(blob.repository, blob.digest, size, size)
            return


class _NotInPieces(Exception):
    """The registry wants a blob at once, however large it is."""


class _StartOver(Exception):
    """The session is of no more use. `error` is what to tell when another one does not help."""

    def __init__(self, error: ClientError) -> None:
        super().__init__()
        self.error = error


@dataclass(slots=True)
class _Session:
    """An upload that was begun, and how large its pieces are, in bytes."""

    place: Place
    piece: int


@dataclass(slots=True)
class _Sending:
    """The bytes of a blob on their way: `at` is what the registry has, `piece` what begins at `starts`."""

    size: int
    source: Source
    progress: Progress
    at: int = 0
    starts: int = 0
    piece: bytes = b""
    rest: Iterator[bytes] | None = None
    beyond: bytearray = field(default_factory=bytearray)

    def next(self, length: int) -> bytes:
        """Return the bytes from `at` on, up to `length`: those that are here, else from the source."""
        if self.starts <= self.at < self.starts + len(self.piece):
            return self.piece[self.at - self.starts :]
        if self.rest is None or self.at != self.starts + len(self.piece):
            self.rest, self.beyond = self.source(self.at), bytearray()
        wanted = min(length, self.size - self.at)
        while len(self.beyond) < wanted:
            more = next(self.rest, b"")
            if not more:
                raise _wrong_size(self.size)
            self.beyond += more
        self.starts, self.piece = self.at, bytes(self.beyond[:wanted])
        del self.beyond[:wanted]
        if self.at + wanted == self.size and (self.beyond or next(self.rest, b"")):
            raise _wrong_size(self.size)
        return self.piece


def _nobody(repository: str, digest: str, done: int, size: int) -> None:
    """Nobody wants to be told."""


def _begin(asking: Asking, blob: Blob) -> _Session:
    path = f"/v2/{blob.repository}/blobs/uploads/"
    reply = asking.ask(Request("POST", path), pushing(blob.repository))
    if reply.status != 202:
        raise asking.refusal(reply)
    smallest = number_in(reply.headers.get("oci-chunk-min-length", "")) or 0
    piece = max(PIECE, min(smallest, LARGEST_PIECE))
    return _Session(asking.place(Place(asking.origin, path), reply.headers.get("location", "")), piece)


def _body(source: Source, size: int) -> bytes | Stream:
    """Return a whole blob as it is sent; of a small one it is known before that it has its size."""
    return b"".join(_exactly(source, size)) if size <= PIECE else Stream(size, lambda: _exactly(source, size))


def _exactly(source: Source, size: int) -> Iterator[bytes]:
    """Return all bytes of a source, and never more than it should have: a registry would wait for those that lack."""
    done = 0
    try:
        for piece in source(0):
            done += len(piece)
            if done > size:
                break
            yield piece
    except OSError as problem:  # else it would be taken for one of the connection
        raise Broken(say("the blob could not be read: {problem}", problem=problem)) from None
    if done != size:
        raise _wrong_size(size)


def _at_once(asking: Asking, blob: Blob, session: _Session, body: bytes | Stream) -> None:
    request = Request("PUT", "", BYTES, body, "resumed")
    try:
        reply = asking.ask_at(_finished(session.place, blob), request, pushing(blob.repository))
    except Lost as problem:
        raise _StartOver(problem) from None
    _expect_finished(asking, reply)


def _in_pieces(asking: Asking, blob: Blob, session: _Session, sending: _Sending) -> None:
    breaks, reached = 0, 0
    while True:
        try:
            while sending.at < sending.size:
                _send(asking, blob, session, sending)
            _finish(asking, blob, session)
            return
        except _Break as problem:
            breaks = breaks + 1 if sending.at <= reached else 1
            if breaks > BREAKS:
                raise problem.error from None
            if (at := _asked_how_far(asking, blob, session)) is None:
                if _is_there(asking, blob, sending.size):
                    return  # the answer to the last request was lost
                raise _StartOver(problem.error) from None
            sending.at = at
            reached = max(reached, at)


def _is_there(asking: Asking, blob: Blob, size: int) -> bool:
    """Is a blob there, its last byte too? A registry:2 remembers the size of what its garbage collection removed."""
    try:
        return size_of(asking, blob) == size and len(b"".join(stretch(asking, blob, size - 1, size - 1))) == 1
    except (Broken, Refused):
        return False


class _Break(Exception):
    """How far the registry came is not known."""

    def __init__(self, error: ClientError) -> None:
        super().__init__()
        self.error = error


def _send(asking: Asking, blob: Blob, session: _Session, sending: _Sending) -> None:
    """Send one piece. Raises _Break where the registry may have taken another part of it than it said."""
    body = sending.next(session.piece)
    end = sending.at + len(body)
    headers = {**BYTES, "Content-Range": f"{sending.at}-{end - 1}"}
    try:
        reply = asking.ask_at(session.place, Request("PATCH", "", headers, body, "resumed"), pushing(blob.repository))
    except Lost as problem:
        raise _Break(problem) from None
    if reply.status in AGAIN or reply.status in (404, 416):
        raise _Break(asking.refusal(reply))
    if reply.status in NO_PIECES:
        raise _NotInPieces
    if reply.status not in (201, 202, 204):
        raise asking.refusal(reply)
    _move(asking, session, reply)
    said = _RANGE.fullmatch(reply.headers.get("range", ""))
    if said is not None and int(said[1]) != end - 1:
        raise _Break(Broken(say("{server} took another part than was sent", server=asking.origin.netloc)))
    sending.at = end
    sending.progress(blob.repository, blob.digest, end, sending.size)


def _finish(asking: Asking, blob: Blob, session: _Session) -> None:
    request = Request("PUT", "", BYTES, b"", "resumed")
    try:
        reply = asking.ask_at(_finished(session.place, blob), request, pushing(blob.repository))
    except Lost as problem:
        raise _Break(problem) from None
    if reply.status in AGAIN or reply.status in (404, 416):
        raise _Break(asking.refusal(reply))
    _expect_finished(asking, reply)


def _asked_how_far(asking: Asking, blob: Blob, session: _Session) -> int | None:
    """Return how many bytes a session has; None where it is gone, or where that cannot be told from one byte."""
    reply = asking.ask_at(session.place, Request("GET", ""), pushing(blob.repository))
    if reply.status not in (200, 202, 204):
        return None
    _move(asking, session, reply)
    said = _RANGE.fullmatch(reply.headers.get("range", ""))
    if said is None or said[1] == "0":
        _cancel(asking, blob, session.place)
        return None
    return int(said[1]) + 1


def _move(asking: Asking, session: _Session, reply: Reply) -> None:
    if "location" in reply.headers:
        session.place = asking.place(session.place, reply.headers["location"])


def _finished(place: Place, blob: Blob) -> Place:
    mark = "&" if "?" in place.path else "?"
    return Place(place.origin, f"{place.path}{mark}{urlencode({'digest': blob.digest})}")


def _expect_finished(asking: Asking, reply: Reply) -> None:
    if reply.status in AGAIN:
        raise _StartOver(asking.refusal(reply))
    if reply.status not in (201, 204):
        raise asking.refusal(reply)


def _cancel(asking: Asking, blob: Blob, place: Place) -> None:
    """Let go of a session. One that cannot be let go of ends by itself; some want to be asked for its place first."""
    needs = pushing(blob.repository)
    with suppress(ClientError):
        if asking.ask_at(place, Request("DELETE", "", repeats="resumed"), needs).status == 416:
            reply = asking.ask_at(place, Request("GET", ""), needs)
            if "location" in reply.headers:
                place = asking.place(place, reply.headers["location"])
                asking.ask_at(place, Request("DELETE", "", repeats="resumed"), needs)


def _wrong_size(size: int) -> Broken:
    return Broken(say("the blob has not the {size} bytes it should have", size=size))
