"""Looking at everything that is kept: is it there, whole, and explained?

It may run beside a server: what looks wrong is looked at a second time, because rows and bytes move on meanwhile.
Nothing is ever removed. What cannot be read is reported and left alone.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from refloat.core.errors import Unavailable
from refloat.core.identity import is_key
from refloat.core.names import Digest, Reference, RepositoryName
from refloat.core.records import LiveKey
from refloat.ports import BlobShelf, Metadata

PAGE = 500  # rows read at once
MOST_USERS = 10  # references named for each damaged blob
Kind = Literal["missing", "damaged", "unreadable", "unknown", "foreign", "manifest", "database"]
Depth = Literal["sizes", "bytes"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it must be.

    `name` is a digest, a key or a file's name; `users` are the live references that cannot be pulled because of it.
    """

    kind: Kind
    name: str
    detail: str
    users: tuple[tuple[RepositoryName, Reference], ...] = ()


@dataclass(slots=True)
class Verified:
    """How much was looked at, and what was found and done about it."""

    blobs: int = 0
    size: int = 0
    manifests: int = 0
    files: int = 0
    findings: list[Finding] = field(default_factory=list)
    marked: int = 0
    healed: int = 0
    set_aside: int = 0


@dataclass(frozen=True, slots=True)
class VerifyTerms:
    """How closely to look (`bytes` reads every blob), whether to write down what is found, and the instant."""

    depth: Depth
    act: Literal["report", "repair"]
    at: int


def verify(metadata: Metadata, blobs: BlobShelf, terms: VerifyTerms, tell: Callable[[Verified], None]) -> Verified:
    """Look at everything once. `tell` is called now and then with what was seen so far.

    With `repair` a damaged blob is served no more until the next push of it heals it, one that was damaged and
    is right again is served again, and files no row explains go to quarantine.
    """
    done = Verified()
    done.findings += [Finding("database", "refloat.db", fault) for fault in metadata.verifying.faults()]
    _verify_blobs(metadata, blobs, terms, (done, tell))
    _verify_bodies(metadata, done)
    _verify_files(metadata, blobs, terms, done)
    return done


def _verify_blobs(
    metadata: Metadata, blobs: BlobShelf, terms: VerifyTerms, seen: tuple[Verified, Callable[[Verified], None]]
) -> None:
    done, tell = seen
    for digest, live in _live(metadata):
        done.blobs += 1
        done.size += live.size
        finding = _judge(blobs, digest, live, terms.depth)
        if finding is not None and _still_live(metadata, digest, live):  # guard: verify-looks-twice
            users = tuple(metadata.verifying.users(digest, MOST_USERS))
            done.findings.append(Finding(finding.kind, digest, finding.detail, users))
        if terms.act == "repair":
            _mark(metadata, (digest, live), finding, terms, done)
        tell(done)


def _live(metadata: Metadata) -> Iterator[tuple[Digest, LiveKey]]:
    after = ""
    while page := metadata.verifying.live(after, PAGE):
        yield from page
        after = page[-1][0]


def _judge(blobs: BlobShelf, digest: Digest, live: LiveKey, depth: Depth) -> Finding | None:
    size = blobs.size(live.key)
    if size is None:
        return Finding("missing", digest, f"its file {live.key} is not there")
    if size != live.size:
        return Finding("damaged", digest, f"its file {live.key} has {size} bytes, not {live.size}")
    if depth == "sizes":
        return None
    try:
        actual = blobs.digest_of(live.key, digest.algorithm)
    except (Unavailable, FileNotFoundError) as problem:
        return Finding("unreadable", digest, f"its file {live.key} cannot be read: {problem}")
    return None if actual == digest else Finding("damaged", digest, f"its file {live.key} has the bytes of {actual}")


def _still_live(metadata: Metadata, digest: Digest, live: LiveKey) -> bool:
    """A blob may have been condemned or replaced since its row was read."""
    now = metadata.read.live_key(digest)
    return now is not None and now.key == live.key


def _mark(
    metadata: Metadata, blob: tuple[Digest, LiveKey], finding: Finding | None, terms: VerifyTerms, done: Verified
) -> None:
    digest, live = blob
    if finding is None:
        if live.damaged and terms.depth == "bytes":
            done.healed += metadata.mark(lambda tx: tx.sound(digest, live.key, terms.at))
    elif finding.kind != "unreadable":  # guard: a-failed-read-proves-nothing
        done.marked += metadata.mark(lambda tx: tx.damaged(digest, live.key, terms.at))


def _verify_bodies(metadata: Metadata, done: Verified) -> None:
    place = (0, "")
    while page := metadata.verifying.bodies(place, PAGE):
        for stored in page:
            done.manifests += 1
            actual = Digest.of(stored.body, stored.digest.algorithm)
            if actual != stored.digest:
                detail = f"in {stored.repository}: its body has digest {actual}; pushing it again heals it"
                done.findings.append(
                    Finding("manifest", stored.digest, detail, ((stored.repository, stored.digest),))
                )
        place = page[-1].place


def _verify_files(metadata: Metadata, blobs: BlobShelf, terms: VerifyTerms, done: Verified) -> None:
    """A row is there before its file, so a file listed before its row was looked for is explained or is not."""
    waiting: list[str] = []
    for name in blobs.keys():  # noqa: SIM118 - this is no mapping
        done.files += 1
        waiting.append(name)
        if len(waiting) == PAGE:
            _explain(metadata, blobs, terms, (waiting, done))
            waiting = []
    _explain(metadata, blobs, terms, (waiting, done))


def _explain(
    metadata: Metadata, blobs: BlobShelf, terms: VerifyTerms, seen: tuple[list[str], Verified]
) -> None:
    names, done = seen
    known = metadata.verifying.known(names)
    for name in names:
        if name in known:
            continue
        if not is_key(name):  # guard: foreign-files-are-left-alone
            done.findings.append(Finding("foreign", name, "this file is not refloat's; it is left alone"))
            continue
        done.findings.append(Finding("unknown", name, "no row explains this file"))
        if terms.act == "repair":
            done.set_aside += blobs.set_aside(name)
