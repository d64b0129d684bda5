"""What a manifest needs, entered as one statement for each kind: an index may name tens of thousands.

In the order of their digests, so that neighbours in an index of the database are written together.
"""

from collections.abc import Iterable, Sequence

from refloat.core.manifest import Need
from refloat.core.names import Digest
from refloat.metadata.rows import Execute, json_list

_HAS = """(EXISTS (SELECT 1 FROM leases WHERE repository = ?1 AND digest = b.digest)
    OR EXISTS (SELECT 1 FROM refs INDEXED BY refs_blob WHERE blob = b.digest AND repository = ?1))"""
_MISSING = (
    "SELECT n.value FROM json_each(?2) n WHERE NOT EXISTS (SELECT 1 FROM blobs b WHERE b.digest = n.value"
    " AND b.damaged_at IS NULL"  # guard: what-is-damaged-is-pushed-again
    f" AND {_HAS})"
)
_INTO = "INSERT INTO refs (repository, parent, digest, kind, required, child, blob, size)"
_REQUIRED = f"""{_INTO}
SELECT ?1, ?2, n.value, ?3, 1, NULL, n.value, (SELECT size FROM blobs WHERE digest = n.value) FROM json_each(?4) n
WHERE true"""
# The limit is none: it keeps SQLite from working out what holds a digest once for `blob` and again for its size.
_OPTIONAL = (
    f"{_INTO} SELECT ?1, ?2, h.digest, ?3, 0, h.child, h.blob, (SELECT size FROM blobs WHERE digest = h.blob) FROM ("
    " SELECT n.value AS digest,"
    " (SELECT digest FROM manifests WHERE repository = ?1 AND digest = n.value)"  # guard: a-part-that-is-there-is-one
    " AS child,"
    f" (SELECT b.digest FROM blobs b WHERE b.digest = n.value AND {_HAS})"  # guard: a-blob-that-is-there-is-held
    " AS blob FROM json_each(?4) n LIMIT -1) h WHERE true"
)
_ANEW = """
ON CONFLICT (repository, parent, digest) DO UPDATE SET kind = excluded.kind, required = excluded.required,
child = excluded.child, blob = excluded.blob, size = excluded.size"""


def missing(execute: Execute, repository: int | None, needs: Iterable[Need]) -> list[Digest]:
    """Return the required digests that a repository does not hold, in the order they are named."""
    required = [need.digest for need in needs if need.required]
    if not required:
        return []
    absent = {row[0] for row in execute(_MISSING, (repository, json_list(required)))}
    return [digest for digest in required if digest in absent]


def enter(execute: Execute, repository: int | None, parent: Digest, needs: Sequence[Need]) -> None:
    """Write down what a manifest needs. It is held as whatever the repository has under each digest.

    A required blob that nothing holds fails on the foreign key.
    """
    for (kind, required), digests in _by_kind(needs).items():
        execute(_REQUIRED if required else _OPTIONAL, (repository, parent, kind, digests))


def enter_anew(execute: Execute, repository: int | None, parent: Digest, needs: Sequence[Need]) -> None:
    """The same for a manifest that is read as another type now: what is written down of a digest is replaced."""
    for (kind, required), digests in _by_kind(needs).items():
        execute((_REQUIRED if required else _OPTIONAL) + _ANEW, (repository, parent, kind, digests))


def _by_kind(needs: Sequence[Need]) -> dict[tuple[str, bool], str]:
    """Return the digests of each kind, required and not, in their order as JSON."""
    kinds: dict[tuple[str, bool], list[Digest]] = {}
    for need in needs:
        kinds.setdefault((need.kind, need.required), []).append(need.digest)
    return {kind: json_list(sorted(digests)) for kind, digests in kinds.items()}
