"""A repository as the rules of `core.moves` see it, inside a transaction.

The rules ask about one reference after the other. Of an index with very many children that would be some statements for
each, while nobody else writes: what they ask about such a child is read for all of its siblings at once.
"""

from collections.abc import Mapping, Sequence
from typing import Literal

from refloat.core.names import Digest, Reference, Tag
from refloat.metadata.rows import Execute, json_list, to_digest

MANY = 64  # children of one index that are read together

_Asked = Literal["value", "tags", "children", "parents", "referrers", "attached"]
_ONE: Mapping[_Asked, str] = {
    "value": "SELECT digest FROM tips WHERE repository = ? AND reference = ?",
    "tags": "SELECT reference FROM tips WHERE repository = ? AND digest = ? AND manifest IS NULL",
    "children": "SELECT digest FROM refs WHERE repository = ? AND parent = ? AND child IS NOT NULL",
    "parents": """SELECT f.parent FROM refs f JOIN tips t ON t.repository = f.repository AND t.reference = f.parent
        WHERE f.repository = ? AND f.child = ?""",
    "referrers": """SELECT m.digest FROM manifests m JOIN tips t
        ON t.repository = m.repository AND t.reference = m.digest WHERE m.repository = ? AND m.subject = ?""",
}
_ALL: Mapping[_Asked, str] = {
    "value": """SELECT n.value, t.digest FROM json_each(?2) n CROSS JOIN tips t
        ON t.repository = ?1 AND t.reference = n.value""",
    "tags": """SELECT n.value, t.reference FROM json_each(?2) n CROSS JOIN tips t
        ON t.repository = ?1 AND t.digest = n.value AND t.manifest IS NULL""",
    "children": """SELECT n.value, f.digest FROM json_each(?2) n CROSS JOIN refs f
        ON f.repository = ?1 AND f.parent = n.value AND f.child IS NOT NULL""",
    "parents": """SELECT n.value, f.parent FROM json_each(?2) n CROSS JOIN refs f
        ON f.repository = ?1 AND f.child = n.value CROSS JOIN tips t
        ON t.repository = ?1 AND t.reference = f.parent""",
    "referrers": """SELECT n.value, m.digest FROM json_each(?2) n CROSS JOIN manifests m
        ON m.repository = ?1 AND m.subject = n.value CROSS JOIN tips t
        ON t.repository = ?1 AND t.reference = m.digest""",
    "attached": """SELECT t.reference, t.digest
        FROM json_each(?2) n CROSS JOIN json_each('["",".sig",".sbom",".att"]') s CROSS JOIN tips t
        ON t.repository = ?1 AND t.reference = replace(n.value, ':', '-') || s.value""",
}
"""The same of a list of digests, each row beginning with what it is about."""


class SqliteView:
    """`core.moves.View` of one repository. A repository without a row looks empty."""

    def __init__(self, execute: Execute, repository: int | None) -> None:
        self._execute = execute
        self._repository = repository
        self._siblings: dict[str, _Siblings] = {}

    def value(self, reference: Reference) -> Digest | None:
        found = self._found("value", reference)
        return to_digest(found[0]) if found else None

    def tags_on(self, digest: Digest) -> Sequence[Tag]:
        return [Tag(text) for text in self._found("tags", digest)]

    def children(self, digest: Digest) -> Sequence[Digest]:
        found = self._found("children", digest)
        if len(found) >= MANY:
            siblings = _Siblings(self._execute, self._repository, found)
            for child in found:
                self._siblings.setdefault(child, siblings)
        return [Digest(text) for text in found]

    def live_parents(self, digest: Digest) -> Sequence[Digest]:
        return [Digest(text) for text in self._found("parents", digest)]

    def live_referrers(self, digest: Digest) -> Sequence[Digest]:
        return [Digest(text) for text in self._found("referrers", digest)]

    def _found(self, asked: _Asked, reference: Reference) -> Sequence[str]:
        if self._siblings and (found := self._among_siblings(asked, reference)) is not None:
            return found
        return [row[0] for row in self._execute(_ONE[asked], (self._repository, reference))]

    def _among_siblings(self, asked: _Asked, reference: Reference) -> Sequence[str] | None:
        if isinstance(reference, Tag):
            subject = reference.subject
            return None if subject not in self._siblings else self._siblings[subject].found("attached", reference)
        return None if reference not in self._siblings else self._siblings[reference].found(asked, reference)

    def _digests(self, statement: str, digest: Digest) -> list[Digest]:
        return [Digest(row[0]) for row in self._execute(statement, (self._repository, digest))]


class _Siblings:
    """The children of one index, about which everything is asked at once."""

    def __init__(self, execute: Execute, repository: int | None, digests: Sequence[str]) -> None:
        self._execute = execute
        self._repository = repository
        self._list = json_list(digests)
        self._answers: dict[_Asked, dict[str, list[str]]] = {}

    def found(self, asked: _Asked, about: str) -> Sequence[str]:
        """Return what is to be answered about one of them."""
        if asked not in self._answers:
            answers = self._answers.setdefault(asked, {})
            for name, answer in self._execute(_ALL[asked], (self._repository, self._list)):
                answers.setdefault(name, []).append(answer)
        return self._answers[asked].get(about, ())
