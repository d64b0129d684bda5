"""What a manifest needs, entered as one statement for each kind: an index may name tens of thousands.

In the order of their digests, so that neighbours in an index of the database are written together.
"""

import json
from collections.abc import Iterable, Sequence

from refloat.core.manifest import Need
from refloat.core.names import Digest
from refloat.metadata.rows import Execute

HELD = (
    "EXISTS (SELECT 1 FROM blobs b WHERE b.digest = {digest}"
    " AND b.damaged_at IS NULL"  # guard: what-is-damaged-is-pushed-again
    " AND (EXISTS (SELECT 1 FROM leases WHERE repository = ?1 AND digest = b.digest)"
    " OR EXISTS (SELECT 1 FROM refs INDEXED BY refs_blob WHERE blob = b.digest AND repository = ?1)))"
)
_MISSING = f"SELECT n.value FROM json_each(?2) n WHERE NOT {HELD.format(digest='n.value')}"
_REQUIRED = """
INSERT INTO refs (repository, parent, digest, kind, required, child, blob, size)
SELECT ?1, ?2, n.value, ?3, 1, NULL, n.value, (SELECT size FROM blobs WHERE digest = n.value) FROM json_each(?4) n"""
# The limit is none: it keeps SQLite from working out what holds a digest once for `blob` and again for its size.
_OPTIONAL = f"""
INSERT INTO refs (repository, parent, digest, kind, required, child, blob, size)
SELECT ?1, ?2, h.digest, ?3, 0, h.child, h.blob, (SELECT size FROM blobs WHERE digest = h.blob) FROM (
    SELECT n.value AS digest, m.digest AS child,
        CASE WHEN m.digest IS NULL AND {HELD.format(digest='n.value')} THEN n.value END AS blob
    FROM json_each(?4) n LEFT JOIN manifests m ON m.repository = ?1 AND m.digest = n.value LIMIT -1) h"""


def missing(execute: Execute, repository: int | None, needs: Iterable[Need]) -> list[Digest]:
    """Return the required digests that a repository does not hold, in the order they are named."""
    required = [need.digest for need in needs if need.required]
    if not required:
        return []
    absent = {row[0] for row in execute(_MISSING, (repository, json.dumps(required)))}
    return [digest for digest in required if digest in absent]


def enter(execute: Execute, repository: int | None, parent: Digest, needs: Sequence[Need]) -> None:
    """Write down what a manifest needs. It is held as whatever the repository has under each digest.

    A required blob that nothing holds fails on the foreign key.
    """
    kinds: dict[tuple[str, bool], list[Digest]] = {}
    for need in needs:
        kinds.setdefault((need.kind, need.required), []).append(need.digest)
    for (kind, required), digests in kinds.items():
        statement = _REQUIRED if required else _OPTIONAL
        execute(statement, (repository, parent, kind, json.dumps(sorted(digests))))

