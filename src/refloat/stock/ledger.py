"""What a walk through a tree has seen, in a database of the walk's own that nobody else sees and that ends with it.

It spills to the system's temporary directory, so that memory stays flat however large the registry is.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from refloat.core.manifest import Need
from refloat.core.names import Digest, RepositoryName
from refloat.stock.reading import Read
from refloat.stock.tree import Revision, Tagged

CACHE = 40 * 1024  # KiB
State = Literal["deleted", "replaced", "untagged"]
SCHEMA = f"""
PRAGMA cache_size = -{CACHE};
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
CREATE TABLE repositories (id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE layers (digest TEXT, repository INTEGER);
CREATE TABLE revisions (repository INTEGER, digest TEXT, linked INTEGER, touched REAL);
CREATE TABLE tags (repository INTEGER, digest TEXT, tag TEXT, current INTEGER);
CREATE TABLE manifests (digest TEXT PRIMARY KEY, media_type TEXT, artifact_type TEXT, subject TEXT, written REAL)
                        WITHOUT ROWID;
CREATE TABLE needs (parent TEXT, digest TEXT, kind TEXT, required INTEGER, size INTEGER,
                    PRIMARY KEY (parent, digest)) WITHOUT ROWID;
CREATE INDEX parts_by_digest ON needs (digest) WHERE kind = 'child';
CREATE TABLE compared (digest TEXT PRIMARY KEY, is_right INTEGER);
CREATE TABLE lost (repository INTEGER, digest TEXT, state TEXT, is_sure INTEGER);
CREATE INDEX lost_by_digest ON lost (digest);
"""
INDEXES = (
    "CREATE INDEX layers_by_digest ON layers (digest, repository)",
    "CREATE INDEX revisions_by_digest ON revisions (digest, linked, repository)",
    "CREATE INDEX revisions_by_repository ON revisions (repository, digest, linked)",
    "CREATE INDEX tags_by_digest ON tags (repository, digest, tag, current)",
)
"""Made when all links are noted: sorted once, not a page read and written for each of millions of digests."""
DELETED = """
INSERT INTO lost SELECT repository, digest, 'deleted', 1 FROM (
    SELECT repository, digest FROM tags UNION SELECT repository, digest FROM revisions
    EXCEPT SELECT repository, digest FROM revisions WHERE linked)
"""
LEFT = """
INSERT INTO lost SELECT r.repository, r.digest, CASE WHEN EXISTS (
    SELECT 1 FROM tags t WHERE t.repository = r.repository AND t.digest = r.digest
) THEN 'replaced' ELSE 'untagged' END, 1
FROM revisions r WHERE r.linked AND NOT EXISTS (
    SELECT 1 FROM tags t WHERE t.repository = r.repository AND t.digest = r.digest AND t.current)
"""
TO_READ = """
SELECT digest FROM lost WHERE state = 'deleted'
UNION SELECT digest FROM revisions WHERE linked
      AND repository IN (SELECT repository FROM lost WHERE state <> 'deleted')
"""
LINKED = """
SELECT digest FROM layers WHERE digest >= :first AND digest < :end
UNION ALL SELECT digest FROM revisions WHERE linked AND digest >= :first AND digest < :end
"""
BY_LAYERS = """
SELECT l.repository FROM layers l WHERE l.digest = :blob AND NOT EXISTS (
    SELECT 1 FROM needs n WHERE n.parent = :manifest AND n.required AND NOT EXISTS (
        SELECT 1 FROM layers k WHERE k.digest = n.digest AND k.repository = l.repository))
LIMIT 16
"""
LISTED = """
SELECT l.repository, r.name, l.digest, l.state, l.is_sure FROM lost l
LEFT JOIN repositories r ON r.id = l.repository LEFT JOIN manifests m ON m.digest = l.digest
WHERE (m.digest IS NULL) = ? ORDER BY r.name IS NULL, r.name, m.written DESC, l.digest
"""
PARTS_OF = """
SELECT n.parent, EXISTS (SELECT 1 FROM revisions r WHERE r.repository = :here AND r.digest = n.parent AND r.linked),
       EXISTS (SELECT 1 FROM revisions r WHERE r.digest = n.parent AND r.linked)
FROM needs n WHERE n.digest = :digest AND n.kind = 'child'
"""


@dataclass(frozen=True, slots=True)
class Loss:
    """A manifest that no tag of a repository leads to. `number` and `repository` are None where no trace names one."""

    number: int | None
    repository: RepositoryName | None
    digest: Digest
    state: State
    is_sure: bool


class Ledger:
    """Notes of one walk. Nothing here touches the tree."""

    def __init__(self) -> None:
        self._database = sqlite3.connect("", isolation_level=None)  # no name: a temporary file, gone when closed
        self._database.executescript(SCHEMA)
        self._database.execute("BEGIN")  # never committed: a commit a row would write each page again and again

    def close(self) -> None:
        """Forget everything."""
        self._database.close()

    def note_repository(self, number: int, name: RepositoryName) -> None:
        """Write a repository down under a number."""
        self._database.execute("INSERT INTO repositories VALUES (?, ?)", (number, name))

    def note_layers(self, number: int, digests: Iterable[Digest]) -> None:
        """Write down which blobs a repository has or had."""
        self._database.executemany("INSERT INTO layers VALUES (?, ?)", ((each, number) for each in digests))

    def note_revisions(self, number: int, revisions: Iterable[Revision]) -> None:
        """Write down which manifests a repository has or had."""
        rows = ((number, each.digest, each.is_linked, each.touched) for each in revisions)
        self._database.executemany("INSERT INTO revisions VALUES (?, ?, ?, ?)", rows)

    def note_tags(self, number: int, tags: Iterable[Tagged]) -> None:
        """Write down what tags of a repository point or pointed to."""
        rows = ((number, each.digest, each.tag, each.is_current) for each in tags)
        self._database.executemany("INSERT INTO tags VALUES (?, ?, ?, ?)", rows)

    def note_manifest(self, read: Read) -> None:
        """Write down a manifest that was read."""
        manifest = read.manifest
        self._database.execute(
            "INSERT OR IGNORE INTO manifests VALUES (?, ?, ?, ?, ?)",
            (read.digest, manifest.media_type, manifest.artifact_type, manifest.subject, read.written),
        )
        rows = (
            (read.digest, need.digest, need.kind, need.required, read.sizes.get(need.digest)) for need in manifest.needs
        )
        self._database.executemany("INSERT OR IGNORE INTO needs VALUES (?, ?, ?, ?, ?)", rows)

    def note_losses(self) -> None:
        """Conclude from the links, which are all noted, what no tag leads to."""
        for index in INDEXES:
            self._database.execute(index)
        self._database.execute(DELETED)
        self._database.execute(LEFT)

    def note_loss(self, number: int | None, digest: Digest) -> None:
        """Write down a manifest that no link leads to, in a repository that is inferred."""
        self._database.execute("INSERT INTO lost VALUES (?, ?, 'deleted', 0)", (number, digest))

    def to_read(self) -> Iterator[Digest]:
        """Yield the manifests that links name and that have to be read."""
        return (Digest(digest) for (digest,) in self._database.execute(TO_READ))

    def linked(self, beginning: str) -> set[str]:
        """Return the digests with such a beginning that a repository has as blob or manifest."""
        found = self._database.execute(LINKED, {"first": beginning, "end": f"{beginning}g"})
        return {digest for (digest,) in found}

    def unplaced(self) -> Iterator[Digest]:
        """Yield the manifests that were read and that no link leads or led to."""
        sql = """SELECT digest FROM manifests WHERE digest NOT IN (SELECT digest FROM lost WHERE is_sure)
                 AND digest NOT IN (SELECT digest FROM revisions WHERE linked)"""
        return (Digest(digest) for (digest,) in self._database.execute(sql).fetchall())

    def repositories_of(self, digest: Digest) -> list[int]:
        """Return the repositories that have or had a manifest, by their own links."""
        sql = "SELECT repository FROM revisions WHERE digest = ? UNION SELECT repository FROM lost WHERE digest = ?"
        return [number for (number,) in self._database.execute(sql, (digest, digest)) if number is not None]

    def repositories_with_blobs_of(self, digest: Digest) -> list[int]:
        """Return repositories that have or had every blob an image requires."""
        needed = self.needs_of(digest)
        blobs = [need for need, _ in needed if need.required]
        if not blobs:
            return []
        values = {"manifest": digest, "blob": blobs[0].digest}
        return [number for (number,) in self._database.execute(BY_LAYERS, values)]

    def name_of(self, number: int) -> RepositoryName:
        """Return a repository's name."""
        (name,) = self._database.execute("SELECT name FROM repositories WHERE id = ?", (number,)).fetchone()
        return RepositoryName(name)

    def losses(self, *, gone: bool) -> Iterator[Loss]:
        """Yield what no tag leads to, by repository, the newest first: what can be read, or what is gone."""
        for number, name, digest, state, is_sure in self._database.execute(LISTED, (gone,)):
            yield Loss(number, None if name is None else RepositoryName(name), Digest(digest), state, bool(is_sure))

    def parents_of(self, number: int | None, digest: Digest) -> list[tuple[Digest, bool, bool]]:
        """Return the indexes that hold a manifest; is each one linked in this repository, and in any?"""
        found = self._database.execute(PARTS_OF, {"here": number, "digest": digest})
        return [(Digest(parent), bool(here), bool(anywhere)) for parent, here, anywhere in found]

    def is_linked(self, number: int | None, digest: Digest) -> bool:
        """Does a repository have this manifest?"""
        sql = "SELECT 1 FROM revisions WHERE repository = ? AND digest = ? AND linked"
        return self._database.execute(sql, (number, digest)).fetchone() is not None

    def is_known(self, digest: Digest) -> bool:
        """Was this manifest read?"""
        return self._database.execute("SELECT 1 FROM manifests WHERE digest = ?", (digest,)).fetchone() is not None

    def said(self, digest: Digest) -> tuple[str, str | None, Digest | None, float]:
        """Return of a manifest that was read: media type, artifact type, subject, and when it was written."""
        sql = "SELECT media_type, artifact_type, subject, written FROM manifests WHERE digest = ?"
        media_type, artifact_type, subject, written = self._database.execute(sql, (digest,)).fetchone()
        return media_type, artifact_type, None if subject is None else Digest(subject), written

    def needs_of(self, digest: Digest) -> list[tuple[Need, int | None]]:
        """Return what a manifest needs, with the size it gives."""
        sql = "SELECT digest, kind, required, size FROM needs WHERE parent = ? ORDER BY kind, digest"
        found = self._database.execute(sql, (digest,))
        return [(Need(Digest(each), kind, bool(required)), size) for each, kind, required, size in found]

    def tags_of(self, number: int | None, digest: Digest) -> list[str]:
        """Return the tags that point or pointed to a manifest."""
        sql = "SELECT tag FROM tags WHERE repository = ? AND digest = ? ORDER BY tag"
        return [tag for (tag,) in self._database.execute(sql, (number, digest))]

    def touched(self, number: int | None, digest: Digest) -> float | None:
        """Return when a repository's link to a manifest was removed, in seconds since 1970, if that is known."""
        sql = "SELECT touched FROM revisions WHERE repository = ? AND digest = ? AND NOT linked"
        found = self._database.execute(sql, (number, digest)).fetchone()
        return None if found is None else float(found[0])

    def comparison(self, digest: Digest) -> bool | None:
        """Return whether a blob's bytes had its digest, if they were compared."""
        found = self._database.execute("SELECT is_right FROM compared WHERE digest = ?", (digest,)).fetchone()
        return None if found is None else bool(found[0])

    def note_comparison(self, digest: Digest, *, is_right: bool) -> None:
        """Write down whether a blob's bytes have its digest."""
        self._database.execute("INSERT OR REPLACE INTO compared VALUES (?, ?)", (digest, is_right))
