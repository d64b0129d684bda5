"""Looking at everything that is kept: is it there, whole, and explained?

It may run beside a server: what looks wrong is looked at a second time, because rows and bytes move on meanwhile.
Nothing is ever removed. What cannot be read is reported and left alone.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Literal

from refloat.core.errors import Unavailable
from refloat.core.identity import is_key
from refloat.core.names import Digest, Reference, RepositoryName
from refloat.core.records import LiveKey, StoredBody
from refloat.ports import BlobShelf, Metadata

PAGE = 500  # rows read at once
BODIES = 20  # manifests read at once: each may have 4 MiB
MOST_USERS = 10  # references named for each damaged blob
Kind = Literal["missing", "damaged", "unreadable", "unknown", "foreign", "manifest", "database"]
Depth = Literal["sizes", "bytes"]
Act = Literal["report", "repair"]
Mark = Literal["none", "stays", "over"]  # written down before as damaged: not, and rightly, and right again


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it must be.

    `name` is a digest, a key or a file's name; `users` are the live references that cannot be pulled because of it.
    What was marked by an earlier repair is out of service already.
    """

    kind: Kind
    name: str
    detail: str
    users: tuple[tuple[RepositoryName, Reference], ...] = ()
    mark: Mark = "none"


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
    act: Act
    at: int


def verify(metadata: Metadata, blobs: BlobShelf, terms: VerifyTerms, tell: Callable[[Verified], None]) -> Verified:
    """Look at everything once. `tell` is called after each blob with what was seen so far.

    With `repair` a damaged blob is served no more until the next push of it heals it, one that was damaged and
    is right again is served again, and files no row explains go to quarantine.
    """
    look = _Look(metadata, blobs, terms)
    look.at_database()
    look.at_blobs(tell)
    look.at_manifests()
    look.at_files()
    return look.done


class _Look:
    """One look at everything, and what it came to so far."""

    def __init__(self, metadata: Metadata, blobs: BlobShelf, terms: VerifyTerms) -> None:
        self._metadata = metadata
        self._blobs = blobs
        self._terms = terms
        self.done = Verified()
        self._is_in_doubt = False  # what a broken database does not know may be what it has forgotten

    def at_database(self) -> None:
        for fault in self._metadata.verifying.faults():
            self._find(Finding("database", "refloat.db", fault))
            self._is_in_doubt = True

    def at_blobs(self, tell: Callable[[Verified], None]) -> None:
        after = ""
        while page := self._metadata.verifying.live(after, PAGE):
            for digest, live in page:
                self._at_blob(digest, live)
                tell(self.done)
            after = page[-1][0]

    def at_manifests(self) -> None:
        place = (0, "")
        while page := self._metadata.verifying.bodies(place, BODIES):
            for stored in page:
                self._at_manifest(stored)
            place = page[-1].place

    def at_files(self) -> None:
        """A row is there before its file, so a file listed before its row was looked for is explained or is not."""
        names = self._blobs.keys()
        try:
            while page := list(islice(names, PAGE)):
                known = self._metadata.verifying.known(page)
                self.done.files += len(page)
                for name in page:
                    if name not in known:
                        self._at_unknown(name)
        except Unavailable as problem:
            self._find(Finding("unreadable", "files", f"a directory cannot be read: {problem}"))

    def _find(self, finding: Finding) -> None:
        self.done.findings.append(finding)

    def _at_blob(self, digest: Digest, live: LiveKey) -> None:
        self.done.blobs += 1
        self.done.size += live.size
        finding = self._judge(digest, live)
        if finding is not None and self._is_still_live(digest, live):  # guard: verify-looks-twice
            users = tuple(self._metadata.verifying.users(digest, MOST_USERS))
            mark: Mark = "stays" if live.damaged and finding.mark == "none" else finding.mark
            self._find(replace(finding, users=users, mark=mark))
        if self._terms.act == "repair":
            self._mark(digest, live, finding)

    def _judge(self, digest: Digest, live: LiveKey) -> Finding | None:
        try:
            size = self._blobs.size(live.key)
            if size is None:
                return Finding("missing", digest, f"its file {live.key} is not there")
            if size != live.size:
                return Finding("damaged", digest, f"its file {live.key} has {size} bytes, not {live.size}")
            return self._judge_bytes(digest, live)
        except Unavailable as problem:
            return Finding("unreadable", digest, f"its file {live.key} cannot be read: {problem}")

    def _judge_bytes(self, digest: Digest, live: LiveKey) -> Finding | None:
        """What was marked is not served, so it is found until a repair reads it and finds it right, or it is pushed."""
        if self._terms.depth == "sizes":
            return Finding("damaged", digest, f"its file {live.key} was found damaged before") if live.damaged else None
        actual = self._blobs.digest_of(live.key, digest.algorithm)
        if actual != digest:
            return Finding("damaged", digest, f"its file {live.key} has the bytes of {actual}")
        if live.damaged and self._terms.act == "report":
            detail = f"its file {live.key} was found damaged before, and is right again"
            return Finding("damaged", digest, detail, mark="over")
        return None

    def _is_still_live(self, digest: Digest, live: LiveKey) -> bool:
        """A blob may have been condemned or replaced since its row was read."""
        now = self._metadata.read.live_key(digest)
        return now is not None and now.key == live.key

    def _mark(self, digest: Digest, live: LiveKey, finding: Finding | None) -> None:
        at = self._terms.at
        if finding is None:
            if live.damaged and self._terms.depth == "bytes":
                self.done.healed += self._metadata.mark(lambda tx: tx.sound(digest, live.key, at))
        elif finding.kind != "unreadable":  # guard: a-failed-read-proves-nothing
            self.done.marked += self._metadata.mark(lambda tx: tx.damaged(digest, live.key, at))

    def _at_manifest(self, stored: StoredBody) -> None:
        self.done.manifests += 1
        actual = Digest.of(stored.body, stored.digest.algorithm)
        if actual != stored.digest:
            detail = f"in {stored.repository}: its body has digest {actual}; pushing it again heals it"
            self._find(Finding("manifest", stored.digest, detail, ((stored.repository, stored.digest),)))

    def _at_unknown(self, name: str) -> None:
        if not is_key(name):  # guard: foreign-files-are-left-alone
            self._find(Finding("foreign", ascii(name)[1:-1], "this is not refloat's; it is left alone"))
            return
        self._find(Finding("unknown", name, "no row explains this file"))
        if self._terms.act == "repair" and not self._is_in_doubt:  # guard: a-broken-database-explains-nothing
            self.done.set_aside += self._blobs.set_aside(name)
