"""Databases as earlier programs left them: made by their own statements, which never change, with today's rows."""

import sqlite3
from contextlib import closing
from pathlib import Path

from refloat.metadata.migrations import STEPS

TABLES = """
SELECT name FROM main.sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' AND name <> 'schema_version'"""


def make_older(database: Path, schema: int) -> Path:
    """Write a database that nobody has open anew, as the program of an earlier schema had it. Returns its path."""
    fresh = database.with_name(f"{database.name}.older")
    with closing(sqlite3.connect(fresh, isolation_level=None)) as older:
        older.execute("PRAGMA journal_mode = WAL")
        older.execute("BEGIN")
        older.execute("CREATE TABLE main.schema_version (version INTEGER NOT NULL)")
        for number, statements in enumerate(STEPS[:schema], 1):
            for statement in statements:
                older.execute(statement)
            older.execute("INSERT INTO main.schema_version VALUES (?)", (number,))
        older.execute("COMMIT")
        older.execute("ATTACH ? AS newer", (str(database),))
        older.execute("BEGIN")
        for (table,) in older.execute(TABLES).fetchall():
            columns = ", ".join(sorted(_columns(older, "main", table) & _columns(older, "newer", table)))
            older.execute(f"INSERT INTO main.{table} ({columns}) SELECT {columns} FROM newer.{table}")
        older.execute("COMMIT")
    fresh.replace(database)
    return database


def schema_of(database: Path) -> int:
    """Return the number of a database's schema."""
    with closing(sqlite3.connect(database)) as connection:
        ((version,),) = connection.execute("SELECT max(version) FROM schema_version").fetchall()
    return int(version)


def _columns(connection: sqlite3.Connection, schema: str, table: str) -> set[str]:
    return {row[1] for row in connection.execute(f"PRAGMA {schema}.table_info({table})")}
