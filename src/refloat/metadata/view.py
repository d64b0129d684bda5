"""A repository as the rules of `core.moves` see it, inside a transaction."""

from collections.abc import Sequence

from refloat.core.names import Digest, Reference, Tag
from refloat.metadata.rows import Execute, to_digest

_CHILDREN = "SELECT child FROM refs WHERE repository = ? AND parent = ? AND child IS NOT NULL"
_LIVE_PARENTS = """
SELECT f.parent FROM refs f JOIN tips t ON t.repository = f.repository AND t.reference = f.parent
WHERE f.repository = ? AND f.child = ?"""
_LIVE_REFERRERS = """
SELECT m.digest FROM manifests m JOIN tips t ON t.repository = m.repository AND t.reference = m.digest
WHERE m.repository = ? AND m.subject = ?"""


class SqliteView:
    """`core.moves.View` of one repository. A repository without a row looks empty."""

    def __init__(self, execute: Execute, repository: int | None) -> None:
        self._execute = execute
        self._repository = repository

    def value(self, reference: Reference) -> Digest | None:
        row = self._execute(
            "SELECT digest FROM tips WHERE repository = ? AND reference = ?", (self._repository, reference)
        ).fetchone()
        return to_digest(row[0]) if row else None

    def tags_on(self, digest: Digest) -> Sequence[Tag]:
        rows = self._execute(
            "SELECT reference FROM tips WHERE repository = ? AND digest = ? AND manifest IS NULL",
            (self._repository, digest),
        )
        return [Tag(row[0]) for row in rows]

    def children(self, digest: Digest) -> Sequence[Digest]:
        return self._digests(_CHILDREN, digest)

    def live_parents(self, digest: Digest) -> Sequence[Digest]:
        return self._digests(_LIVE_PARENTS, digest)

    def live_referrers(self, digest: Digest) -> Sequence[Digest]:
        return self._digests(_LIVE_REFERRERS, digest)

    def _digests(self, statement: str, digest: Digest) -> list[Digest]:
        return [Digest(row[0]) for row in self._execute(statement, (self._repository, digest))]
