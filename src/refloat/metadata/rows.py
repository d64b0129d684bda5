"""Between rows and the values of `core`, where more than one place needs it."""

import sqlite3
from collections.abc import Callable, Iterable

import msgspec

from refloat.core.moves import Move
from refloat.core.names import Digest, Reference, RepositoryName, Tag
from refloat.core.records import Change, Doomed, Moved

Execute = Callable[..., sqlite3.Cursor]

CHANGE_COLUMNS = "n, id, run, at, kind, actor, address, client, reason, undoes, held_until"
_MOVES = """
SELECT r.name, m.seq, m.reference, m.old, m.new, m.held IS NOT NULL
FROM moves m JOIN repositories r ON r.id = m.repository WHERE m.change = ?1 AND (m.repository, m.seq) > (?2, ?3)
ORDER BY m.repository, m.seq LIMIT ?4"""
_HOW_MANY = "SELECT count(*) FROM moves WHERE change = ?"


def to_reference(text: str) -> Reference:
    """Return stored text as what it is."""
    return Digest(text) if ":" in text else Tag(text)


def json_list(texts: Iterable[str]) -> str:
    """Return texts as SQLite's json_each reads them."""
    return msgspec.json.encode([str(text) for text in texts]).decode()


def to_digest(text: str | None) -> Digest | None:
    """Return stored text as a digest."""
    return None if text is None else Digest(text)


def to_change(execute: Execute, row: tuple[object, ...], most: int = -1) -> Change:
    """Return a row of CHANGE_COLUMNS, with its moves, or the first `most` of them."""
    moves = read_moves(execute, row[0], (0, 0), most)
    (total,) = execute(_HOW_MANY, (row[0],)).fetchone()
    return Change(*row[1:], moves, total)  # type: ignore[arg-type, call-arg]  # its fields, in order


def read_moves(execute: Execute, n: object, after: tuple[int, int], most: int) -> tuple[Moved, ...]:
    """Return at most `most` moves of the change with row number `n`, after a repository's number and a move's."""
    return tuple(
        Moved(
            RepositoryName(name),
            seq,
            Move(to_reference(reference), to_digest(old), to_digest(new)),
            bool(held),
        )
        for name, seq, reference, old, new, held in execute(_MOVES, (n, *after, most))
    )


def read_change(execute: Execute, n: int, most: int = -1) -> Change:
    """Return the change with row number `n`, with its moves, or the first `most` of them."""
    return to_change(execute, execute(f"SELECT {CHANGE_COLUMNS} FROM changes WHERE n = ?", (n,)).fetchone(), most)


def to_doomed(rows: Iterable[tuple[object, ...]]) -> list[Doomed]:
    """Return rows of key, digest, size, reason, condemned_at, delete_after, was_live, reaped_at."""
    return [Doomed(*row[:6], bool(row[6]), row[7]) for row in rows]  # type: ignore[arg-type, call-arg]  # in order
