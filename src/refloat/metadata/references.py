"""Tips and their history. `record` is the only place that writes a tip."""

import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from operator import itemgetter

from refloat.core.kinds import ChangeKind
from refloat.core.moves import Move
from refloat.core.names import Digest, Reference, RepositoryName
from refloat.core.records import Cause
from refloat.metadata.rows import Execute, to_digest, to_reference
from refloat.metadata.view import SqliteView

FEW = 8
_CHANGE = """
INSERT INTO changes (id, at, kind, actor, address, client, reason, undoes, held_until)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"""
_MOVE = """
INSERT INTO moves (repository, seq, change, reference, old, new, held) VALUES (?, ?, ?, ?, ?, ?, ?)"""
_SET_TIP = """
INSERT INTO tips (repository, reference, digest, manifest, change) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (repository, reference) DO UPDATE SET digest = excluded.digest, change = excluded.change"""
_LOST_IN = """
SELECT change FROM moves WHERE repository = ? AND reference = ? AND new IS NULL ORDER BY seq DESC LIMIT 1"""

# What one change took to nothing that follows a digest: what refers to it, tags on it, tags that are named after it.
# The plus: by the reference, where the index of changes would lead through all that this one moved.
_LOST = "+l.change = ?2 AND l.new IS NULL AND l.held IS NOT NULL"
_LOST_AFTER = f"""
SELECT l.seq, l.reference, l.old, m.subject FROM manifests m
JOIN moves l ON l.repository = m.repository AND l.reference = m.digest
WHERE m.repository = ?1 AND m.subject = ?3 AND {_LOST}
UNION ALL SELECT l.seq, l.reference, l.old, NULL FROM moves l
WHERE l.repository = ?1 AND l.held = ?3 AND l.reference <> ?3 AND {_LOST}
UNION ALL SELECT l.seq, l.reference, l.old, NULL FROM moves l
WHERE l.repository = ?1 AND l.reference IN (?4, ?5, ?6, ?7) AND {_LOST}"""


class References:
    """The part of a transaction that moves references."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._execute: Execute = connection.execute
        self._execute_many = connection.executemany
        self._ids: dict[RepositoryName, int] = {}

    def lock(self, repositories: Iterable[RepositoryName]) -> None:
        """Lock repositories' rows. SQLite's BEGIN IMMEDIATE has locked everything; the rows must exist."""
        for name in sorted(repositories):
            if self._repository(name) is None:
                self._execute("INSERT INTO repositories (name) VALUES (?)", (name,))

    def view(self, repository: RepositoryName) -> SqliteView:
        return SqliteView(self._execute, self._repository(repository))

    def record(
        self,
        kind: ChangeKind,
        cause: Cause,
        moves: Mapping[RepositoryName, Sequence[Move]],
        undoes: str | None,
    ) -> str | None:
        """Apply moves and write them down as one change. None: nothing moves, nothing is written."""
        if not any(moves.values()):
            return None
        n = self._execute(
            _CHANGE,
            (
                cause.change,
                cause.at,
                kind,
                cause.actor,
                cause.address,
                cause.client,
                cause.reason,
                undoes,
                cause.held_until,
            ),
        ).lastrowid
        for name in sorted(moves):
            repository = self._repository(name)
            self._write_moves(repository, n, moves[name])
            self._write_tips(repository, n, moves[name])
        return cause.change

    def _write_moves(self, repository: int | None, n: int | None, moves: Sequence[Move]) -> None:
        (seq,) = self._execute("SELECT coalesce(max(seq), 0) FROM moves WHERE repository = ?", (repository,)).fetchone()
        rows = [
            (repository, seq + offset, n, move.reference, move.old, move.new, _held(move))
            for offset, move in enumerate(moves, 1)
        ]
        self._execute_each(_MOVE, rows)

    def _write_tips(self, repository: int | None, n: int | None, moves: Sequence[Move]) -> None:
        """Digests come before the tags on them, and go after them: the foreign key holds at every step."""
        coming = [move for move in moves if move.new is not None]
        going = [move for move in moves if move.new is None]
        tips = [(repository, m.reference, m.new, None if _is_tag(m) else m.new, n) for m in sorted(coming, key=_is_tag)]
        self._execute_each(_SET_TIP, tips)
        gone = [(repository, move.reference) for move in sorted(going, key=_is_tag, reverse=True)]
        self._execute_each("DELETE FROM tips WHERE repository = ? AND reference = ?", gone)

    def _execute_each(self, statement: str, rows: Sequence[tuple[object, ...]]) -> None:
        """Run a statement for each row: one call for many, which for a few costs more."""
        if len(rows) > FEW:
            self._execute_many(statement, rows)
            return
        for row in rows:
            self._execute(statement, row)

    def lost_with(
        self, repository: RepositoryName, digests: Sequence[Digest], known: Collection[Digest]
    ) -> list[tuple[Move, Digest | None]]:
        number = self._repository(repository)
        found: dict[Reference, tuple[int, Move, Digest | None]] = {}
        pending, seen = list(self._lost_in(number, digests)), {*digests}
        while pending:
            change, after = pending.pop()
            for seq, text, old, subject in self._execute(_LOST_AFTER, (number, change, after, *after.fallback_tags)):
                reference, value = to_reference(text), Digest(old)
                found[reference] = (seq, Move(reference, value, None), to_digest(subject))
                if value not in seen and value not in known:
                    seen.add(value)
                    pending.append((change, value))
        return [(move, subject) for _, move, subject in sorted(found.values(), key=itemgetter(0))]

    def _lost_in(self, repository: int | None, digests: Sequence[Digest]) -> Iterator[tuple[int, Digest]]:
        """Yield the number of the change that last took a manifest, and the manifest: of those that were there."""
        for digest in digests:
            for (change,) in self._execute(_LOST_IN, (repository, digest)):
                yield change, digest

    def value_before(self, repository: RepositoryName, reference: Reference, revision: int) -> Digest | None:
        """Return the value `reference` had `revision` moves ago (1: before its last move)."""
        row = self._execute(
            "SELECT old FROM moves WHERE repository = ? AND reference = ? ORDER BY seq DESC LIMIT 1 OFFSET ?",
            (self._repository(repository), reference, revision - 1),
        ).fetchone()
        return to_digest(row[0]) if row else None

    def has_moved_before(self, repository: RepositoryName, reference: Reference, seq: int) -> bool:
        row = self._execute(
            "SELECT 1 FROM moves WHERE repository = ? AND reference = ? AND seq < ? LIMIT 1",
            (self._repository(repository), reference, seq),
        ).fetchone()
        return row is not None

    def value_at(self, repository: RepositoryName, reference: Reference, at: int) -> Digest | None:
        """Return the value `reference` had at an instant, by the order of moves rather than by their stamps."""
        row = self._execute(
            """SELECT m.new FROM moves m JOIN changes c ON c.n = m.change
               WHERE m.repository = ? AND m.reference = ? AND c.at <= ? ORDER BY m.seq DESC LIMIT 1""",
            (self._repository(repository), reference, at),
        ).fetchone()
        return to_digest(row[0]) if row else None

    def _repository(self, name: RepositoryName) -> int | None:
        if name not in self._ids:
            row = self._execute("SELECT id FROM repositories WHERE name = ?", (name,)).fetchone()
            if row is None:
                return None
            self._ids[name] = row[0]
        return self._ids[name]


def _held(move: Move) -> Digest | None:
    return move.old  # guard: moves-hold-what-they-displace


def _is_tag(move: Move) -> bool:
    return not isinstance(move.reference, Digest)
