"""Free pages of the database: how many there are, and how they go back to the disk.

SQLite keeps the pages of what was removed for what comes next. A database that was made to (`auto_vacuum` 2) gives
them back page by page, by moving its last one into a free one; an older one only when it is written anew.
"""

from pathlib import Path

from refloat.core.prices import DatabaseSpace
from refloat.metadata.rows import Execute

PAGES_KEPT = 512
"""Free pages that stay for what comes next: 2 MiB."""
PAGES_AT_ONCE = 500
"""Free pages that one transaction gives back, in some milliseconds."""
BY_STEPS = 2
"""`auto_vacuum` where pages are given back when that is asked for."""


def give_pages_back(execute: Execute) -> int:
    """Cut free pages off the end of the database, in the transaction that is open. Returns how many."""
    if number(execute, "auto_vacuum") != BY_STEPS:
        return 0
    count = min(PAGES_AT_ONCE, number(execute, "freelist_count") - PAGES_KEPT)
    for _ in range(count):
        execute("PRAGMA incremental_vacuum(1)")  # `sqlite3` ends it after one page, whatever is asked for
    return max(0, count)


def space_of(execute: Execute) -> DatabaseSpace:
    """Return what a database takes on the disk."""
    (_, _, path), *_ = execute("PRAGMA database_list").fetchall()
    log = Path(f"{path}-wal")
    page = number(execute, "page_size")
    return DatabaseSpace(
        size=number(execute, "page_count") * page,
        log=log.stat().st_size if log.exists() else 0,
        free=number(execute, "freelist_count") * page,
        shrinks=number(execute, "auto_vacuum") == BY_STEPS,
    )


def number(execute: Execute, pragma: str) -> int:
    """Return what SQLite answers to a pragma that is a number."""
    (value,) = execute(f"PRAGMA {pragma}").fetchone()
    return int(value)
