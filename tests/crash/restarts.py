"""Steps in which the program ends and another begins on the directory: on a backup, or as a newer version."""

import re
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from refloat.core.clock import Tick
from refloat.metadata.migrate import migrate
from refloat.metadata.migrations.v0001_first import STATEMENTS
from refloat.metadata.store import SqliteMetadata
from refloat.usecases.clock import accept
from refloat.usecases.purge import reconcile
from tests.crash.registry import START, Registry

BESIDE = ("schema_version", "sqlite_sequence", "sqlite_stat1")
FIRST = {*BESIDE, *re.findall(r"CREATE (?:TABLE|INDEX) (\w+)", " ".join(STATEMENTS))}
"""What the first version's schema had."""


def put_backup_back(registry: Registry) -> None:
    """Stop, put the newest backup in the database's place, start."""
    registry.metadata.close()
    _replace(registry, max((registry.directory / "backups").glob("refloat-*.db")))


def keep_copy(registry: Registry) -> None:
    """Copy the database to another place, as an operator does."""
    here = registry.directory / "refloat.db"
    with closing(sqlite3.connect(here)) as source, closing(sqlite3.connect(_copy(registry))) as target:
        source.backup(target)


def put_copy_back(registry: Registry) -> None:
    """Stop, put that copy in the database's place, start."""
    registry.metadata.close()
    _replace(registry, _copy(registry))


def _copy(registry: Registry) -> Path:
    return registry.directory.with_name(registry.directory.name + "-copy.db")


def vouch(registry: Registry) -> None:
    """Say that this database is the one to go on with."""
    accept(registry.metadata, Tick(registry.now, registry.now - START, "one"))


def update(registry: Registry) -> None:
    """Stop, find the schema of an older version, start."""
    registry.metadata.close()
    with closing(sqlite3.connect(registry.directory / "refloat.db")) as database, database:
        database.execute("DELETE FROM schema_version WHERE version > 1")
        database.execute("DELETE FROM sqlite_stat1")
        found = database.execute("SELECT type, name, tbl_name FROM sqlite_schema WHERE sql IS NOT NULL").fetchall()
        for kind, name, table in found:
            if name not in FIRST and (kind == "table" or table in FIRST):
                database.execute(f"DROP {kind} {name}")
        database.execute("ALTER TABLE refs DROP COLUMN size")
    _start(registry)


def _replace(registry: Registry, copy: Path) -> None:
    for name in ("refloat.db-wal", "refloat.db-shm"):
        (registry.directory / name).unlink(missing_ok=True)
    shutil.copyfile(copy, registry.directory / "refloat.db")
    _start(registry)


def _start(registry: Registry) -> None:
    migrate(registry.directory / "refloat.db")
    registry.metadata = SqliteMetadata(registry.directory / "refloat.db", registry.directory, registry.blobs.make_room)
    reconcile(registry.metadata, registry.blobs, registry.now)
