"""Whole copies of the database, without the pages that hold nothing."""

import sqlite3
from contextlib import closing
from pathlib import Path

from refloat.metadata.shrinking import BY_STEPS, number

FEW = 8
"""Where one page of so many is free, or fewer, pages are copied as they are: to write rows anew takes several times as
long."""


def copy(source: sqlite3.Connection, place: Path) -> None:
    """Write all that `source` sees to a file that is empty or not there, whatever others write meanwhile.

    Raises sqlite3.Error.
    """
    if number(source.execute, "freelist_count") > number(source.execute, "page_count") // FEW:
        _write_anew(source, place)
    else:
        _copy_pages(source, place)


def _write_anew(source: sqlite3.Connection, place: Path) -> None:
    before = number(source.execute, "query_only")
    source.execute("PRAGMA query_only = OFF")  # it would keep even the copy from being written
    try:
        source.execute("VACUUM INTO ?", (f"{place}",))
    finally:
        source.execute(f"PRAGMA query_only = {before}")


def _copy_pages(source: sqlite3.Connection, place: Path) -> None:
    with closing(sqlite3.connect(place, isolation_level=None)) as target:
        source.backup(target)
        target.execute("PRAGMA journal_mode = DELETE")
        if number(target.execute, "auto_vacuum") == BY_STEPS:
            target.execute("PRAGMA synchronous = OFF")  # nobody relies on it before it is whole
            target.executescript("BEGIN; PRAGMA incremental_vacuum; COMMIT")
