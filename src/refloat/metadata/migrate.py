"""Bring the schema up to date, and refuse one that is newer than this program."""

import sqlite3
from pathlib import Path

from refloat.core.errors import Unavailable
from refloat.metadata.sqlite import connect

HEAD = "0001"
_MIGRATIONS = Path(__file__).parent / "migrations"


def schema_version(database: Path) -> str | None:
    """Return the schema version of a database, None for one that has none yet."""
    if not database.exists():
        return None
    connection = connect(database)
    try:
        row = connection.execute("SELECT version_num FROM schema_version").fetchone()
    except sqlite3.OperationalError:
        return None
    finally:
        connection.close()
    return str(row[0]) if row else None


def migrate(database: Path) -> None:
    """Apply pending migrations. Raises Unavailable on a schema this program does not know."""
    found = schema_version(database)
    if found == HEAD:
        return  # Alembic costs half a second to import; a start that needs nothing does not pay for it
    known = {path.name[1:5] for path in (_MIGRATIONS / "versions").glob("v[0-9]*.py")}
    if found is not None and found not in known:
        raise Unavailable(f"{database} has schema {found}, newer than this refloat knows ({HEAD})")
    _upgrade(database)


def _upgrade(database: Path) -> None:
    from alembic import command
    from alembic.config import Config
    from sqlalchemy import create_engine
    from sqlalchemy.pool import StaticPool

    database.parent.mkdir(parents=True, exist_ok=True)
    raw = connect(database)
    engine = create_engine("sqlite://", creator=lambda: raw, poolclass=StaticPool)
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        connection.commit()
    engine.dispose()
    raw.close()
