"""A repository with all it still has, as the rules of a purge see it, inside a transaction."""

from collections.abc import Sequence

from refloat.core.names import Digest, Tag
from refloat.metadata.view import SqliteView

_USERS = """
SELECT parent FROM refs WHERE repository = ? AND digest = ? AND (child IS NOT NULL OR blob IS NOT NULL)"""
_PAST_VALUES = """
SELECT DISTINCT held FROM moves WHERE repository = ? AND reference = ? AND held IS NOT NULL"""


class SqliteRemains(SqliteView):
    """`core.purge.Remains` of one repository."""

    def has(self, digest: Digest) -> bool:
        row = self._execute(
            "SELECT 1 FROM manifests WHERE repository = ? AND digest = ?", (self._repository, digest)
        ).fetchone()
        return row is not None

    def users(self, digest: Digest) -> Sequence[Digest]:
        return self._digests(_USERS, digest)

    def referrers(self, digest: Digest) -> Sequence[Digest]:
        return self._digests("SELECT digest FROM manifests WHERE repository = ? AND subject = ?", digest)

    def past_values(self, tag: Tag) -> Sequence[Digest]:
        return [Digest(row[0]) for row in self._execute(_PAST_VALUES, (self._repository, tag))]

    def past_tags(self, digest: Digest) -> Sequence[Tag]:
        rows = self._execute(
            "SELECT DISTINCT reference FROM moves WHERE repository = ? AND held = ? AND reference <> held",
            (self._repository, digest),
        )
        return [Tag(row[0]) for row in rows]
