"""Changes in the order they were committed: those of a log, and those in the trash.

Those of one repository, and those in the trash, are found by steps from one change to the next, each one look into an
index: it matters neither how much happened elsewhere nor how many references a change moved.
"""

from refloat.core.narrowing import Narrowing
from refloat.metadata.rows import CHANGE_COLUMNS, Execute

Row = tuple[object, ...]

_STEPS = f"""
WITH RECURSIVE step (number) AS (
    SELECT {{next}}(m.change) FROM moves m WHERE {{which}} AND m.change {{beyond}} ?2
    UNION ALL SELECT (SELECT {{next}}(m.change) FROM moves m WHERE {{which}} AND m.change {{beyond}} s.number)
    FROM step s WHERE s.number IS NOT NULL)
SELECT {CHANGE_COLUMNS} FROM step s CROSS JOIN changes c ON c.n = s.number WHERE {{wanted}} LIMIT ?3"""

_NARROWED = """
(?4 IS NULL OR ?4 IN (c.actor, c.address, c.client)
    OR substr(c.client, 1, length(?4) + 1) IN (?4 || '/', ?4 || ' '))
AND (?5 IS NULL OR c.at >= ?5) AND (?6 = '' OR instr(?6, ' ' || c.kind || ' '))"""
_EVERYWHERE = f"SELECT {CHANGE_COLUMNS} FROM changes c WHERE ?1 IS NULL AND c.n {{beyond}} ?2 AND {_NARROWED}"
_HERE = "m.repository = ?1"
_BEFORE = _EVERYWHERE.format(beyond="<") + " ORDER BY c.n DESC LIMIT ?3"
_AFTER = _EVERYWHERE.format(beyond=">") + " ORDER BY c.n LIMIT ?3"
_BEFORE_HERE = _STEPS.format(next="max", beyond="<", which=_HERE, wanted=_NARROWED)
_AFTER_HERE = _STEPS.format(next="min", beyond=">", which=_HERE, wanted=_NARROWED)

# In the trash: what a change moved to nothing, held, and nobody moved since.
_LEFT = "m.held IS NOT NULL AND m.new IS NULL"
_STILL_GONE = f"""
EXISTS (SELECT 1 FROM moves m WHERE {{which}} AND m.change = c.n AND {_LEFT} AND NOT EXISTS (
    SELECT 1 FROM moves l WHERE l.repository = m.repository AND l.reference = m.reference AND l.seq > m.seq))"""
_TRASH = _STEPS.format(
    next="max", beyond="<", which=f"{_LEFT} AND ?1 IS NULL", wanted=_STILL_GONE.format(which="?1 IS NULL")
)
_TRASH_HERE = _STEPS.format(
    next="max", beyond="<", which=f"{_LEFT} AND {_HERE}", wanted=_STILL_GONE.format(which=_HERE)
)


def log(execute: Execute, repository: int | None, before: int, limit: int, narrowing: Narrowing) -> list[Row]:
    """Return rows of CHANGE_COLUMNS, newest first: the changes, of a repository or of all, before a number."""
    statement = _BEFORE if repository is None else _BEFORE_HERE
    return execute(statement, (repository, before, limit, *_narrowed(narrowing))).fetchall()


def following(execute: Execute, repository: int | None, after: int, limit: int, narrowing: Narrowing) -> list[Row]:
    """Return rows of CHANGE_COLUMNS, oldest first: the changes, of a repository or of all, after a number."""
    statement = _AFTER if repository is None else _AFTER_HERE
    return execute(statement, (repository, after, limit, *_narrowed(narrowing))).fetchall()


def trash(execute: Execute, repository: int | None, before: int, limit: int) -> list[Row]:
    """Return rows of CHANGE_COLUMNS, newest first: the changes whose deletes can be taken back and stand."""
    statement = _TRASH if repository is None else _TRASH_HERE
    return execute(statement, (repository, before, limit)).fetchall()


def _narrowed(narrowing: Narrowing) -> Row:
    return narrowing.by, narrowing.since, f" {' '.join(narrowing.kinds)} " if narrowing.kinds else ""
