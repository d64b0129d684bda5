"""Reads for people: lists, pages, one change. They may take milliseconds and run in a thread."""

from collections.abc import Callable
from itertools import islice

from refloat.core.errors import ChangeUnknown
from refloat.core.manifest import Need
from refloat.core.names import ATTACHING, STEM, Digest, Reference, RepositoryName, Tag
from refloat.core.narrowing import EVERYTHING, Narrowing
from refloat.core.records import Change, Doomed, Moved, PastValue, RepositoryEntry, StoredManifest, TagEntry
from refloat.core.standing import Standing
from refloat.metadata import committed
from refloat.metadata.committed import Row
from refloat.metadata.pricing import BLOBS_BELOW, SqlitePrices
from refloat.metadata.rows import read_change, read_moves, to_change, to_digest, to_doomed, to_reference
from refloat.metadata.sqlite import counted_steps

# What a change displaced, that neither history nor anything else still holds.
_LACKS = """
SELECT 1 FROM changes c JOIN moves m ON m.change = c.n
WHERE c.id = ? AND m.old IS NOT NULL AND m.held IS NULL
AND NOT EXISTS (SELECT 1 FROM manifests x WHERE x.repository = m.repository AND x.digest = m.old) LIMIT 1"""

# A reference that still is where a change moved it, and one that is neither there nor where it was before. The first
# is found soon; the other is not looked for among more moves than take some hundredths of a second.
_STANDING = """
SELECT EXISTS (SELECT 1 FROM moves m WHERE m.change = c.n AND m.new IS (
    SELECT t.digest FROM tips t WHERE t.repository = m.repository AND t.reference = m.reference)),
EXISTS (SELECT 1 FROM (SELECT repository, reference, old, new FROM moves WHERE change = c.n LIMIT 10000) AS some
    LEFT JOIN tips t ON t.repository = some.repository AND t.reference = some.reference
    WHERE t.digest IS NOT some.new AND t.digest IS NOT some.old)
FROM changes c WHERE c.id = ?"""

_HISTORY = """
SELECT m.reference, m.seq, c.at, m.old, m.new, c.id, c.kind, c.actor, c.address, c.client, c.reason, c.held_until,
    EXISTS (SELECT 1 FROM manifests x WHERE x.repository = m.repository AND x.digest = m.new),
    m.old IS NULL OR EXISTS (SELECT 1 FROM manifests x WHERE x.repository = m.repository AND x.digest = m.old),
    l.seq IS NULL, CASE WHEN l.new IS m.old THEN (SELECT id FROM changes WHERE n = l.change) END
FROM repositories r JOIN moves m ON m.repository = r.id JOIN changes c ON c.n = m.change
LEFT JOIN moves l ON l.repository = m.repository AND l.seq = (SELECT min(k.seq) FROM moves k
    WHERE k.repository = m.repository AND k.reference = m.reference AND k.seq > m.seq)
WHERE r.name = ?1 AND m.seq < ?2 AND {which} AND c.at >= ?4 ORDER BY m.seq DESC LIMIT ?5"""
_ONE_REFERENCE = "m.reference = ?3"
_TAGS_ONLY = "m.reference NOT LIKE '%:%' AND ?3 IS NULL"

_SIZE = f"SELECT coalesce(sum(size), 0) FROM ({BLOBS_BELOW})"

_IMAGES = """
SELECT t.reference, m.digest, m.media_type, m.artifact_type, m.pushed_at FROM tips t
JOIN manifests m ON m.repository = t.repository AND m.digest = t.digest
WHERE t.repository = ? AND t.manifest IS NULL AND t.reference > ? ORDER BY t.reference LIMIT ?"""

_UNTAGGED = """
SELECT NULL, m.digest, m.media_type, m.artifact_type, m.pushed_at FROM tips t
JOIN manifests m ON m.repository = t.repository AND m.digest = t.manifest
WHERE t.repository = ?1 AND t.manifest > ?2 AND m.subject IS NULL
AND NOT EXISTS (SELECT 1 FROM tips g WHERE g.repository = ?1 AND g.digest = m.digest AND g.manifest IS NULL)
AND NOT EXISTS (SELECT 1 FROM refs f JOIN tips p ON p.repository = ?1 AND p.reference = f.parent
    WHERE f.repository = ?1 AND f.child = m.digest)
ORDER BY m.digest LIMIT ?3"""

# One line of a page, as in `reads`: ten thousand rows would each cost a turn of the interpreter's lock.
_TAGGED = """
SELECT group_concat(reference || ' ' || digest, char(10)) FROM (
    SELECT t.reference, t.digest FROM repositories r JOIN tips t ON t.repository = r.id
    WHERE r.name = ? AND t.manifest IS NULL AND t.reference > ? ORDER BY t.reference LIMIT ?)"""

_QUIET_TAGS = """
SELECT t.reference, t.digest FROM repositories r JOIN tips t ON t.repository = r.id JOIN changes c ON c.n = t.change
JOIN manifests m ON m.repository = t.repository AND m.digest = t.digest
WHERE r.name = ?1 AND t.manifest IS NULL AND c.at < ?2 AND m.pushed_at < ?2{which} ORDER BY t.reference"""
_QUIET_TAG = _QUIET_TAGS.format(which=" AND t.reference = ?3")

# Untagged, and since an instant neither pushed nor made live nor robbed of a tag, nor did anything come that refers to
# it, or is attached to it by a tag's name, or to what does.
_QUIET_UNTAGGED = f"""
SELECT u.digest FROM ({_UNTAGGED}) u WHERE u.pushed_at < ?4
AND NOT EXISTS (SELECT 1 FROM tips t JOIN changes c ON c.n = t.change
    WHERE t.repository = ?1 AND t.reference = u.digest AND c.at >= ?4)
AND NOT EXISTS (SELECT 1 FROM moves l JOIN changes c ON c.n = l.change
    WHERE l.repository = ?1 AND l.held = u.digest AND c.at >= ?4)
AND NOT EXISTS (
    WITH RECURSIVE follower(digest, at) AS (
        SELECT u.digest, 0
        UNION SELECT m.digest, max(m.pushed_at, c.at) FROM follower f
        JOIN manifests m ON m.repository = ?1 AND m.subject = f.digest
        JOIN tips t ON t.repository = ?1 AND t.reference = m.digest JOIN changes c ON c.n = t.change
        UNION SELECT t.digest, max(m.pushed_at, c.at) FROM follower f
        JOIN (SELECT NULL AS what WHERE 0 UNION ALL VALUES {", ".join(f"('{suffix}')" for suffix in ATTACHING)})
        JOIN tips t ON t.repository = ?1 AND t.reference = substr(replace(f.digest, ':', '-'), 1, {STEM}) || what
        JOIN manifests m ON m.repository = ?1 AND m.digest = t.digest JOIN changes c ON c.n = t.change)
    SELECT 1 FROM follower WHERE at >= ?4)"""
_QUIET_MANIFEST = _QUIET_UNTAGGED.replace("t.manifest > ?2", "t.manifest = ?2")

_REPOSITORIES = """
SELECT r.id, r.name, (SELECT count(*) FROM tips WHERE repository = r.id AND manifest IS NULL),
    (SELECT count(*) FROM tips WHERE repository = r.id AND manifest IS NOT NULL),
    (SELECT coalesce(sum(size), 0) FROM (
        SELECT DISTINCT f.blob, f.size FROM tips t JOIN refs f ON f.repository = r.id AND f.parent = t.manifest
        WHERE t.repository = r.id AND t.manifest IS NOT NULL AND f.blob IS NOT NULL)),
    (SELECT m.pushed_at FROM manifests m WHERE m.repository = r.id
        AND EXISTS (SELECT 1 FROM tips t WHERE t.repository = r.id AND t.reference = m.digest)
        ORDER BY m.pushed_at DESC LIMIT 1)
FROM repositories r WHERE r.name > ? AND EXISTS (SELECT 1 FROM tips WHERE repository = r.id)
ORDER BY r.name LIMIT ?"""

_STORED = """
SELECT m.media_type, CAST(m.body AS BLOB) FROM repositories r JOIN manifests m ON m.repository = r.id
WHERE r.name = ? AND m.digest = ?"""

_NAMES = """
SELECT name FROM repositories r WHERE name >= ?1 AND name < ?1 || '~' AND {held}
ORDER BY name LIMIT ?2"""
_LIVE_NAMES = _NAMES.format(held="EXISTS (SELECT 1 FROM tips t WHERE t.repository = r.id)")
_TRASH_NAMES = _NAMES.format(
    held="EXISTS (SELECT 1 FROM moves m WHERE m.repository = r.id AND m.held IS NOT NULL AND m.new IS NULL)"
)

_LIVE_TAGS = """
SELECT reference FROM tips WHERE repository = ?1 AND reference >= ?2 AND reference < ?2 || '~' AND manifest IS NULL
ORDER BY reference"""
_TRASH_TAGS = """
SELECT DISTINCT reference FROM moves m WHERE repository = ?1 AND reference >= ?2 AND reference < ?2 || '~'
AND held IS NOT NULL AND new IS NULL AND instr(reference, ':') = 0
AND NOT EXISTS (SELECT 1 FROM tips t WHERE t.repository = ?1 AND t.reference = m.reference)
ORDER BY reference"""

_NEEDS = """
SELECT f.digest, f.kind, f.required,
    coalesce(f.size, (SELECT length(body) FROM manifests WHERE repository = f.repository AND digest = f.child))
FROM repositories r JOIN refs f ON f.repository = r.id
WHERE r.name = ? AND f.parent = ?"""

_DOOMED = """
SELECT key, digest, size, reason, condemned_at, delete_after, was_live, reaped_at FROM doomed
ORDER BY delete_after LIMIT ?"""

NEWEST = 2**62
MOST_STEPS = 20_000_000  # of SQLite's machine for one page: much less than a second
FIRST_MOVES = 100  # of each change in a list


class SqliteListing(SqlitePrices):
    """`ports.Listing` on one connection."""

    def change(self, prefix: str) -> Change:
        rows = self._execute(
            "SELECT n, id FROM changes WHERE id >= ?1 AND id < ?1 || '~' ORDER BY id LIMIT 2", (prefix,)
        ).fetchall()
        if not rows or not prefix:
            raise ChangeUnknown(f"there is no change {prefix}")
        if len(rows) > 1 and rows[0][1] != prefix:
            matches = [row[1] for row in rows]
            raise ChangeUnknown(f"{prefix} is ambiguous: several changes begin with it", {"matches": matches})
        return read_change(self._execute, rows[0][0])

    def changes(
        self, repository: RepositoryName | None, before: str | None, limit: int, narrowing: Narrowing = EVERYTHING
    ) -> list[Change]:
        place = self._number(before)
        return self._told(repository, lambda here: committed.log(self._execute, here, place, limit, narrowing))

    def changes_after(
        self, repository: RepositoryName | None, after: str, limit: int, narrowing: Narrowing = EVERYTHING
    ) -> list[Change]:
        place = self._number(after) if after else 0
        return self._told(repository, lambda here: committed.following(self._execute, here, place, limit, narrowing))

    def trash(self, repository: RepositoryName | None, before: str | None, limit: int) -> list[Change]:
        place = self._number(before)
        return self._told(repository, lambda here: committed.trash(self._execute, here, place, limit))

    def _told(self, repository: RepositoryName | None, found: Callable[[int | None], list[Row]]) -> list[Change]:
        """Return the changes of a repository, which has none if it is not there, or of all."""
        here = None if repository is None else self._repository(repository)
        if repository is not None and here is None:
            return []
        return [to_change(self._execute, row, FIRST_MOVES) for row in found(here)]

    def moves(self, change: str, after: tuple[RepositoryName, int] | None, limit: int) -> list[Moved]:
        place = (0, 0) if after is None else (self._repository(after[0]) or 0, after[1])
        return list(read_moves(self._execute, self._number(change), place, limit))

    def is_undoable(self, change: str) -> bool:
        return self._execute(_LACKS, (change,)).fetchone() is None

    def standing(self, change: str) -> Standing:
        row = self._execute(_STANDING, (change,)).fetchone()
        if row is None:
            raise ChangeUnknown(f"there is no change {change}")
        return Standing(bool(row[0]), bool(row[1]))

    def undone_by(self, change: str) -> str | None:
        """Return the newest change that took `change` back."""
        row = self._execute("SELECT id FROM changes WHERE undoes = ? ORDER BY n DESC LIMIT 1", (change,)).fetchone()
        return str(row[0]) if row else None

    def history(
        self, repository: RepositoryName, reference: Reference | None, before: int | None, limit: int, since: int = 0
    ) -> list[PastValue]:
        statement = _HISTORY.format(which=_TAGS_ONLY if reference is None else _ONE_REFERENCE)
        rows = self._execute(statement, (repository, NEWEST if before is None else before, reference, since, limit))
        return [
            PastValue(  # type: ignore[call-arg]  # its fields, in order
                to_reference(row[0]),
                row[1],
                row[2],
                to_digest(row[3]),
                to_digest(row[4]),
                *row[5:12],
                bool(row[12]),
                bool(row[13]),
                bool(row[14]),
                row[15],
            )
            for row in rows
        ]

    def repositories(self, last: str, limit: int) -> list[RepositoryEntry]:
        return [
            RepositoryEntry(RepositoryName(row[1]), *row[2:]) for row in self._execute(_REPOSITORIES, (last, limit))
        ]

    def repositories_beginning(self, prefix: str, limit: int, *, deleted: bool) -> list[RepositoryName]:
        rows = self._execute(_TRASH_NAMES if deleted else _LIVE_NAMES, (prefix, limit))
        return [RepositoryName(row[0]) for row in rows]

    def tags_beginning(self, repository: RepositoryName, prefix: str, limit: int, *, deleted: bool) -> list[Tag]:
        rows = self._execute(_TRASH_TAGS if deleted else _LIVE_TAGS, (self._repository(repository), prefix))
        return list(islice((tag for row in rows if (tag := Tag(row[0])).subject is None), limit))

    def images(self, repository: RepositoryName, last: str, limit: int) -> list[TagEntry]:
        return self._entries(_IMAGES, repository, last, limit)

    def untagged(self, repository: RepositoryName, last: str, limit: int) -> list[TagEntry]:
        return self._entries(_UNTAGGED, repository, last, limit)

    def tagged(self, repository: RepositoryName, last: str, limit: int) -> dict[Tag, Digest]:
        (line,) = self._execute(_TAGGED, (repository, last, limit)).fetchone()
        pairs = sorted(entry.split(" ") for entry in line.split("\n")) if line else []
        return {Tag(tag): Digest(digest) for tag, digest in pairs}

    def quiet_tags(self, repository: RepositoryName, since: int) -> dict[Tag, Digest]:
        rows = self._execute(_QUIET_TAGS.format(which=""), (repository, since))
        return {Tag(row[0]): Digest(row[1]) for row in rows}

    def quiet_untagged(self, repository: RepositoryName, since: int | None) -> list[Digest]:
        asked = (self._repository(repository), "", -1, NEWEST if since is None else since)
        return [Digest(row[0]) for row in self._execute(_QUIET_UNTAGGED, asked)]

    def is_quiet(self, repository: RepositoryName, reference: Reference, since: int | None) -> bool:
        since = NEWEST if since is None else since
        if isinstance(reference, Digest):
            found = self._execute(_QUIET_MANIFEST, (self._repository(repository), reference, -1, since))
        else:
            found = self._execute(_QUIET_TAG, (repository, since, reference))
        return found.fetchone() is not None

    def live_digests(self, repository: RepositoryName) -> list[Digest]:
        rows = self._execute(
            "SELECT manifest FROM tips WHERE repository = ? AND manifest IS NOT NULL", (self._repository(repository),)
        )
        return [Digest(row[0]) for row in rows]

    def _entries(self, statement: str, repository: RepositoryName, last: str, limit: int) -> list[TagEntry]:
        number, sizes, entries = self._repository(repository), dict[str, int](), list[TagEntry]()
        with counted_steps(self._connection) as steps:
            for row in self._execute(statement, (number, last, limit)).fetchall():
                tag, digest = Tag(row[0]) if row[0] else None, Digest(row[1])
                if digest not in sizes:
                    sizes[digest] = self._size(number, digest)
                entries.append(TagEntry(tag, digest, row[2], row[3], sizes[digest], row[4]))
                if steps.taken > MOST_STEPS:
                    break
        return entries

    def _size(self, number: int | None, digest: str) -> int:
        (size,) = self._execute(_SIZE, (number, digest)).fetchone()
        return int(size)

    def stored(self, repository: RepositoryName, digest: Digest) -> StoredManifest | None:
        row = self._execute(_STORED, (repository, digest)).fetchone()
        return StoredManifest(digest, row[0], row[1]) if row else None

    def needs(self, repository: RepositoryName, digest: Digest) -> list[tuple[Need, int | None]]:
        rows = self._execute(_NEEDS, (repository, digest))
        return [(Need(Digest(row[0]), row[1], bool(row[2])), row[3]) for row in rows]

    def tags_on(self, repository: RepositoryName, digest: Digest) -> list[Tag]:
        """Return the tags that point to a digest."""
        rows = self._execute(
            "SELECT reference FROM tips WHERE repository = ? AND digest = ? AND manifest IS NULL ORDER BY reference",
            (self._repository(repository), digest),
        )
        return [Tag(row[0]) for row in rows]

    def matching(self, repository: RepositoryName, prefix: str, limit: int) -> list[Digest]:
        rows = self._execute(
            """SELECT manifest FROM tips WHERE repository = ?1 AND manifest >= ?2 AND manifest < ?2 || '~'
               ORDER BY manifest LIMIT ?3""",
            (self._repository(repository), prefix, limit),
        )
        return [Digest(row[0]) for row in rows]

    def held_matching(self, repository: RepositoryName, prefix: str, limit: int) -> list[Digest]:
        rows = self._execute(
            """SELECT DISTINCT held FROM moves WHERE repository = ?1 AND held >= ?2 AND held < ?2 || '~'
               ORDER BY held LIMIT ?3""",
            (self._repository(repository), prefix, limit),
        )
        return [Digest(row[0]) for row in rows]

    def past_matching(self, repository: RepositoryName, prefix: str, limit: int) -> list[Digest]:
        rows = self._execute(
            """SELECT DISTINCT reference FROM moves WHERE repository = ?1 AND reference >= ?2 AND reference < ?2 || '~'
               ORDER BY reference LIMIT ?3""",
            (self._repository(repository), prefix, limit),
        )
        return [Digest(row[0]) for row in rows]

    def doomed(self, limit: int) -> list[Doomed]:
        return to_doomed(self._execute(_DOOMED, (limit,)))

    def _number(self, change: str | None) -> int:
        if change is None:
            return NEWEST
        row = self._execute("SELECT n FROM changes WHERE id = ?", (change,)).fetchone()
        if row is None:
            raise ChangeUnknown(f"there is no change {change}")
        return int(row[0])
