"""Metadata backups, and the file that tells a restored database from the one that was here last."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path

from refloat import durable
from refloat.core.errors import StorageFull, Unavailable
from refloat.core.names import Digest
from refloat.core.prices import BACKUPS_KEPT
from refloat.metadata.copying import copy
from refloat.metadata.failures import database

_NAME = "refloat-%Y%m%dT%H%M%SZ.db"
_KNOWS = """
SELECT 1 FROM blobs WHERE digest = ?1 UNION ALL
SELECT 1 FROM repositories r JOIN manifests m ON m.repository = r.id AND m.digest = ?1 LIMIT 1"""


class Backups:
    """The directory `backups/` beside the database."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def save(self, source: sqlite3.Connection, at: int) -> None:
        """Write a whole copy of the database, durable under its name, and drop the oldest beyond BACKUPS_KEPT.

        Free pages are left out. Raises StorageFull, Unavailable.
        """
        name = datetime.fromtimestamp(at / 1_000_000, UTC).strftime(_NAME)
        with database():
            durable.make_directory(self._directory)
            for unfinished in self._directory.glob(".refloat-*"):
                durable.unlink(unfinished)  # of a process that died, or of a disk that failed
            self._write(source, name)
            for old in self._kept()[:-BACKUPS_KEPT]:
                durable.unlink(old)

    def replace(self, source: sqlite3.Connection, digests: Sequence[Digest], at: int) -> int:
        """Remove the backups that know any of `digests`, after writing one that does not, where there is room.

        Returns how many. Raises Unavailable.
        """
        with database():
            for unfinished in self._directory.glob(".refloat-*"):
                durable.unlink(unfinished)  # nobody can say what it holds
            known = [path for path in self._kept() if _knows(path, digests)]
            if known:
                with suppress(StorageFull):  # no room for a copy is no reason to keep one of what ended
                    self.save(source, at)
            for path in known:
                if _knows(path, digests):  # it may have been written over just now
                    durable.unlink(path)
        return len(known)

    def _write(self, source: sqlite3.Connection, name: str) -> None:
        unfinished = self._directory / f".{name}.part"
        copy(source, unfinished)
        durable.fsync_file(unfinished)
        durable.rename(unfinished, self._directory / name)
        durable.fsync_directory(self._directory)

    def last(self) -> int | None:
        """Return the instant of the newest backup, in microseconds."""
        kept = self._kept()
        if not kept:
            return None
        return int(datetime.strptime(kept[-1].name, _NAME).replace(tzinfo=UTC).timestamp()) * 1_000_000

    def named_live(self, keys: Sequence[str]) -> set[str]:
        """Return those of `keys` that a kept backup names live. Raises Unavailable when one cannot be read."""
        named: set[str] = set()
        for path in self._kept() if keys else ():
            with database(), closing(sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)) as backup:
                for key in keys:
                    if backup.execute("SELECT 1 FROM keys WHERE key = ? AND state = 'live'", (key,)).fetchone():
                        named.add(key)
        return named

    def _kept(self) -> list[Path]:
        return sorted(self._directory.glob("refloat-*Z.db"))


def _knows(path: Path, digests: Sequence[Digest]) -> bool:
    """Has a backup a manifest or a blob of these digests? One that cannot be read may have everything."""
    if not path.exists():
        return False
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)) as backup:
            return any(backup.execute(_KNOWS, (digest,)).fetchone() for digest in digests)
    except sqlite3.DatabaseError:
        return True


class Epoch:
    """The number of the collector's last round, outside the database."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> int:
        """Return the number; 0 where there is no file yet. Raises Unavailable where it holds no number."""
        try:
            with durable.disk():
                return int(self._path.read_text()) if self._path.exists() else 0
        except ValueError:
            raise Unavailable(f"{self._path} does not hold the number of a round; nothing is collected") from None

    def write(self, number: int) -> None:
        """Replace the number, durably. Raises StorageFull, Unavailable."""
        fresh = self._path.with_name(self._path.name + ".new")
        with durable.disk():
            fresh.write_text(f"{number}\n")
            durable.fsync_file(fresh)
            durable.rename(fresh, self._path)
            durable.fsync_directory(self._path.parent)
